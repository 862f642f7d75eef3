"""A run as one file: a zip that opens anywhere, and that `replay` reads as a run store of one run."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from dyocense_cli.errors import StoreError, UnsupportedError, UsageError
from dyocense_cli.kernel.evidence.prov import openlineage, prov_json, ro_crate
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["FORMATS", "BundleRuns", "bundle", "export"]

MANIFEST: Final = "manifest.json"
#: Files that an export adds to a run's own, by format.
FORMATS: Final = {"ro-crate": "ro-crate-metadata.json", "prov": "prov.json", "openlineage": "openlineage.json", "in-toto": MANIFEST}
_ADDED: Final = frozenset(FORMATS.values()) - {MANIFEST}
#: Largest file of a bundle that is read back (bytes): a bundle may come from anyone.
LIMIT: Final = 2 << 30


def export(runs: RunStore, run_id: str, form: str) -> bytes:
    """Return a run's evidence in one open form.

    Raises
    ------
    UsageError
        DY1072 for a form that is not known.
    """
    manifest = manifest_of(runs, run_id)
    if form == "in-toto":
        return runs.read(run_id, MANIFEST)
    if form == "prov":
        return _json(prov_json(snapshot_artifact(runs, run_id, "evidence_graph")))
    if form == "ro-crate":
        return _json(ro_crate(manifest))
    if form == "openlineage":
        return _json(openlineage(manifest))
    raise UsageError("DY1072", f"`{form}` is not a form of evidence", hints="use " + ", ".join(FORMATS) + " or bundle")


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def bundle(runs: RunStore, run_id: str, forms: tuple[str, ...] = tuple(FORMATS)) -> bytes:
    """Return a zip of a run with the given forms beside it; the same run gives the same bytes."""
    files = {name: runs.read(run_id, name) for name in runs.names(run_id)}
    files.update({FORMATS[form]: export(runs, run_id, form) for form in forms if form in FORMATS and form != "in-toto"})
    unknown = [form for form in forms if form not in FORMATS]
    if unknown:
        raise UsageError("DY1072", f"`{unknown[0]}` is not a form of evidence", hints="use " + ", ".join(FORMATS))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return out.getvalue()


class BundleRuns:
    """A bundle seen as a store that holds one run and takes none."""

    features: ClassVar[frozenset[str]] = frozenset({"read_only"})

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            manifest = json.loads(self._archive.read(MANIFEST))
            self.run_id = str(manifest["predicate"]["run_id"])
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise StoreError(
                "DY5013", "this is not the bundle of a run", hints="make one: dyocense evidence export RUN --output run.zip"
            ) from error

    def commit(self, run_id: str, files: Mapping[str, bytes], manifest: bytes) -> str:
        """Refuse: a bundle is read-only."""
        raise UnsupportedError("DY4002", f"a bundle takes no run {run_id} ({len(files)} files, {len(manifest)} bytes of manifest)")

    def read(self, run_id: str, name: str) -> bytes:
        """Return one file; DY5003 if the bundle has none of this name, DY5002 if the archive is damaged there."""
        try:
            info = self._archive.getinfo(name)
        except KeyError:
            raise StoreError("DY5003", f"the bundle of run {run_id} has no `{name}`") from None
        if info.file_size > LIMIT:
            raise StoreError("DY5013", f"`{name}` in the bundle is larger than {LIMIT} bytes")
        try:
            return self._archive.read(info)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            raise StoreError("DY5002", f"`{name}` in the bundle was altered: {error}") from error
        except Exception as error:  # zlib.error has no common base
            raise StoreError("DY5002", f"`{name}` in the bundle was altered: {error}") from error

    def names(self, run_id: str) -> list[str]:
        """Return the run's own file names, sorted."""
        return sorted(set(self._archive.namelist()) - _ADDED) if run_id == self.run_id else []

    def list(self) -> list[str]:
        """Return the id of the one run."""
        return [self.run_id]

    def delete(self, run_id: str) -> None:
        """Refuse: a bundle is read-only."""
        raise UnsupportedError("DY4002", f"run {run_id} stays in its bundle")

"""Hash a stored run again, file by file and artifact by artifact, and say what was altered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.errors import DyocenseError, StoreError
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.signature import CHECKSUM, ENVELOPE, checksum_line, verify_envelope
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["Fault", "require_whole", "verify_run"]

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold: the file or artifact, and what is wrong with it."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def verify_run(runs: RunStore, run_id: str, *, key_file: str = "") -> list[Fault]:
    """Return everything that does not hold of a stored run; empty when it is whole.

    Checks: the manifest against its checksum and, with `key_file`, its signature; every listed file is there with its hash; nothing else
    is there; the snapshot hash; every artifact read back has the fingerprint that its stage recorded.

    Raises
    ------
    StoreError
        DY5003 if there is no such run.
    """
    manifest = runs.read(run_id, MANIFEST)
    faults = list(_manifest(runs, run_id, manifest, key_file))
    try:
        record = manifest_of(runs, run_id)
        files: Mapping[str, str] = record["files"]
        stages: list[dict[str, Any]] = record["stages"]
        snapshot = record["snapshot_hash"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [*faults, Fault(MANIFEST, "cannot be read")]
    altered = list(_files(runs, run_id, files))
    faults += altered
    if json_sha({k: v for k, v in files.items() if k != "telemetry.json"}) != snapshot:
        faults.append(Fault(MANIFEST, "the snapshot hash is not that of the listed files"))
    if not altered:
        faults += _artifacts(runs, run_id, stages)
    return faults


def require_whole(runs: RunStore, run_id: str) -> None:
    """Raise StoreError DY5002 that names the first altered file of a run."""
    faults = verify_run(runs, run_id)
    if faults:
        raise StoreError(
            "DY5002", f"run {run_id} was altered: {faults[0]}", hints=f"dyocense evidence verify {run_id}; dyocense runs pull {run_id}"
        )


def _manifest(runs: RunStore, run_id: str, manifest: bytes, key_file: str) -> Iterator[Fault]:
    names = runs.names(run_id)
    if CHECKSUM not in names:
        yield Fault(CHECKSUM, "is missing")
    elif runs.read(run_id, CHECKSUM) != checksum_line(manifest):
        yield Fault(MANIFEST, f"does not match {CHECKSUM}")
    if key_file:
        if ENVELOPE not in names:
            yield Fault(ENVELOPE, "is missing: the run is not signed")
            return
        try:
            verify_envelope(runs.read(run_id, ENVELOPE), manifest, key_file)
        except StoreError as error:
            yield Fault(ENVELOPE, error.message)
    elif ENVELOPE in names and _payload(runs.read(run_id, ENVELOPE)) != manifest:
        yield Fault(ENVELOPE, "is of another manifest, or was altered")


def _payload(envelope: bytes) -> bytes:
    import base64

    try:
        return base64.b64decode(json.loads(envelope)["payload"], validate=True)
    except (ValueError, KeyError, TypeError):
        return b""


def _files(runs: RunStore, run_id: str, files: Mapping[str, str]) -> Iterator[Fault]:
    there = set(runs.names(run_id))
    for name, sha in sorted(files.items()):
        if name not in there:
            yield Fault(name, "is missing")
        elif bytes_sha(runs.read(run_id, name)) != sha:
            yield Fault(name, "was altered: its bytes do not match the manifest")
    for name in sorted(there - set(files) - {MANIFEST, CHECKSUM, ENVELOPE, "telemetry.json"}):
        yield Fault(name, "is not in the manifest")


def _artifacts(runs: RunStore, run_id: str, stages: list[dict[str, Any]]) -> Iterator[Fault]:
    gives = {stage.name: stage.gives for stage in PLAN}
    for stage in stages:
        name = gives.get(stage["name"])
        if name is None:
            continue
        try:
            read = fingerprint(snapshot_artifact(runs, run_id, name))
        except StoreError as error:
            yield Fault(f"artifacts/{name}.json", error.message)
        except (DyocenseError, ValueError, KeyError, TypeError) as error:
            yield Fault(f"artifacts/{name}.json", f"cannot be read: {error}")
        else:
            if read != stage["output"]:
                yield Fault(f"artifacts/{name}.json", f"is not what stage {stage['name']} recorded")

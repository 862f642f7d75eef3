"""Whole runs in an S3 bucket: the manifest is the commit, so that no manifest stands there before its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from dyocense_cli.adapters.blobs.bucket import PATIENCE_S, RETRIES, Bucket
from dyocense_cli.errors import StoreError, UnavailableError

__all__ = ["S3Runs"]

MANIFEST: Final = "manifest.json"


class S3Runs:
    """``<prefix>/<tenant>/<part>/<run_id>/``; a run without a manifest never happened, and a second commit goes on where one broke off."""

    features: ClassVar[frozenset[str]] = frozenset({"remote", "resume"})

    def __init__(
        self, url: str, *, tenant: str = "local", endpoint: str = "", access_key: str = "", secret_key: str = "", retries: int = RETRIES,
        patience_s: float = PATIENCE_S, part: str = "runs",
    ) -> None:  # fmt: skip
        self._bucket = Bucket(
            url, f"{tenant}/{part}", endpoint=endpoint, access_key=access_key, secret_key=secret_key, retries=retries, patience_s=patience_s
        )

    def place(self, run_id: str) -> str:
        """Return the URL of a run."""
        return f"{self._bucket.place}/{run_id}"

    def commit(self, run_id: str, files: Mapping[str, bytes], manifest: bytes) -> str:
        """Store a run, its manifest last; return its URL.

        Files that a broken upload left are compared, not sent again; a file that differs is replaced, since no manifest names it yet.
        """
        if self._bucket.size(f"{run_id}/{MANIFEST}") is not None:
            raise StoreError("DY5004", f"run {run_id} is stored already")
        left = len(files) + 1
        try:
            for name, data in sorted(files.items()):
                self._upload(f"{run_id}/{name}", data)
                left -= 1
            key = f"{run_id}/{MANIFEST}"
            # A lost answer and another writer look alike: equal bytes mean that it was us.
            if not self._bucket.create(key, manifest) and self._bucket.read(key) != manifest:
                raise StoreError("DY5004", f"run {run_id} is stored already")
        except UnavailableError as error:
            raise UnavailableError(
                error.code, f"{left} of {len(files) + 1} files not yet uploaded to {self.place(run_id)}", why=error.message,
                hints=(f"dyocense runs push {run_id}", *error.hints),
            ) from error  # fmt: skip
        return self.place(run_id)

    def add(self, run_id: str, name: str, data: bytes) -> None:
        """Store one file of a run that has no manifest yet, in place of an earlier one of its name."""
        self._bucket.replace(f"{run_id}/{name}", data)

    def _upload(self, key: str, data: bytes) -> None:
        if not self._bucket.create(key, data) and self._bucket.read(key) != data:
            self._bucket.replace(key, data)

    def read(self, run_id: str, name: str) -> bytes:
        """Return one file of a run; DY5003 if the run or the file is absent."""
        data = self._bucket.read(f"{run_id}/{name}")
        if data is None:
            raise StoreError("DY5003", f"run {run_id} has no `{name}` in {self._bucket.place}", hints="dyocense runs list")
        return data

    def names(self, run_id: str) -> list[str]:
        """Return the file names of a run, sorted."""
        return [key.removeprefix(f"{run_id}/") for key in self._bucket.keys(run_id)]

    def list(self) -> list[str]:
        """Return the ids of all whole runs, oldest first."""
        return sorted(key.removesuffix(f"/{MANIFEST}") for key in self._bucket.keys() if key.endswith(f"/{MANIFEST}"))  # noqa: SIM118  # not a mapping

    def delete(self, run_id: str) -> None:
        """Remove a run: manifest first."""
        self._bucket.delete(f"{run_id}/{MANIFEST}")
        for key in self._bucket.keys(run_id):
            self._bucket.delete(key)

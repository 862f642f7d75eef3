"""Runs kept in a folder and sent on to another store: what cannot be sent is kept, and `runs push` sends it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dyocense_cli.errors import StoreError, UnavailableError
from dyocense_cli.ports import RunStore

__all__ = ["MirroredRuns"]

MANIFEST = "manifest.json"


class MirroredRuns:
    """A local run store in front of a remote one; reading prefers the local copy."""

    features: ClassVar[frozenset[str]] = frozenset({"local", "remote", "resume"})

    def __init__(self, local: RunStore, remote: RunStore) -> None:
        self.local = local
        self.remote = remote

    def place(self, run_id: str) -> str:
        """Return where the run stands locally."""
        return str(self.local.place(run_id))  # type: ignore[attr-defined]  # both of our stores have it

    def commit(self, run_id: str, files: Mapping[str, bytes], manifest: bytes) -> str:
        """Store a run locally, then send it on; an unreachable remote raises (exit 7) after the run is safe here."""
        place = self.local.commit(run_id, files, manifest)
        try:
            self.remote.commit(run_id, files, manifest)
        except UnavailableError as error:
            raise UnavailableError(
                error.code, f"{error.message}; the whole run is kept in {place}", why=error.why, hints=error.hints
            ) from error
        return place

    def push(self, run_id: str) -> bool:
        """Send a local run on; False if the remote holds it already.

        Raises
        ------
        StoreError
            DY5004 if the remote holds another run of this id.
        """
        manifest = self.local.read(run_id, MANIFEST)
        if run_id in self.remote.list():
            if self.remote.read(run_id, MANIFEST) != manifest:
                raise StoreError("DY5004", f"another run {run_id} is stored at the remote")
            return False
        self.remote.commit(run_id, _files(self.local, run_id), manifest)
        return True

    def pull(self, run_id: str) -> bool:
        """Fetch a remote run; False if it is here already."""
        if run_id in self.local.list():
            return False
        manifest = self.remote.read(run_id, MANIFEST)
        self.local.commit(run_id, _files(self.remote, run_id), manifest)
        return True

    def read(self, run_id: str, name: str) -> bytes:
        """Return one file of a run, from here if it is here."""
        try:
            return self.local.read(run_id, name)
        except StoreError as error:
            if error.code != "DY5003":
                raise
            return self.remote.read(run_id, name)

    def names(self, run_id: str) -> list[str]:
        """Return the file names of a run, sorted."""
        return self.local.names(run_id) or self.remote.names(run_id)

    def list(self) -> list[str]:
        """Return the ids of all whole runs, oldest first: those here, and those of the remote while it can be reached."""
        here = set(self.local.list())
        try:
            return sorted(here | set(self.remote.list()))
        except UnavailableError:
            return sorted(here)

    def delete(self, run_id: str) -> None:
        """Remove a run at the remote, then here."""
        self.remote.delete(run_id)
        self.local.delete(run_id)


def _files(store: RunStore, run_id: str) -> dict[str, bytes]:
    return {name: store.read(run_id, name) for name in store.names(run_id) if name != MANIFEST}

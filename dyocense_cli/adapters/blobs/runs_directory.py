"""Whole runs in a directory: written to a hidden sibling and renamed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from dyocense_cli.adapters.held import held_folder, sweep_folders
from dyocense_cli.errors import StoreError

__all__ = ["DirectoryRuns"]

MANIFEST = "manifest.json"


class DirectoryRuns:
    """``<root>/<run_id>/``; a directory without a manifest is no run."""

    features: ClassVar[frozenset[str]] = frozenset({"local"})

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def place(self, run_id: str) -> str:
        """Return the directory of a run."""
        return str(self._root / run_id)

    def commit(self, run_id: str, files: Mapping[str, bytes], manifest: bytes) -> str:
        """Store a run, its manifest last; return its directory."""
        target = self._inside(run_id)
        if (target / MANIFEST).exists():
            raise StoreError("DY5004", f"run {run_id} is stored already")
        self._root.mkdir(parents=True, exist_ok=True)
        sweep_folders(self._root, ".part-*")
        with held_folder(self._root, ".part") as part:
            for name, data in sorted(files.items()):
                path = part / self._inside(run_id, name).relative_to(target)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            (part / MANIFEST).write_bytes(manifest)
            try:
                part.rename(target)
            except OSError as error:
                raise StoreError("DY5004", f"run {run_id} is stored already") from error
        return str(target)

    def _inside(self, run_id: str, name: str = "") -> Path:
        """Return a path of a run; DY5003 for an id or name that would leave it."""
        parts = [run_id, *name.split("/")] if name else [run_id]
        if any(p in ("", ".", "..") or "\\" in p or "\0" in p for p in parts) or "/" in run_id or run_id.startswith("."):
            raise StoreError("DY5003", f"run {run_id} has no `{name}`", hints="dyocense runs list")
        return self._root.joinpath(*parts)

    def read(self, run_id: str, name: str) -> bytes:
        """Return one file of a run; DY5003 if the run or the file is absent."""
        try:
            return self._inside(run_id, name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise StoreError("DY5003", f"run {run_id} has no `{name}`", hints="dyocense runs list") from None

    def names(self, run_id: str) -> list[str]:
        """Return the file names of a run, sorted."""
        base = self._inside(run_id)
        return sorted(p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file())

    def list(self) -> list[str]:
        """Return the ids of all whole runs, oldest first."""
        return sorted(p.parent.name for p in self._root.glob(f"*/{MANIFEST}") if not p.parent.name.startswith("."))

    def delete(self, run_id: str) -> None:
        """Remove a run: manifest first."""
        base = self._inside(run_id)
        (base / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(base, ignore_errors=True)

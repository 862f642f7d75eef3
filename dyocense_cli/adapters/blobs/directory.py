"""Bytes by their SHA-256 in a directory: immutable files, renamed into place."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from dyocense_cli.errors import StoreError

__all__ = ["DirectoryBlobs"]


class DirectoryBlobs:
    """One file per hash under ``<root>/<first two digits>/``; altered files are set aside as ``*.altered``."""

    features: ClassVar[frozenset[str]] = frozenset({"local"})

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def _path(self, sha: str) -> Path:
        digits = sha.removeprefix("sha256:")
        return self._root / digits[:2] / digits

    def put(self, data: bytes) -> str:
        """Store bytes, return ``sha256:…``; storing again is a no-op."""
        sha = "sha256:" + hashlib.sha256(data).hexdigest()
        path = self._path(sha)
        if self._holds(path, data):
            return sha
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return sha

    @staticmethod
    def _holds(path: Path, data: bytes) -> bool:
        """Say whether these very bytes stand there; others (a flipped bit) are set aside, so that what is made anew can be stored."""
        try:
            if path.read_bytes() == data:
                return True
            path.replace(path.with_suffix(".altered"))
        except FileNotFoundError:
            pass
        return False

    def get(self, sha: str) -> bytes:
        """Return bytes; DY5003 if absent, DY5002 (and set aside) if altered."""
        path = self._path(sha)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise StoreError("DY5003", f"nothing is stored under {sha[:19]}…", hints="run the command again to make it anew") from None
        if "sha256:" + hashlib.sha256(data).hexdigest() != sha:
            path.replace(path.with_suffix(".altered"))
            raise StoreError(
                "DY5002", f"the bytes stored under {sha[:19]}… were altered; they were set aside", hints="run again to rebuild"
            )
        return data

    def has(self, sha: str) -> bool:
        """Say whether the bytes are stored, unread."""
        return self._path(sha).exists()

    def list(self) -> Iterator[str]:
        """Yield all stored hashes, sorted."""
        for path in sorted(self._root.glob("??/" + "[0-9a-f]" * 64)):
            yield "sha256:" + path.name

    def delete(self, sha: str) -> None:
        """Remove bytes; absent is a no-op."""
        self._path(sha).unlink(missing_ok=True)

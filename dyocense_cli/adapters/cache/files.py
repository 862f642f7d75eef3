"""Stage cache as immutable, atomically renamed files: no lock, no torn entry, any number of processes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import ClassVar

__all__ = ["FileCache"]


class FileCache:
    """One small file per key: the value and its checksum; an entry whose checksum fails is set aside and counts as absent."""

    features: ClassVar[frozenset[str]] = frozenset({"local"})

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def _path(self, key: str) -> Path:
        digits = hashlib.sha256(key.encode()).hexdigest()
        return self._root / digits[:2] / digits

    def get(self, key: str) -> str | None:
        """Return the fingerprint, or None."""
        path = self._path(key)
        try:
            value, _, check = path.read_text("utf-8").rpartition("\n")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        if check != hashlib.sha256(value.encode()).hexdigest()[:16]:
            path.replace(path.with_suffix(".altered"))
            return None
        return value

    def put(self, key: str, fingerprint: str) -> None:
        """Remember; the last writer wins, a reader never sees a torn entry."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{fingerprint}\n{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}")
        Path(name).replace(path)

    def clear(self) -> int:
        """Forget everything; return how many entries there were."""
        paths = [p for p in self._root.glob("??/*") if not p.name.startswith(".")]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

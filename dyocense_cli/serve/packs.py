"""What stages made, packed into files that a worker carries to another machine without looking inside."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dyocense_cli.runner.memo import Memo

__all__ = ["PACKS", "Packer"]

#: The folder of packs in a job's folder.
PACKS: Final = "packs"
_KEYS: Final = "keys.json"


class _Noted:
    """A blob store or stage cache that notes the names it was asked for or given; everything else is the inner one's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, name: str) -> Any:
        value = self._inner.get(name)
        if value is not None:
            self.names.append(name)
        return value

    def put(self, *what: Any) -> Any:
        made = self._inner.put(*what)
        self.names.append(what[0] if made is None else made)  # a key is given, a hash is answered
        return made


class Packer:
    """Packs what stages made or found, each thing once; a pack is one file, numbered in the order of the stages.

    What a stage found counts too: another machine has not found it yet. Packs that are there already, an earlier attempt's, are
    taken up first.
    """

    def __init__(self, memo: Memo, folder: Path) -> None:
        self._folder = folder / PACKS
        self._packed = _take_up(memo, self._folder)
        self._blobs, self._cache = _Noted(memo.blobs), _Noted(memo.cache)
        memo.blobs, memo.cache = self._blobs, self._cache  # type: ignore[assignment]  # they answer as the inner ones do

    def pack(self, stage: str) -> str:
        """Write what is not packed yet and return the file's name, or an empty text where there is nothing."""
        new = {n for n in (*self._blobs.names, *self._cache.names) if n not in self._packed}
        if not new:
            return ""
        name = f"{len(list(self._folder.glob('*.zip'))):02d}-{stage}.zip"
        part = self._folder / f"{name}.part"  # the worker looks for whole packs meanwhile
        with zipfile.ZipFile(part, "w") as file:
            file.writestr(_KEYS, json.dumps({n: self._cache.get(n) for n in list(self._cache.names) if n in new}))
            for sha in {n for n in self._blobs.names if n in new}:
                file.writestr(sha, self._blobs.get(sha))
        part.replace(self._folder / name)
        self._packed |= new
        self._blobs.names.clear()
        self._cache.names.clear()
        return name


def _take_up(memo: Memo, folder: Path) -> set[str]:
    """Put the contents of all packs of a folder into a memo and return their names; a torn pack counts as absent."""
    names: set[str] = set()
    for path in sorted(folder.glob("*.zip")):
        try:
            with zipfile.ZipFile(path) as file:
                contents = {n: file.read(n) for n in file.namelist()}
        except zipfile.BadZipFile:
            continue
        keys = json.loads(contents.pop(_KEYS, b"{}"))
        for data in contents.values():
            memo.blobs.put(data)
        for key, value in keys.items():
            memo.cache.put(key, value)
        names |= {*contents, *keys}
    return names

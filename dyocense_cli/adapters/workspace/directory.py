"""A project folder: texts and tables inside one root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from dyocense_cli.adapters.workspace.tables import read_tables
from dyocense_cli.artifacts.context import ContextSpec, Tables
from dyocense_cli.artifacts.rules import near
from dyocense_cli.errors import InputError, Span

__all__ = ["DirectoryWorkspace", "find_root"]

_TEXT_BYTES: Final = 64 << 20  # no goal, context or model comes near
_DATA_BYTES: Final = 4 << 30
_ENTRIES: Final = 20_000  # folder entries looked at for links before a query is refused


def find_root(start: str) -> str:
    """Return the nearest folder at or above `start` that holds ``dyocense.toml``, else the current folder."""
    here = Path(start).absolute()
    for folder in (here, *here.parents):
        if (folder / "dyocense.toml").is_file():
            return str(folder)
    return str(Path.cwd())


class DirectoryWorkspace:
    """Files below `root`, and below each folder or file of `allow`.

    Names are relative to the root, with ``/``. A name in a file is read from that file's folder (`resolve`). Absolute names,
    names that leave the root through ``..`` and links out of it are refused unless `allow` opens where they lead.
    """

    features: ClassVar[frozenset[str]] = frozenset({"csv", "parquet", "json", "xlsx", "rows", "sql"})

    def __init__(self, root: str, allow: tuple[str, ...] = ()) -> None:
        self._root = Path(os.path.realpath(root))
        self._allow = tuple(Path(os.path.realpath(path)) for path in allow)

    def text(self, name: str) -> str:
        """Return a UTF-8 text.

        Raises
        ------
        InputError
            DY2001 if the name leaves the project, DY2002 if there is no such file, DY2003 if it is not UTF-8, DY2004 if it is too large.
        """
        data = self._bytes(name, _TEXT_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n")
            raise InputError(
                "DY2003",
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                where=Span(name, len(before), len(before[-1]) + 1),
                hints="save the file as UTF-8",
            ) from None

    def data(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises
        ------
        InputError
            DY2001, DY2002, DY2004 as `text`.
        """
        return self._bytes(name, _DATA_BYTES)

    def resolve(self, base: str, name: str) -> str:
        """Return the logical name of `name` as written in file `base`.

        Raises
        ------
        InputError
            DY2001 if it is absolute or leaves the root, and is not below an allowed path.
        """
        if not name or "\0" in name:
            raise InputError("DY2001", "a path is empty or holds a NUL", where=Span(base, 1, 1), hints="name a file of the project")
        full = Path(name) if Path(name).is_absolute() else self._root / Path(base).parent / name
        real = Path(os.path.realpath(full))
        inside = real.is_relative_to(self._root)
        if not self._allowed(real) and (Path(name).is_absolute() or not inside):
            raise self._outside(name, Span(base, 1, 1))
        return real.relative_to(self._root).as_posix() if inside else str(real)

    def tables(self, spec: ContextSpec) -> Tables:
        """Read every table of a context.

        Raises
        ------
        Findings
            DY2000 with everything that cannot be read, each with its row.
        """
        return read_tables(spec, self)

    def path(self, name: str) -> Path:
        """Return the real path of a logical name, checked to lie inside; DY2001, DY2002 as `text`."""
        real = Path(os.path.realpath(self._root / name))
        if not (real.is_relative_to(self._root) or self._allowed(real)):
            raise self._outside(name, None)
        try:
            mode = real.stat().st_mode
        except (OSError, ValueError):
            raise self._absent(name) from None
        if not stat.S_ISREG(mode):
            raise InputError("DY2002", f"`{name}` is not a file", hints="name a file of the project")
        return real

    def folder(self, name: str) -> Path:
        """Return the folder of a logical name for queries over its files; DY2001 if a link below it leaves the project."""
        folder = Path(os.path.realpath(self._root / name)).parent
        for link in _links(folder):
            real = Path(os.path.realpath(link))
            if not (real.is_relative_to(self._root) or self._allowed(real)):
                raise self._outside(str(link.relative_to(folder)), None)
        return folder

    def _allowed(self, real: Path) -> bool:
        return any(real == allowed or real.is_relative_to(allowed) for allowed in self._allow)

    def _outside(self, name: str, where: Span | None) -> InputError:
        return InputError(
            "DY2001",
            f"`{name[:200]}` leads out of the project",
            where=where,
            why=f"the project is {self._root}",
            hints="use a relative path below the project, or open it with --allow-path",
        )

    def _absent(self, name: str) -> InputError:
        folder = (self._root / name).parent
        try:
            beside = sorted(os.listdir(folder))[:1000]  # noqa: PTH208 - names alone, no Path per entry
        except (OSError, ValueError):
            beside = []
        meant = near(Path(name).name, beside)
        hint = f"did you mean `{meant}`?" if meant else f"no file of this name is in {Path(name).parent.as_posix()}/"
        return InputError("DY2002", f"there is no file `{name[:200]}`", hints=hint)

    def _bytes(self, name: str, limit: int) -> bytes:
        path = self.path(name)
        try:
            size = path.stat().st_size
            if size > limit:
                raise InputError("DY2004", f"`{name}` has {size} bytes, the limit is {limit}", hints="split the file")
            return path.read_bytes()
        except OSError as error:
            raise InputError("DY2002", f"`{name}` cannot be read: {error.strerror}", hints="check its permissions") from error


def _links(folder: Path) -> Iterator[Path]:
    """Yield the links below a folder; DY2004 where there are too many entries to look at."""
    seen = 0
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            seen += 1
            if seen > _ENTRIES:
                raise InputError(
                    "DY2004", f"over {_ENTRIES} files lie beside the context of a query", hints="give the context its own folder"
                )
            path = Path(base) / name
            if path.is_symlink():
                yield path

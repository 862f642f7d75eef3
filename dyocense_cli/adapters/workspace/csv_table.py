"""CSV and TSV: columns of text, exact row numbers, truncated rows found."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from dyocense_cli.adapters.workspace.cells import Columns, TableError

__all__ = ["read_csv"]

_SHOWN: Final = 20  # rows named before the rest is counted


def _delimiter(header: str) -> str:
    """Return the delimiter of a header line: a comma, unless it has none but semicolons or tabs."""
    return max(",;\t", key=lambda mark: (header.count(mark), mark == ","))


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError("DY2302", f"column `{twice[0]}` is given twice", hint="name each column once")
    if "" in names:
        raise TableError("DY2302", f"column {names.index('') + 1} has no name", hint="name each column in the first line")
    return names


def read_csv(path: Path) -> Columns:
    """Read a CSV file with a header line, all cells as text, empty cells as None.

    Raises
    ------
    TableError
        DY2302 if it cannot be read, DY2303 for each row with too few or too many cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline(1 << 20)
            stream.seek(0)
            reader = csv.reader(stream, delimiter=_delimiter(first), strict=True)
            header = next(reader, None)
            if header is None:
                raise TableError("DY2302", "the file is empty", hint="write the column names in the first line")
            names = _names(header)
            try:
                rows = list(reader)
            except csv.Error as error:
                raise TableError(
                    "DY2302", f"line {reader.line_num}: {error}", hint="close the quotes and escape them by doubling"
                ) from None
    except UnicodeDecodeError as error:
        raise TableError("DY2302", f"byte 0x{error.object[error.start]:02x} is not UTF-8", hint="save the file as UTF-8") from None
    return _columns(names, rows)


def _columns(names: list[str], rows: list[list[str]]) -> Columns:
    width = len(names)
    numbers: tuple[int, ...] | None = None
    if any(len(row) != width for row in rows):
        kept = [(i, row) for i, row in enumerate(rows, 1) if row]
        bad = [i for i, row in kept if len(row) != width]
        if bad:
            more = f", and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
            raise TableError(
                "DY2303",
                f"a row has {len(rows[bad[0] - 1])} cells, the header has {width}{more}",
                hint="fill in the missing cells; quote text that holds the delimiter",
                rows=bad[:_SHOWN],
            )
        numbers, rows = tuple(i for i, _ in kept), [row for _, row in kept]
    columns = zip(*rows, strict=True) if rows else [()] * width
    return Columns({name: _blank_to_none(column) for name, column in zip(names, columns, strict=True)}, numbers)


def _blank_to_none(column: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple([value or None for value in column]) if "" in column else column

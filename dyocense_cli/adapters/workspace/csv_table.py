"""CSV and TSV: columns of text, exact row numbers, truncated rows found."""

from __future__ import annotations

import csv
import gc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from dyocense_cli.adapters.workspace.cells import Columns, TableError

__all__ = ["read_csv"]

_SHOWN: Final = 20  # rows named before the rest is counted
_CHUNK: Final = 4096  # rows turned into columns at a time: few enough to stay in the processor's cache


def read_csv(path: Path) -> Columns:
    """Read a CSV file with a header line, all cells as text, empty cells as None.

    Raises
    ------
    TableError
        DY2302 if it cannot be read, DY2303 for each row with too few or too many cells.
    """
    pause = gc.isenabled()
    gc.disable()  # a row is a list: collection passes would be most of the time for a million of them
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline(1 << 20)
            stream.seek(0)
            reader = csv.reader(stream, delimiter=_delimiter(first), strict=True)
            try:
                return _columns(reader)
            except csv.Error as error:
                message = f"line {reader.line_num}: {error}"
                raise TableError("DY2302", message, hint="close the quotes, and double a quote inside them") from None
    except UnicodeDecodeError as error:
        raise TableError("DY2302", f"byte 0x{error.object[error.start]:02x} is not UTF-8", hint="save the file as UTF-8") from None
    finally:
        if pause:
            gc.enable()


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


def _columns(reader: Iterator[list[str]]) -> Columns:
    header = next(reader, None)
    if header is None:
        raise TableError("DY2302", "the file is empty", hint="write the column names in the first line")
    names = _names(header)
    width = len(names)
    columns: list[list[str]] = [[] for _ in names]
    numbers: list[int] = []  # filled only where a blank line moves the numbers
    bad: list[tuple[int, int]] = []
    read = 0
    while chunk := list(islice(reader, _CHUNK)):
        if set(map(len, chunk)) != {width}:
            numbers = numbers or list(range(1, read + 1))
            kept = [(i, row) for i, row in enumerate(chunk, read + 1) if row]
            bad += [(i, len(row)) for i, row in kept if len(row) != width]
            numbers += [i for i, _ in kept]
            rows = [row for _, row in kept if len(row) == width]
        else:
            if numbers:
                numbers += range(read + 1, read + len(chunk) + 1)
            rows = chunk
        read += len(chunk)
        for column, cells in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
            column.extend(cells)
    found = Columns({name: _cells(column) for name, column in zip(names, columns, strict=True)}, tuple(numbers) or None)
    if bad:
        more = f", and {len(bad) - _SHOWN} more such rows" if len(bad) > _SHOWN else ""
        message = f"a row has {bad[0][1]} cells, the header has {width}{more}"
        hint = "fill in the missing cells; quote text that holds the delimiter"
        raise TableError("DY2303", message, hint=hint, rows={i: "".join(names[n : n + 1]) for i, n in bad[:_SHOWN]}, rest=found)
    return found


def _cells(column: list[str]) -> tuple[str | None, ...]:
    return tuple([value or None for value in column]) if "" in column else tuple(column)

"""Excel sheets: the first row names the columns, empty rows are skipped and counted."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import openpyxl

from dyocense_cli.adapters.workspace.cells import Cell, Columns, TableError, cell

__all__ = ["read_sheet"]

_UNPACKED: Final = 512 << 20  # bytes a workbook may unpack to


def read_sheet(path: Path, sheet: str | None) -> Columns:
    """Read a sheet (the first if `sheet` is None); dates become ISO text, formulas their stored values.

    Raises
    ------
    TableError
        DY2302 if it cannot be read or unpacks to more than 512 MB, DY2303 for each row with cells outside the header.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _UNPACKED:
                raise TableError("DY2302", "the workbook unpacks to over 512 MB", hint="use Parquet or CSV")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except TableError:
        raise
    except Exception as error:  # openpyxl raises many kinds for broken workbooks
        raise TableError("DY2302", f"not a workbook: {error}", hint="save it as .xlsx") from None
    try:
        name = sheet if sheet is not None else book.sheetnames[0]
        if name not in book.sheetnames:
            raise TableError("DY2302", f"there is no sheet `{name}`", hint="use one of " + ", ".join(book.sheetnames))
        rows = [tuple(row) for row in book[name].iter_rows(values_only=True)]
    finally:
        book.close()
    return _columns(rows)


def _columns(rows: Sequence[tuple[object, ...]]) -> Columns:
    header = [str(name).strip() if name is not None else "" for name in rows[0]] if rows else []
    width = max((i + 1 for i, name in enumerate(header) if name), default=0)
    names = header[:width]
    if not width or "" in names or len(set(names)) < width:
        raise TableError("DY2302", "the first row does not name each column once", hint="write the column names in the first row")
    kept = [(i, row) for i, row in enumerate(rows[1:], 1) if any(value is not None for value in row)]
    bad = [i for i, row in kept if any(value is not None for value in row[width:])]
    if bad:
        raise TableError(
            "DY2303",
            f"a row has more cells than the header's {width}",
            hint="name the column or clear the cell",
            rows=dict.fromkeys(bad[:20], ""),
        )
    values: dict[str, tuple[Cell, ...]] = {}
    for at, name in enumerate(names):
        values[name] = tuple(cell(row[at]) if at < len(row) else None for _, row in kept)
    numbers = tuple(i for i, _ in kept)
    return Columns(values, None if numbers == tuple(range(1, len(kept) + 1)) else numbers)

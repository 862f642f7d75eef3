"""Cells as every reader gives them: text, numbers, true and false, or nothing; dates as ISO text."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Cell", "Columns", "TableError", "cell"]

Cell: TypeAlias = "str | float | int | bool | None"


@dataclass(frozen=True, slots=True)
class Columns:
    """A table as read, by column; `rows` are source row numbers where they are not 1..n."""

    values: Mapping[str, tuple[Cell, ...]]
    rows: tuple[int, ...] | None = None


class TableError(Exception):
    """A table cannot be read: code, what, hint, and the rows it is about (data rows from 1; none = the table).

    `rows` maps each to the first column that it lacks, empty where it lacks none; `rest` is what the other rows say.
    """

    def __init__(self, code: str, message: str, *, hint: str, rows: Mapping[int, str] | None = None, rest: Columns | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.rows = dict(rows or {})
        self.rest = rest


def cell(value: object) -> Cell:
    """Return a value of JSON, Excel or DuckDB as a cell.

    Raises
    ------
    TypeError
        For lists, maps, bytes and what else does not fit one cell.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    raise TypeError(f"a cell holds {type(value).__name__}")

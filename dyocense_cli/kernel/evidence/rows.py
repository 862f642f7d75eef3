"""Which rows of which table a plan line rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np

from dyocense_cli.artifacts.codec import encode
from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.errors import Ref

__all__ = ["KEYS", "TABLES_OF_A_LINE", "RowIndex", "cell", "table_sha"]

#: Tables whose rows a line quotes one by one; histories and deliveries are quoted through their series.
TABLES_OF_A_LINE: Final = ("offers", "skus", "suppliers", "stock", "orders", "locations")

#: Columns that name things; a table's rows match a line where every key they share agrees (a missing label matches all).
KEYS: Final = ("sku", "supplier", "location")


def table_sha(table: Table) -> str:
    """Return the fingerprint of a bound table: its columns, not the file or row numbers it came from."""
    return str(json_sha(encode(table, meta=False).doc))


class RowIndex:
    """Rows of a context by keys, each looked up once."""

    def __init__(self, context: Context) -> None:
        self._tables = context.tables
        self._shas: dict[str, str] = {}
        self._found: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], list[int]]] = {}

    def sha(self, table: str) -> str:
        """Return the table's fingerprint."""
        if table not in self._shas:
            self._shas[table] = table_sha(self._tables[table])
        return self._shas[table]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the tables, sorted."""
        return tuple(sorted(self._tables))

    def matching(self, table: str, keys: Mapping[str, str]) -> list[int]:
        """Return the rows (0-based, canonical order) whose key columns agree with `keys`; none for a table without a shared key."""
        if table not in self._tables:
            return []
        shared = tuple(k for k in KEYS if k in self._tables[table].columns and k in keys)
        if not shared:
            return []
        index = self._index(table, shared)
        return index.get(tuple(keys[k] for k in shared), [])

    def _index(self, table: str, shared: tuple[str, ...]) -> dict[tuple[str, ...], list[int]]:
        if (table, shared) not in self._found:
            columns = [_texts(self._tables[table].columns[k]) for k in shared]
            found: dict[tuple[str, ...], list[int]] = {}
            for row, values in enumerate(zip(*columns, strict=True)):
                found.setdefault(values, []).append(row)
            self._found[(table, shared)] = found
        return self._found[(table, shared)]

    def values(self, table: str, row: int) -> str:
        """Return a row's values as JSON text, keys sorted, missing ones left out."""
        found = {name: cell(column, row) for name, column in sorted(self._tables[table].columns.items())}
        return json.dumps({k: v for k, v in found.items() if v is not None}, ensure_ascii=False, sort_keys=True)

    def place(self, table: str, row: int) -> Ref:
        """Return where the row stood when it was read: file and data row (1 = first)."""
        data = self._tables[table]
        return Ref(data.file or table, int(data.rows[row]) if data.rows is not None else row + 1)


def _texts(column: Column) -> list[str]:
    if column.labels is None:
        return [str(v) for v in column.values.tolist()]
    return [t if t is not None else "" for t in column.text()]


def cell(column: Column, row: int) -> str | float | bool | None:
    """Return one value of a column; None where it is missing."""
    value = column.values[row]
    if column.labels is not None:
        return column.labels[int(value)] if value >= 0 else None
    if column.values.dtype == np.bool_:
        return bool(value)
    return None if isinstance(value, np.floating) and np.isnan(value) else float(value)

"""Keys and links: no two rows with one key, no label that its own table does not list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from dyocense_cli.artifacts.context import Table
from dyocense_cli.artifacts.rules import coded, finding, near
from dyocense_cli.errors import Finding, Where
from dyocense_cli.kernel.context.columns import KEYS, LINKS
from dyocense_cli.kernel.context.faults import Faults, Source

__all__ = ["check_keys", "check_links"]

_RULES: Final = {"sku": "DYO-X001", "supplier": "DYO-X002"}
_WORDS: Final = {"date": "on", "sku": "for", "supplier": "from", "location": "at", "min_qty": "from a quantity of"}


def check_keys(source: Source, table: Table, faults: Faults) -> None:
    """Note every row whose key an earlier row has: DYO-S009 for ids of SKUs, suppliers and locations, DY2309 elsewhere."""
    names = [name for name in KEYS.get(source.name, ()) if name in table.columns]
    if not names or table.n_rows < 2:
        return
    parts = [_codes(table, name) for name in names]
    order = np.lexsort(parts[::-1])
    same = np.ones(table.n_rows - 1, dtype=bool)
    for part in parts:
        same &= part[order][1:] == part[order][:-1]
    if not same.any():
        return
    first = order[np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), np.arange(table.n_rows), 0))]
    pairs = {int(order[i + 1]): int(first[i + 1]) for i in np.flatnonzero(same)}

    def make(row: int, where: Where) -> Finding:
        said = " ".join(f"{_WORDS.get(name, name)} {_shown(table, name, row)}" for name in names)
        other = source.number(pairs[row])
        if len(names) == 1:
            return finding("DYO-S009", f"{names[0]} `{_shown(table, names[0], row)}` is given twice, first in row {other}", where=where)
        return coded(
            "DY2309",
            f"`{source.name}` has two rows {said}: rows {other} and {source.number(row)}",
            where=where,
            remediation="remove one of them, or make one row of the two",
        )

    faults.rows(source, names[-1], sorted(pairs), make)


def _codes(table: Table, name: str) -> np.ndarray:
    values = table.columns[name].values
    return np.nan_to_num(values, nan=-1.0) if values.dtype.kind == "f" else values


def _shown(table: Table, name: str, row: int) -> str:
    column = table.columns[name]
    if column.labels is None:
        return f"{column.values[row]:g}"
    code = int(column.values[row])
    return column.labels[code] if code >= 0 else "nothing"


def check_links(sources: Mapping[str, Source], tables: Mapping[str, Table], faults: Faults) -> None:
    """Note every SKU, supplier and location that its own table does not list, where that table is there."""
    for column, home in LINKS.items():
        listed = tables[home].columns.get(column) if home in tables else None
        if listed is None or listed.labels is None:
            continue
        known = frozenset(listed.labels)
        for name, table in tables.items():
            if name != home and column in table.columns:
                _link(sources[name], column, table, known, faults)


def _link(source: Source, column: str, table: Table, known: frozenset[str], faults: Faults) -> None:
    found = table.columns[column]
    unknown = [i for i, label in enumerate(found.labels or ()) if label not in known]
    if not unknown:
        return
    labels = found.labels or ()
    # One finding per unknown label, at its first row: a label repeated down a history is one mistake.
    rows = [int(np.flatnonzero(found.values == code)[0]) for code in unknown]

    def make(row: int, where: Where) -> Finding:
        label = labels[int(found.values[row])]
        meant = near(label, known)
        message = f"`{source.name}` names the {column} `{label[:60]}`, which `{LINKS[column]}` does not list"
        if column in _RULES:
            return finding(_RULES[column], message, where=where, near=meant or "none")
        hint = f"did you mean `{meant}`?" if meant else f"add it to `{LINKS[column]}`"
        return coded("DY2310", message, where=where, remediation=hint)

    faults.rows(source, column, rows, make)

"""Cells of tables changed from the command line: ``supplier.V2.price=+15%``, ``supplier.V2.lead_time=+10d``, ``sku.MILK.moq=24``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.context import CellEdit, Column, Table
from dyocense_cli.artifacts.rules import near
from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.context.columns import column_rule
from dyocense_cli.kernel.context.measure import Measures, NoConversion

__all__ = ["edited"]

#: other words for columns
_WORDS: Final = {"vendor": "supplier", "lead_time": "lead_days"}
_VALUE: Final = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)\s*([^\d\s+-].*?)?\s*")
_FORM: Final = "such as supplier.V2.price=+15%, supplier.V2.lead_days=+10 days or sku.MILK.orders.quantity=24"


@dataclass(frozen=True, slots=True)
class _Ask:
    """One key and value: rows of `where`, of one `table` or of any that has the columns; the value is a share, an addition or stands."""

    given: str
    where: tuple[tuple[str, str], ...]
    table: str
    column: str
    sign: str
    amount: float
    unit: str

    def new(self, old: np.ndarray, factor: float, centre: float | None = None) -> np.ndarray:
        """Return what values become; with a `centre` a value that stands moves that to itself, and the rest along."""
        if self.unit == "%" and self.sign:
            return old * (1.0 + float(f"{self.sign}1") * self.amount / 100.0)
        amount = self.amount / 100.0 if self.unit == "%" else self.amount * factor
        if self.sign:
            return old + float(f"{self.sign}1") * amount
        return np.where(np.isnan(old), np.nan, old - centre + amount) if centre is not None else np.full_like(old, amount)


def edited(tables: Mapping[str, Table], edits: Mapping[str, str], measures: Measures) -> tuple[dict[str, Table], tuple[CellEdit, ...]]:
    """Return the bound tables with cells changed, and which cells those are.

    A change of a supplier's `lead_days` moves the dates of its recorded deliveries along, since lead times are drawn from them.

    Raises
    ------
    UsageError
        DY1012 if a key names no cells, or cells of several tables; DY1011 if a value is no number of the column's unit.
    """
    found = dict(tables)
    marks: list[CellEdit] = []
    for key, value in sorted(edits.items()):
        ask = _ask(key, value)
        name, rows = _rows(found, ask)
        table = found[name]
        factor = _factor(ask, table.columns[ask.column], measures)
        found[name] = _put(table, ask, rows, factor, name)
        marks.append(CellEdit(name, ask.column, _numbers(table, rows), ask.given, dict(ask.where)))
        if (name, ask.column) == ("suppliers", "lead_days"):
            marks += _move_deliveries(found, ask, factor)
    return found, tuple(marks)


def _ask(key: str, value: str) -> _Ask:
    table, steps, where = "", key.split("."), []
    if steps[0] == "tables":
        table, steps = "".join(steps[1:2]), steps[2:]
    while len(steps) >= 3:
        where.append((_WORDS.get(steps[0], steps[0]), steps[1]))
        steps = steps[2:]
    if len(steps) == 2 and not table:
        table, steps = steps[0], steps[1:]
    read = _VALUE.fullmatch(value)
    if read is None:
        raise UsageError("DY1011", f"--set {key}: `{value}` is not a number, a change or a share", hints=_FORM)
    if len(steps) != 1 or not all(key.split(".")) or not (where or table):
        raise UsageError("DY1012", f"--set {key} names no cells", hints=_FORM)
    return _Ask(f"{key}={value}", tuple(where), table, _WORDS.get(steps[0], steps[0]), read[1], float(read[2]), read[3] or "")


def _rows(tables: Mapping[str, Table], ask: _Ask) -> tuple[str, np.ndarray]:
    """Return the one table that has the columns, and its rows that match."""
    key = ask.given.partition("=")[0]
    if ask.table and ask.table not in tables:
        raise UsageError("DY1012", f"--set {key} names no cells: no table is named `{ask.table}`", hints=_FORM)
    wanted = {ask.column, *(column for column, _ in ask.where)}
    names = [n for n, t in sorted(tables.items()) if wanted <= set(t.columns) and ask.table in ("", n)]
    if not names:
        there = sorted({c for t in tables.values() if {c for c, _ in ask.where} <= set(t.columns) for c in t.columns})
        meant = near(ask.column, there)
        hint = f"did you mean `{meant}`?" if meant else "columns there: " + ", ".join(there) if there else _FORM
        raise UsageError("DY1012", f"--set {key}: no table has the columns {', '.join(sorted(wanted))}", hints=hint)
    if len(names) > 1:
        head, _, last = key.rpartition(".")
        raise UsageError("DY1012", f"--set {key} means {' or '.join(names)}", hints=f"name the table: --set {head}.{names[0]}.{last}=…")
    table = tables[names[0]]
    return names[0], _matching(table, ask.where, key)


def _matching(table: Table, where: Sequence[tuple[str, str]], key: str) -> np.ndarray:
    match = np.ones(table.n_rows, dtype=bool)
    for column, label in where:
        labels = table.columns[column].labels or ()
        if label not in labels:
            meant = near(label, labels)
            hint = f"did you mean `{meant}`?" if meant else f"it has {', '.join(labels[:8])}"
            raise UsageError("DY1012", f"--set {key}: no row has {column} `{label}`", hints=hint)
        match &= table.columns[column].values == labels.index(label)
    rows = np.flatnonzero(match)
    if not rows.size:
        raise UsageError("DY1012", f"--set {key}: no row has all of these labels", hints=_FORM)
    return rows


def _factor(ask: _Ask, column: Column, measures: Measures) -> float:
    """Return what the value is multiplied by to be in the column's unit."""
    if column.labels is not None:
        raise UsageError("DY1011", f"--set {ask.given}: the column holds no numbers", hints=_FORM)
    if ask.unit in ("", "%"):
        return 1.0
    try:
        return measures.factor(ask.unit, column.unit or "")
    except NoConversion as error:
        hint = f"give it in {column.unit}" if column.unit else "give it without a unit"
        raise UsageError("DY1011", f"--set {ask.given}: {error}", hints=hint) from None


def _put(table: Table, ask: _Ask, rows: np.ndarray, factor: float, name: str) -> Table:
    column = table.columns[ask.column]
    values = column.values.astype(np.float64)
    values[rows] = ask.new(values[rows], factor)
    rule = column_rule(name, ask.column)
    low = rule.low if rule is not None else None
    if low is not None and bool((values[rows] < low).any() or (rule is not None and rule.over and (values[rows] <= low).any())):
        raise UsageError("DY1011", f"--set {ask.given}: {ask.column} would be {np.nanmin(values[rows]):g}", hints=f"keep it over {low:g}")
    return replace(table, columns={**table.columns, ask.column: replace(column, values=values)})


def _numbers(table: Table, rows: np.ndarray) -> tuple[int, ...]:
    numbers = table.rows[rows] if table.rows is not None else rows + 1
    return tuple(sorted(int(n) for n in numbers))


def _move_deliveries(found: dict[str, Table], ask: _Ask, factor: float) -> Iterator[CellEdit]:
    """Move the days on which a supplier's deliveries came in by what its lead time changes; yield the cells that changed."""
    table = found.get("deliveries")
    if table is None or not {"supplier", "ordered_on", "received_on"} <= set(table.columns):
        return
    where = [(column, label) for column, label in ask.where if column in table.columns]
    if not where or any(label not in (table.columns[column].labels or ()) for column, label in where):
        return
    rows = _matching(table, where, ask.given)
    ordered, received = (_days(table.columns[name]) for name in ("ordered_on", "received_on"))
    rows = rows[~np.isnat(ordered[rows]) & ~np.isnat(received[rows])]
    leads = (received[rows] - ordered[rows]).astype(np.float64)
    if not rows.size:
        return
    moved = np.maximum(np.rint(ask.new(leads, factor, float(leads.mean()))), 0.0)
    received[rows] = ordered[rows] + np.where(leads < 0, leads, moved).astype("timedelta64[D]")
    texts = np.datetime_as_string(received, unit="D")
    labels = tuple(sorted(set(texts[~np.isnat(received)].tolist())))
    at = {text: i for i, text in enumerate(labels)}
    codes = np.array([at.get(text, -1) for text in texts.tolist()], dtype=np.int32)
    found["deliveries"] = replace(table, columns={**table.columns, "received_on": Column(codes, None, labels)})
    yield CellEdit("deliveries", "received_on", _numbers(table, rows), ask.given, dict(where))


def _days(column: Column) -> np.ndarray:
    labels = np.array([*(column.labels or ()), "NaT"], dtype="datetime64[D]")
    days: np.ndarray = labels[column.values]
    return days

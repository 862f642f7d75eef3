"""Dims from data: labels of each dim, and the codes of a table's column in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.model import DimDecl
from dyocense_cli.errors import InputError, Ref, Where
from dyocense_cli.optimodel.symbols import suggest

__all__ = ["Labels", "read_labels", "texts"]


def texts(column: Column) -> tuple[tuple[str, ...], np.ndarray]:
    """Return a column's distinct labels in ascending order and each row's code (-1 = missing)."""
    if column.labels is not None:
        return column.labels, column.values
    if column.values.dtype.kind == "f":
        held = ~np.isnan(column.values)
        distinct, codes = np.unique(column.values[held], return_inverse=True)
        out = np.full(column.values.shape, -1, np.int32)
        out[held] = codes
        return tuple(f"{v:g}" for v in distinct.tolist()), out
    distinct, codes = np.unique(column.values, return_inverse=True)
    return tuple(str(v) for v in distinct.tolist()), codes.astype(np.int32)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of each dim; `columns` the names a dim's key goes by in tables; `gone` dims that were dropped."""

    context: Context
    labels: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...]]
    decls: Mapping[str, DimDecl]
    gone: frozenset[str]
    position: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def codes(self, dim: str, table: Table, name: str, *, date: str | None = None) -> np.ndarray | None:
        """Return each row's position in `dim` (-1 = outside or missing), None if the table has no such key.

        Raises
        ------
        InputError
            DY2214 for a label that the dim has not.
        """
        decl = self.decls[dim]
        if decl.ranks is not None and decl.ranks.partition(".")[0] == name:
            return self.ranks(decl, table)
        if decl.horizon and date is not None and date in table.columns:
            return self.periods(table.columns[date])
        key = next((c for c in self.columns[dim] if c in table.columns), None)
        if key is None:
            return None
        known, codes = texts(table.columns[key])
        if known == self.labels[dim]:
            return codes
        lookup = self.position[dim]
        if decl.scenarios and not set(known) <= {str(i) for i in range(len(known))}:
            # Scenarios go by their place in ascending order of what the context calls them.
            lookup = {name: lookup.get(str(i), -1) for i, name in enumerate(known)}
        to = np.array([lookup.get(label, -1) for label in known] + [-1], np.int32)
        if decl.source is not None and (to[:-1] < 0).any() and not decl.scenarios:
            self._foreign(dim, known, to, codes=codes, where=Ref(table.file or name, column=key), table=table)
        found: np.ndarray = to[codes]
        return found

    def _foreign(self, dim: str, known: tuple[str, ...], to: np.ndarray, *, codes: np.ndarray, where: Ref, table: Table) -> None:
        used = np.unique(codes[codes >= 0])
        bad = [known[i] for i in used.tolist() if to[i] < 0]
        if bad:
            row = int(np.flatnonzero(codes == known.index(bad[0]))[0])
            number = int(table.rows[row]) if table.rows is not None else row + 1
            raise InputError(
                "DY2214",
                f"no {dim} is named `{bad[0]}`",
                where=Ref(where.table, number, where.column),
                hints=suggest(bad[0], self.labels[dim], f"add it to `{self.decls[dim].source}`"),
            )

    def periods(self, column: Column) -> np.ndarray:
        """Return the period of each date: the first one for earlier dates, -1 after the horizon or where it is missing."""
        starts = self.context.period_starts
        known, codes = texts(column)
        end = _end(self.context)
        to = [-1 if end is not None and label[:10] >= end else max(0, bisect_right(starts, label[:10]) - 1) for label in known]
        found: np.ndarray = np.array([*to, -1], np.int32)[codes]
        return found

    def ranks(self, decl: DimDecl, table: Table) -> np.ndarray:
        """Return each row's rank (from 0) within its group of equal `within` labels, ascending in the ranked column."""
        assert decl.ranks is not None
        return _ranks(table, decl)


def _end(context: Context) -> str | None:
    """Return the ISO date after the last period."""
    if not context.period_starts:
        return None
    day = np.datetime64(context.period_starts[-1]) + np.timedelta64(max(1, round(context.period_days)), "D")
    return str(day)


def _ranks(table: Table, decl: DimDecl) -> np.ndarray:
    assert decl.ranks is not None
    column = table.columns.get(decl.ranks.partition(".")[2])
    if column is None:
        return np.zeros(table.n_rows, np.int32)
    keys = [texts(table.columns[w])[1] for w in decl.within if w in table.columns]
    value = np.nan_to_num(column.values.astype(np.float64), nan=0.0)
    order = np.lexsort((value, *reversed(keys)))
    first = np.ones(order.size, bool)
    if order.size:
        first[1:] = np.logical_or.reduce([np.diff(k[order]) != 0 for k in keys]) if keys else False
    starts = np.flatnonzero(first)
    within = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
    out = np.empty(order.size, np.int32)
    out[order] = within
    return out


def read_labels(dims: tuple[DimDecl, ...], context: Context, scenarios: ScenarioSet | None, place: Callable[[str], Where]) -> Labels:
    """Return the labels of every dim.

    Raises
    ------
    InputError
        DY2214 if a dim's column is absent and it is not optional.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for d in dims:
        try:
            labels[d.name] = _labels(d, context, scenarios)
        except InputError as error:
            raise InputError(error.code, error.message, where=place(f"model:/dimensions/{d.name}"), hints=error.hints) from error
    gone = frozenset(d.name for d in dims if d.optional is not None and len(labels[d.name]) == 1 and not _stated(d, context))
    columns = {d.name: _columns(d) for d in dims}
    position = {n: {label: i for i, label in enumerate(found)} for n, found in labels.items()}
    return Labels(context, labels, columns, {d.name: d for d in dims}, gone, position)


def _columns(decl: DimDecl) -> tuple[str, ...]:
    if decl.scenarios:
        return ("scenario",)
    column = decl.source.partition(".")[2] if decl.source else ""
    return tuple(dict.fromkeys(c for c in (decl.name, column) if c))


def _stated(decl: DimDecl, context: Context) -> bool:
    """Say whether the context itself names the one label of an optional dim by another name than its stand-in."""
    column = _column(decl.source, context)
    return column is not None and texts(column)[0] not in ((decl.optional,), ())


def _column(source: str | None, context: Context) -> Column | None:
    if source is None:
        return None
    table, _, column = source.partition(".")
    found = context.tables.get(table)
    return None if found is None else found.columns.get(column)


def _labels(decl: DimDecl, context: Context, scenarios: ScenarioSet | None) -> tuple[str, ...]:
    if decl.horizon:
        return context.periods
    if decl.scenarios:
        return tuple(str(i) for i in scenarios.scenario_ids) if scenarios is not None else ("0",)
    if decl.values is not None:
        return decl.values
    if decl.ranks is not None:
        table = context.tables.get(decl.ranks.partition(".")[0])
        count = 1 + int(_ranks(table, decl).max(initial=0)) if table is not None else 1
        return tuple(str(i + 1) for i in range(count))
    if decl.upto is not None:
        column = _column(decl.upto, context)
        most = 0.0 if column is None or not column.values.size else float(np.nanmax(np.append(column.values.astype(np.float64), 0.0)))
        return tuple(str(i) for i in range(int(np.ceil(most))))
    if decl.source is None:
        return _named(decl, context)
    column = _column(decl.source, context)
    found = _used(column) if column is not None else ()
    if not found and decl.optional is not None:
        return (decl.optional,)
    if column is None:
        raise InputError(
            "DY2214",
            f"the dimension `{decl.name}` comes from `{decl.source}`, which the context has not",
            hints=f"add the column, or state `values:` for `{decl.name}`",
        )
    return found


def _named(decl: DimDecl, context: Context) -> tuple[str, ...]:
    """Return the labels of a dim without a source: all that columns of its name hold, in every table."""
    found = {label for table in context.tables.values() if decl.name in table.columns for label in _used(table.columns[decl.name])}
    if not found:
        raise InputError(
            "DY2214",
            f"the dimension `{decl.name}` has no source, and no table has a column of its name",
            hints=f"write `from: table.column`, or state `values:` for `{decl.name}`",
        )
    numbers = {label: _number(label) for label in found}
    if any(n is None for n in numbers.values()):
        return tuple(sorted(found))
    return tuple(sorted(found, key=lambda label: (numbers[label] or 0.0, label)))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _used(column: Column) -> tuple[str, ...]:
    known, codes = texts(column)
    used = np.unique(codes[codes >= 0])
    return known if used.size == len(known) else tuple(known[i] for i in used.tolist())

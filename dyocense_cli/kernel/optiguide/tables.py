"""Parameters from data: columns of tables, scenario tables, positions on dims, figures of the forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.model import ParamDecl
from dyocense_cli.errors import InputError, Ref
from dyocense_cli.kernel.optiguide.labels import Labels, texts
from dyocense_cli.optimodel.grid import Grid, linear
from dyocense_cli.optimodel.units import UnitError, parse_unit, unit_text

__all__ = ["Loader", "TextGrid", "pack"]

#: A parameter is kept dense up to this many members, or where at least a third of them has a value.
_DENSE_MEMBERS = 4096


@dataclass(frozen=True, slots=True)
class TextGrid:
    """A label per member: codes into `labels`."""

    codes: Grid
    labels: tuple[str, ...]


def pack(dims: tuple[str, ...], index: np.ndarray, values: np.ndarray, shape: tuple[int, ...]) -> Grid:
    """Return members and values (C order, unique) as a grid, dense where that is small."""
    size = int(np.prod(shape, dtype=np.int64))
    if size > _DENSE_MEMBERS and values.size * 3 < size:
        return Grid(dims, values, None, np.ascontiguousarray(index, np.int32))
    data = np.zeros(shape, values.dtype)
    where = tuple(index)
    data[where] = values
    if values.size == size:
        return Grid(dims, data)
    mask = np.zeros(shape, bool)
    mask[where] = True
    return Grid(dims, data, mask)


class Loader:
    """Reads the parameters of one draft from a context and its scenarios."""

    def __init__(
        self, context: Context, scenarios: ScenarioSet | None, labels: Labels, currency: str, units: tuple[tuple[str, float, str], ...]
    ) -> None:
        self.context = context
        self.scenarios = scenarios
        self.labels = labels
        self.currency = currency
        self.units = units

    def load(self, decl: ParamDecl) -> Grid | TextGrid | None:
        """Return a parameter's grid, None if its source is absent.

        Raises
        ------
        InputError
            DY2205 for a unit that does not fit, DY2213 for rows that disagree, DY2214 for an unknown label.
        """
        dims = tuple(d for d in decl.dims if d not in self.labels.gone)
        head, _, tail = (decl.source or self._unsourced(decl)).partition(".")
        if head == "parameters":
            return self._constant(decl, tail)
        if head in self.labels.decls and tail in ("position", "first", "last"):
            return self._position(head, tail)
        if head == "stats":
            return self._stats(dims, tail)
        if head == "quality":
            return self._quality(dims, tail)
        if head == "scenarios":
            return self._scenarios(decl, dims, tail)
        if decl.source is not None and self.scenarios is not None and decl.source in self.scenarios.tables and self._in_scenarios(dims):
            return self._scenarios(decl, dims, decl.source)
        table = self.context.tables.get(head)
        if table is None or tail not in table.columns:
            return None
        return self._column(decl, dims, head, table, table.columns[tail])

    def _unsourced(self, decl: ParamDecl) -> str:
        """Return where a parameter without `from` is: a table of its name, with its values in ``value`` or in a column of its name too."""
        table = self.context.tables.get(decl.name) if decl.dims else None
        if table is None:
            return f"parameters.{decl.name}"
        return f"{decl.name}.{'value' if 'value' in table.columns else decl.name}"

    def _constant(self, decl: ParamDecl, name: str) -> Grid | None:
        value = self.context.parameters.get(name)
        if value is None or isinstance(value, str):
            return None
        if isinstance(value, Quantity):
            return Grid((), np.asarray(value.value * self.factor(value.unit, decl, Ref("parameters", column=name))))
        return Grid((), np.asarray(value))

    def _position(self, dim: str, what: str) -> Grid | None:
        if dim in self.labels.gone:
            return Grid((), np.asarray(0.0 if what == "position" else True))
        size = len(self.labels.labels[dim])
        at = np.arange(size)
        data = at.astype(np.int64) if what == "position" else at == (0 if what == "first" else size - 1)
        return Grid((dim,), data)

    def _stats(self, dims: tuple[str, ...], figure: str) -> Grid | None:
        stats = self.scenarios.stats if self.scenarios is not None else {}
        if len(dims) != 1 or not stats:
            return None
        members = [
            (i, float(stats[label][figure]))
            for i, label in enumerate(self.labels.labels[dims[0]])
            if label in stats and figure in stats[label]
        ]
        return self._members(dims, members)

    def _quality(self, dims: tuple[str, ...], word: str) -> Grid | None:
        quality = self.scenarios.quality if self.scenarios is not None else {}
        if len(dims) != 1:
            return None
        return self._members(dims, [(i, 1.0) for i, label in enumerate(self.labels.labels[dims[0]]) if quality.get(label) == word])

    def _members(self, dims: tuple[str, ...], members: list[tuple[int, float]]) -> Grid | None:
        if not members:
            return None
        index = np.array([[i for i, _ in members]], np.int32)
        return pack(dims, index, np.array([v for _, v in members]), self._shape(dims))

    def _shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(len(self.labels.labels[d]) for d in dims)

    def _scenarios(self, decl: ParamDecl, dims: tuple[str, ...], name: str) -> Grid | None:
        tables = self.scenarios.tables if self.scenarios is not None else {}
        periods = name == "lead_periods"
        table = tables.get("lead_days" if periods else name)
        if table is None:
            return self._stated_leads(decl, dims) if periods else None
        data = table.values
        keep: list[str] = []
        for axis in range(len(table.dims) - 1, -1, -1):
            dim = table.dims[axis]
            if dim not in dims:
                if data.shape[axis] != 1:
                    raise InputError(
                        "DY2204",
                        f"scenarios of `{name}` have dim `{dim}`, which `{decl.name}` has not",
                        hints=f"add `{dim}` to the dims of `{decl.name}`",
                    )
                data = data.take(0, axis)
                continue
            keep.insert(0, dim)
            if dim in table.labels and dim != table.dims[-1]:
                data = self._reordered(data, axis, dim, table.labels[dim], name)
        data = _lead(data, self.context.period_days) if periods else data * self.factor(table.unit, decl, Ref(name))
        order = [keep.index(d) for d in dims if d in keep]
        data = np.asarray(data.transpose(order), order="C")
        held = ~np.isnan(data) if data.dtype.kind == "f" else np.ones(data.shape, bool)
        mask = None if held.all() else held
        return Grid(tuple(d for d in dims if d in keep), data if mask is None else np.where(mask, data, 0.0), mask)

    def _in_scenarios(self, dims: tuple[str, ...]) -> bool:
        return any(self.labels.decls[d].scenarios for d in dims)

    def _reordered(self, data: np.ndarray, axis: int, dim: str, labels: tuple[str, ...], name: str) -> np.ndarray:
        ours = self.labels.labels[dim]
        if labels == ours:
            return data
        position = {label: i for i, label in enumerate(labels)}
        missing = [label for label in ours if label not in position]
        if missing and name in ("demand", "lead_periods"):
            raise InputError(
                "DY2214", f"the scenarios of `{name}` have no {dim} `{missing[0]}`", hints="give it a history or state its scenarios"
            )
        if missing:  # a table that a context states need not name every member
            pad = np.full((*data.shape[:axis], 1, *data.shape[axis + 1 :]), np.nan)
            data = np.concatenate([data.astype(np.float64), pad], axis)
        return data.take([position.get(label, -1) for label in ours], axis)

    def _stated_leads(self, decl: ParamDecl, dims: tuple[str, ...]) -> Grid | None:
        """Return lead times from ``suppliers.lead_days`` where no scenarios of them were drawn."""
        for dim in dims:
            table = self.context.tables.get(f"{dim}s")
            if table is not None and "lead_days" in table.columns:
                column = table.columns["lead_days"]
                found = self._column(ParamDecl(decl.name, (dim,), dtype="float", default=0.0), (dim,), f"{dim}s", table, column)
                assert isinstance(found, Grid)
                return Grid(found.dims, _lead(found.data, self.context.period_days), found.mask, found.index)
        return None

    def factor(self, have: str | None, decl: ParamDecl, where: Ref) -> float:
        """Return what a number in unit `have` is multiplied by to be in the declared unit."""
        if have is None or decl.unit is None:
            return parse_unit(have).factor if have == "%" else 1.0
        try:
            one = parse_unit(have, currency=self.currency, extra=self.units)
            other = parse_unit(decl.unit, currency=self.currency, extra=self.units)
        except UnitError as error:
            raise InputError(
                "DY2205", f"the unit of `{decl.name}`: {error}", where=where, hints="declare it under `conversions:`"
            ) from error
        if not one.fits(other):
            raise InputError(
                "DY2205",
                f"`{decl.name}` is in {unit_text(one)}, the model takes {unit_text(other)}",
                where=where,
                hints="convert the column, or give the context a rate or conversion",
            )
        return one.factor / other.factor

    def _column(self, decl: ParamDecl, dims: tuple[str, ...], name: str, table: Table, column: Column) -> Grid | TextGrid | None:
        keys, held = [], np.ones(table.n_rows, bool)
        found_dims = []
        for dim in dims:
            codes = self.labels.codes(dim, table, name, date=decl.date)
            if codes is not None:
                keys.append(codes)
                found_dims.append(dim)
                held &= codes >= 0
        values, has_value = self._values(decl, column, Ref(table.file or name, column=(decl.source or decl.name).partition(".")[2]))
        held &= has_value
        if not held.any():
            return None
        index = np.array([k[held] for k in keys], np.int32).reshape(len(keys), int(held.sum()))
        labels = texts(column)[0] if decl.dtype == "text" else ()
        grid = self._unique(decl, tuple(found_dims), index, values[held], table=table, held=held)
        return TextGrid(grid, labels) if decl.dtype == "text" else grid

    def _values(self, decl: ParamDecl, column: Column, where: Ref) -> tuple[np.ndarray, np.ndarray]:
        if decl.dtype == "text":
            codes = texts(column)[1]
            return codes.astype(np.int64), codes >= 0
        if column.labels is not None and decl.dtype == "bool":  # a row with a label says yes
            return np.ones(column.values.shape, bool), column.values >= 0
        if column.labels is not None:
            raise InputError(
                "DY2214",
                f"`{decl.name}` takes numbers, its column holds text",
                where=where,
                hints="declare the parameter as `dtype: text`, or bind another column",
            )
        values = column.values.astype(np.float64)
        has = ~np.isnan(values)
        if decl.default is not None:
            values, has = np.where(has, values, decl.default), np.ones(values.shape, bool)
        values = values * self.factor(column.unit, decl, where)
        if decl.dtype == "bool":
            return values != 0, has
        return (np.rint(np.where(has, values, 0.0)).astype(np.int64) if decl.dtype == "int" else values), has

    def _unique(
        self, decl: ParamDecl, dims: tuple[str, ...], index: np.ndarray, values: np.ndarray, *, table: Table, held: np.ndarray
    ) -> Grid:
        shape = self._shape(dims)
        key = linear(index, shape)
        order = np.argsort(key, kind="stable")
        key, values = key[order], values[order]
        first = np.ones(key.size, bool)
        first[1:] = key[1:] != key[:-1]
        if not first.all() and decl.aggregate == "sum":
            values = np.add.reduceat(values, np.flatnonzero(first))
        elif not first.all():
            again = np.flatnonzero(~first)
            wrong = again[values[again] != values[again - 1]]
            if wrong.size:
                self._disagree(decl, table, np.flatnonzero(held)[order[wrong[0] - 1]], np.flatnonzero(held)[order[wrong[0]]])
            values = values[first]
        return pack(dims, index[:, order][:, first], values, shape)

    @staticmethod
    def _disagree(decl: ParamDecl, table: Table, one: int, other: int) -> None:
        rows = [int(table.rows[i]) if table.rows is not None else i + 1 for i in (int(one), int(other))]
        raise InputError(
            "DY2213",
            f"rows {min(rows)} and {max(rows)} give `{decl.name}` two values",
            where=Ref(table.file, max(rows)),
            hints="keep one of them, or declare the parameter with `aggregate: sum`",
        )


def _lead(days: np.ndarray, period_days: float) -> np.ndarray:
    """Return whole periods: an order of period t arrives at the start of period t + ceil(days / period)."""
    found: np.ndarray = np.ceil(np.maximum(days, 0.0) / period_days - 1e-9).astype(np.int64)
    return found

"""Where a linear term has entries: every combination of its axes that its conditions let through, by whole arrays.

Axes in the *group* are enumerated together as coordinate arrays, because a condition or a sparse family ties them; the others are full
ranges. All values broadcast over ``(group, *full)``, so that nothing of the size of the product exists before it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dyocense_cli.kernel.optimizer.layout import Family, lookup
from dyocense_cli.kernel.optimizer.linear import At, Condition, Places, Term
from dyocense_cli.optimodel.calc import Calculator
from dyocense_cli.optimodel.expr.nodes import Node
from dyocense_cli.optimodel.grid import Grid, align, dense, linear

__all__ = ["Points", "Reader", "enumerate_term"]

#: Coordinates of the driving family's members travel with the group under this name.
MEMBER = ""
#: A sparse parameter is read through its dense form up to this many cells.
_DENSE_CELLS = 1 << 22


@dataclass(frozen=True, slots=True)
class Points:
    """`group` maps axes to int32 coordinates of one length; `full` axes are whole ranges, in this order after the group."""

    sizes: Mapping[str, int]
    full: tuple[str, ...]
    group: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that every array of this enumeration broadcasts to."""
        head = (next(iter(self.group.values())).size,) if self.group else ()
        return (*head, *(self.sizes[a] for a in self.full))

    def index(self, axis: str) -> np.ndarray:
        """Return the positions along an axis, shaped to broadcast."""
        tail = len(self.full)
        if axis in self.group:
            return self.group[axis].reshape(-1, *(1,) * tail)
        at = self.full.index(axis)
        return np.arange(self.sizes[axis], dtype=np.int32).reshape(-1, *(1,) * (tail - at - 1))

    def joined(self, axes: tuple[str, ...]) -> Points:
        """Return the same points with further axes in the group."""
        new = tuple(a for a in self.full if a in axes)
        if not new:
            return self
        shape = tuple(self.sizes[a] for a in new)
        more = np.indices(shape, np.int32).reshape(len(new), -1)
        rest = tuple(a for a in self.full if a not in new)
        if not self.group:
            return Points(self.sizes, rest, dict(zip(new, more, strict=True)))
        n, k = next(iter(self.group.values())).size, more.shape[1]
        group = {a: np.repeat(c, k) for a, c in self.group.items()} | {a: np.tile(c, n) for a, c in zip(new, more, strict=True)}
        return Points(self.sizes, rest, group)

    def kept(self, mask: np.ndarray) -> Points:
        """Return the points of the group where `mask` is true."""
        return self if mask.all() else Points(self.sizes, self.full, {a: c[mask] for a, c in self.group.items()})


class Reader:
    """Reads parameter expressions at points; each expression is computed once per model."""

    def __init__(self, calc: Calculator) -> None:
        self.calc = calc
        self.values: dict[Node, Grid] = {}
        self.conditions: dict[Node, Grid] = {}

    def value(self, node: Node, places: Places, points: Points) -> np.ndarray:
        """Return a parameter expression at points, missing values 0."""
        return self._read(self.grid(node), places, points)

    def grid(self, node: Node) -> Grid:
        """Return a parameter expression over its own dims."""
        if node not in self.values:
            self.values[node] = self._compact(self.calc.value(node))
        return self.values[node]

    def holds(self, node: Node, places: Places, points: Points) -> np.ndarray:
        """Return where a condition holds."""
        return self._read(self.grid_of(node), places, points).astype(bool)

    def grid_of(self, node: Node) -> Grid:
        """Return where a condition holds, over its own dims."""
        if node not in self.conditions:
            self.conditions[node] = self._compact(self.calc.condition(node))
        return self.conditions[node]

    def _compact(self, grid: Grid) -> Grid:
        if grid.index is not None:
            cells = int(np.prod([self.calc.sizes[d] for d in grid.dims], dtype=np.int64))
            if cells > _DENSE_CELLS:
                return grid
            grid = dense(grid, self.calc.sizes)
        if grid.mask is None:
            return grid
        return Grid(grid.dims, np.where(grid.mask, grid.data, np.zeros((), grid.data.dtype)))

    def _read(self, grid: Grid, places: Places, points: Points) -> np.ndarray:
        if not grid.dims:
            return grid.data
        at = [places[d] for d in grid.dims]
        if grid.index is not None:
            return self._sparse(grid, at, points)
        if all(not a.offsets and a.axis in points.full for a in at) and len({a.axis for a in at}) == len(at):
            return align(grid.data, tuple(a.axis for a in at), points.full)
        found: np.ndarray = grid.data[tuple(self.position(a, points) for a in at)]
        return found

    def _sparse(self, grid: Grid, at: list[At], points: Points) -> np.ndarray:
        assert grid.index is not None
        shape = tuple(self.calc.sizes[d] for d in grid.dims)
        own = linear(grid.index, shape)
        key: np.ndarray = np.zeros((), np.int64)
        for a, size in zip(at, shape, strict=True):
            key = key * np.int64(size) + self.position(a, points)
        where = np.searchsorted(own, key)
        where[where == own.size] = 0
        return np.where(own[where] == key, grid.data[where], np.zeros((), grid.data.dtype))

    def position(self, at: At, points: Points) -> np.ndarray:
        """Return positions along a dim; outside it where a shift leads there."""
        found = points.index(at.axis)
        for node, places in at.offsets:
            found = found - self.value(node, places, points).astype(np.int32)
        return found

    def axes(self, places: Places, dims: tuple[str, ...]) -> set[str]:
        """Return every axis that reading `dims` at `places` depends on."""
        out: set[str] = set()
        for dim in dims:
            out.add(places[dim].axis)
            for node, inner in places[dim].offsets:
                out |= self.axes(inner, self.grid(node).dims)
        return out


def enumerate_term(term: Term, axes: tuple[str, ...], axis_dims: Mapping[str, str], family: Family | None, reader: Reader) -> Points:
    """Return the points of a term over `axes` where its variable exists and its conditions hold."""
    sizes = {a: reader.calc.sizes[axis_dims[a]] for a in axes}
    points, done = _driven(term, axes, sizes, family, reader) if family is not None and family.coords is not None else (None, ())
    lookup_later = points is None and family is not None and family.coords is not None
    if points is None:
        points = Points(sizes, axes)
    for condition in term.conditions:
        if condition not in done:
            points = _filtered(points, condition, reader)
    if lookup_later:
        assert family is not None
        points = _existing(points, term, family, reader)
    return points


def _condition_axes(condition: Condition, reader: Reader) -> set[str]:
    if condition.node is None:
        return reader.axes(condition.places, (condition.along,))
    return reader.axes(condition.places, reader.grid_of(condition.node).dims)


def _mask(condition: Condition, points: Points, reader: Reader) -> np.ndarray:
    if condition.node is not None:
        return reader.holds(condition.node, condition.places, points)
    at = reader.position(condition.places[condition.along], points)
    inside = (at >= 0) & (at < reader.calc.sizes[condition.along])
    return ~inside if condition.vacated else inside


def _filtered(points: Points, condition: Condition, reader: Reader) -> Points:
    axes = _condition_axes(condition, reader)
    if not axes:
        return points if bool(_mask(condition, points, reader).all()) else _nothing(points)
    if not axes & set(points.group):
        alone = Points(points.sizes, tuple(a for a in points.full if a in axes))
        mask = np.broadcast_to(_mask(condition, alone, reader), alone.shape)
        if mask.all():
            return points
        if not points.group:
            found = np.nonzero(mask)
            rest = tuple(a for a in points.full if a not in axes)
            return Points(points.sizes, rest, {a: c.astype(np.int32) for a, c in zip(alone.full, found, strict=True)})
    points = points.joined(tuple(axes))
    only = Points(points.sizes, (), points.group)
    return points.kept(np.broadcast_to(_mask(condition, only, reader), only.shape))


def _nothing(points: Points) -> Points:
    """Return no point, over the same axes."""
    empty = np.zeros(0, np.int32)
    return Points(points.sizes, (), dict.fromkeys((*points.group, *points.full), empty) or {MEMBER: empty})


def _driven(
    term: Term, axes: tuple[str, ...], sizes: Mapping[str, int], family: Family, reader: Reader
) -> tuple[Points | None, tuple[Condition, ...]]:
    """Let the members of a sparse family drive: a shift along one of its dims is turned round, from where it reads to its row."""
    assert family.coords is not None
    own = {d: term.places[d] for d in family.dims}
    turned = {d: a for d, a in own.items() if a.offsets}
    direct = [a.axis for a in own.values() if not a.offsets]
    if len(set(direct)) < len(direct) or any(_offset_axes(a, reader) & {b.axis for b in turned.values()} for a in turned.values()):
        return None, ()
    group = {a.axis: family.coords[i] for i, (d, a) in enumerate(own.items()) if d not in turned}
    group[MEMBER] = np.arange(family.start, family.start + family.count, dtype=np.int32)
    read = {f"{d}@read": family.coords[i] for i, d in enumerate(family.dims) if d in turned}
    points = Points(sizes, tuple(a for a in axes if a not in group and a not in {t.axis for t in turned.values()}), {**group, **read})
    for dim, at in turned.items():
        points = points.joined(tuple(_offset_axes(at, reader)))
        only = Points(points.sizes, (), points.group)
        row = points.group[f"{dim}@read"]
        for node, places in at.offsets:
            row = row + reader.value(node, places, only).astype(np.int32)
        points = Points(points.sizes, points.full, {**points.group, at.axis: row}).kept((row >= 0) & (row < reader.calc.sizes[dim]))
    kept = {a: c for a, c in points.group.items() if not a.endswith("@read")}
    done = tuple(c for c in term.conditions if c.node is None and not c.vacated and c.places[c.along] in turned.values())
    return Points(points.sizes, points.full, kept), done


def _offset_axes(at: At, reader: Reader) -> set[str]:
    out: set[str] = set()
    for node, places in at.offsets:
        out |= reader.axes(places, reader.grid(node).dims)
    return out


def _existing(points: Points, term: Term, family: Family, reader: Reader) -> Points:
    axes = reader.axes(term.places, family.dims)
    points = points.joined(tuple(axes))
    only = Points(points.sizes, (), points.group)
    found = np.broadcast_to(lookup(family, [reader.position(term.places[d], only) for d in family.dims]), only.shape)
    return Points(points.sizes, points.full, {**points.group, MEMBER: found.astype(np.int32)}).kept(found >= 0)

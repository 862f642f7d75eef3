"""Evaluate expressions over parameters on grids: derived parameters, bounds, conditions, offsets, right-hand sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.grid import Grid, align, combine, dense, existence, multiply, reduce_sum
from dyocense_cli.optimodel.symbols import union

__all__ = ["Calculator"]

Operation = Callable[[np.ndarray, np.ndarray], np.ndarray]
_COMPARE: Final[dict[str, Operation]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
}


def _quotient(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.true_divide(top, bottom)
    # Nothing over nothing is nothing: a group without demand has no fill rate to divide.
    return np.where((bottom == 0) & (top == 0), 0.0, found)


@dataclass(frozen=True, slots=True)
class Calculator:
    """Values by name, sizes of dims, and the scenarios' probabilities."""

    grids: Mapping[str, Grid]
    sizes: Mapping[str, int]
    scenario: str | None = None
    probability: np.ndarray | None = None

    def value(self, node: Node) -> Grid:
        """Return the value of an expression over parameters.

        Raises
        ------
        InputError
            DY2212 for a divisor that is 0 where the top is not; where a divisor has no value, the quotient has none.
        """
        return _RULES[type(node)](self, node)

    def condition(self, node: Node) -> Grid:
        """Return where a condition holds; a bare parameter asks whether it has a value (a boolean: whether it is true)."""
        if isinstance(node, Name):
            grid = self.grids[node.id]
            return existence(grid, truth=grid.data.dtype == np.bool_)
        return self.value(node)

    def _number(self, node: Num) -> Grid:
        return Grid((), np.asarray(node.value))

    def _name(self, node: Name) -> Grid:
        return self.grids[node.id]

    def _negation(self, node: Neg) -> Grid:
        body = self.value(node.body)
        return Grid(body.dims, -body.data, body.mask, body.index)

    def _binary(self, node: Binary) -> Grid:
        left, right = self.value(node.left), self.value(node.right)
        if node.op in "+-":
            return combine(left, right, np.add if node.op == "+" else np.subtract, self.sizes)
        if node.op == "*":
            return multiply(left, right, np.multiply, self.sizes)
        found = multiply(left, right, _quotient, self.sizes)
        if found.mask is not None:
            found = Grid(found.dims, np.where(found.mask, found.data, 0.0), found.mask)
        if not np.isfinite(found.data).all():
            raise InputError(
                "DY2212",
                f"`{show(node.right)}` is 0 and divides `{show(node.left)}`",
                hints="give the parameter a `default:` or a value in every row",
            )
        return found

    def _compare(self, node: Compare) -> Grid:
        found = combine(self.value(node.left), self.value(node.right), _COMPARE[node.op], self.sizes)
        # A comparison with a missing value is false.
        return found if found.mask is None else Grid(found.dims, found.data & found.mask)

    def _logic(self, node: Logic) -> Grid:
        left, right = self.condition(node.left), self.condition(node.right)
        if node.op == "and":
            return multiply(left, right, np.logical_and, self.sizes)
        return (
            combine(_full(left, self.sizes), _full(right, self.sizes), np.logical_or, self.sizes)
            if _apart(left, right)
            else combine(left, right, np.logical_or, self.sizes)
        )

    def _opposite(self, node: Not) -> Grid:
        found = dense(self.condition(node.body), self.sizes)
        return Grid(found.dims, ~found.data.astype(bool))

    def _sum(self, node: Sum) -> Grid:
        body = self.value(node.body)
        if node.where is not None:
            body = multiply(body, self.condition(node.where), lambda a, b: np.where(b, a, 0.0), self.sizes)
        over = node.over if node.over is not None else tuple(d for d in body.dims if d != self.scenario)
        missing = tuple(d for d in over if d not in body.dims)
        found = reduce_sum(body, over, self.sizes)
        if missing:  # the body is a constant there, because its table has no such column
            factor = np.prod([self.sizes[d] for d in missing])
            return Grid(found.dims, found.data * factor, found.mask, found.index)
        return found

    def _shift(self, node: Shift) -> Grid:
        body, offset = dense(self.value(node.body), self.sizes), dense(self.value(node.offset), self.sizes)
        edge = dense(self.value(node.edge), self.sizes) if node.edge is not None else None
        dims = union(body.dims, offset.dims, () if edge is None else edge.dims)
        size = self.sizes[node.along]
        at = np.arange(size).reshape([-1 if d == node.along else 1 for d in dims]) - align(offset.data, offset.dims, dims).astype(np.int64)
        held = (at >= 0) & (at < size)
        shape = tuple(self.sizes[d] for d in dims)
        grid = list(np.ogrid[tuple(slice(n) for n in shape)])
        grid[dims.index(node.along)] = np.clip(at, 0, size - 1)
        data = np.broadcast_to(body.data[tuple(grid[dims.index(d)] for d in body.dims)], shape)
        held = np.broadcast_to(held, shape)
        if edge is None:
            return Grid(dims, np.where(held, data, 0.0), held.copy())
        return Grid(dims, np.where(held, data, align(edge.data, edge.dims, dims)))

    def _reduce(self, node: Reduce) -> Grid:
        body = dense(self.value(node.body), self.sizes)
        if self.scenario not in body.dims:  # its table states one value for all scenarios
            return body
        assert self.scenario is not None
        assert self.probability is not None
        axis = body.dims.index(self.scenario)
        keep = tuple(d for d in body.dims if d != self.scenario)
        if node.kind == "mean":
            return Grid(keep, np.tensordot(body.data, self.probability, (axis, 0)))
        values = np.moveaxis(body.data, axis, -1)
        if node.kind == "worst":
            return Grid(keep, values.max(axis=-1))
        return Grid(keep, self._tail(values, node))

    def _tail(self, values: np.ndarray, node: Reduce) -> np.ndarray:
        assert node.level is not None
        order = np.argsort(values, axis=-1, kind="stable")
        sorted_values = np.take_along_axis(values, order, -1)
        weight = np.asarray(self.probability)[order]
        below = np.cumsum(weight, axis=-1)
        if node.kind == "quantile":
            at = np.argmax(below >= node.level - 1e-9, axis=-1)
            return np.take_along_axis(sorted_values, at[..., None], -1)[..., 0]
        tail = np.clip(below - node.level, 0.0, weight)
        found: np.ndarray = (tail * sorted_values).sum(axis=-1) / (1.0 - node.level)
        return found

    def _call(self, node: Call) -> Grid:
        parts = [self.value(a) for a in node.args]
        if node.name in _UNARY:
            return Grid(parts[0].dims, _UNARY[node.name](parts[0].data), parts[0].mask, parts[0].index)
        out = parts[0]
        for part in parts[1:]:
            out = combine(out, part, np.maximum if node.name == "max" else np.minimum, self.sizes)
        return out


def _ceil(values: np.ndarray) -> np.ndarray:
    # 3.0000000001 lots are 3: the division that gave them was not exact.
    found: np.ndarray = np.ceil(values - 1e-9 * np.maximum(1.0, np.abs(values)))
    return found


def _floor(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.floor(values + 1e-9 * np.maximum(1.0, np.abs(values)))
    return found


_UNARY: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {"ceil": _ceil, "floor": _floor, "sqrt": np.sqrt}


def _apart(left: Grid, right: Grid) -> bool:
    """Say whether one side of an `or` is sparse and the other is not over the same members."""
    return (left.is_sparse or right.is_sparse) and not (left.is_sparse and right.is_sparse and set(left.dims) == set(right.dims))


def _full(grid: Grid, sizes: Mapping[str, int]) -> Grid:
    found = dense(grid, sizes)
    return Grid(found.dims, found.data.astype(bool))


_RULES: Final[dict[type, Callable[..., Grid]]] = {
    Num: Calculator._number,
    Name: Calculator._name,
    Neg: Calculator._negation,
    Binary: Calculator._binary,
    Compare: Calculator._compare,
    Logic: Calculator._logic,
    Not: Calculator._opposite,
    Sum: Calculator._sum,
    Shift: Calculator._shift,
    Reduce: Calculator._reduce,
    Call: Calculator._call,
}

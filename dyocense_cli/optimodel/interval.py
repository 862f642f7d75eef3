"""Least and greatest value of a linear expression within its variables' bounds, per member of its dims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.calc import Calculator
from dyocense_cli.optimodel.expr.nodes import Binary, Name, Neg, Node, Num, Shift, Sum, names
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.grid import Grid, combine, multiply

__all__ = ["Interval", "bounds_of"]

_ONE: Final = Num(1.0)


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` ≤ value ≤ `high`, both over the same dims; infinite where a variable is unbounded."""

    low: Grid
    high: Grid


def bounds_of(node: Node, variables: Mapping[str, Interval], calculator: Calculator) -> Interval:
    """Return the bounds of a linear expression; a variable's interval is 0 where it does not exist.

    Raises
    ------
    InputError
        DY2202 for a node that is not linear arithmetic.
    """
    return _Walk(variables, calculator).of(node)


class _Walk:
    """One walk, by interval arithmetic."""

    def __init__(self, variables: Mapping[str, Interval], calculator: Calculator) -> None:
        self.variables = variables
        self.calculator = calculator
        self.sizes = calculator.sizes

    def of(self, node: Node) -> Interval:
        if not names(node) & set(self.variables):
            value = self.calculator.value(node)
            return Interval(value, value)
        if isinstance(node, Name):
            return self.variables[node.id]
        rule = _RULES.get(type(node))
        if rule is None:
            raise InputError("DY2202", f"`{show(node)}` is not linear", hints="write it with + - * and sum")
        return rule(self, node)

    def negation(self, node: Neg) -> Interval:
        body = self.of(node.body)
        return Interval(_negative(body.high), _negative(body.low))

    def binary(self, node: Binary) -> Interval:
        left, right = self.of(node.left), self.of(node.right)
        if node.op == "-":
            right = Interval(_negative(right.high), _negative(right.low))
        if node.op in "+-":
            return Interval(combine(left.low, right.low, np.add, self.sizes), combine(left.high, right.high, np.add, self.sizes))
        if node.op == "/":
            factor = self.calculator.value(Binary("/", _ONE, node.right))
            return self._scaled(left, factor)
        if names(node.left) & set(self.variables):
            return self._scaled(left, right.low)
        return self._scaled(right, left.low)

    def _scaled(self, body: Interval, factor: Grid) -> Interval:
        one = multiply(body.low, factor, _times, self.sizes)
        other = multiply(body.high, factor, _times, self.sizes)
        return Interval(combine(one, other, np.minimum, self.sizes), combine(one, other, np.maximum, self.sizes))

    def sum(self, node: Sum) -> Interval:
        body = self.of(node.body)
        return Interval(
            self._with(body.low, lambda n: Sum(n, node.over, node.where)), self._with(body.high, lambda n: Sum(n, node.over, node.where))
        )

    def shift(self, node: Shift) -> Interval:
        body = self.of(node.body)
        return Interval(*(self._with(side, lambda n: Shift(n, node.along, node.offset, node.edge)) for side in (body.low, body.high)))

    def _with(self, grid: Grid, make: Callable[[Node], Node]) -> Grid:
        inner = Calculator({**self.calculator.grids, "·": grid}, self.sizes, self.calculator.scenario, self.calculator.probability)
        return inner.value(make(Name("·")))


_RULES: Final[dict[type, Callable[..., Interval]]] = {Neg: _Walk.negation, Binary: _Walk.binary, Sum: _Walk.sum, Shift: _Walk.shift}


def _negative(grid: Grid) -> Grid:
    return Grid(grid.dims, -grid.data, grid.mask, grid.index)


def _times(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        product = left * right
    return np.where((left == 0) | (right == 0), 0.0, product)

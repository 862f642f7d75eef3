"""Bounds of expressions from the bounds of a draft's variables: the tight constants of exact chance constraints."""

from __future__ import annotations

import numpy as np

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, VarDraft
from dyocense_cli.kernel.optiguide.problems import locate
from dyocense_cli.optimodel.calc import Calculator
from dyocense_cli.optimodel.expr.nodes import Node, names
from dyocense_cli.optimodel.grid import Grid, align, dense, from_param, multiply
from dyocense_cli.optimodel.interval import Interval, bounds_of

__all__ = ["Bounding"]


class Bounding:
    """Bounds over one draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.sizes = draft.sizes
        self.calculator = Calculator({n: from_param(p) for n, p in draft.data.items()}, self.sizes, draft.scenario, draft.probability)
        self.declared = {v.name: v for v in draft.vars}

    def range(self, node: Node, dims: tuple[str, ...], source: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return least and greatest value, dense over `dims`.

        Raises
        ------
        InputError
            DY2211, naming the variable, if a bound is infinite.
        """
        used = [self.declared[n] for n in sorted(names(node)) if n in self.declared]
        found = bounds_of(node, {v.name: self.interval(v) for v in used}, self.calculator)
        shape = tuple(self.sizes[d] for d in dims)
        low, high = (
            np.broadcast_to(align(g.data, g.dims, dims), shape) for g in (dense(found.low, self.sizes), dense(found.high, self.sizes))
        )
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            self._unbounded(used, source, name)
        return low, high

    def highest(self, node: Node, dims: tuple[str, ...], source: str, name: str) -> np.ndarray:
        """Return the greatest value, dense over `dims`; the least may be infinite.

        Raises
        ------
        InputError
            DY2211, naming the variable, if it is infinite.
        """
        used = [self.declared[n] for n in sorted(names(node)) if n in self.declared]
        found = dense(bounds_of(node, {v.name: self.interval(v) for v in used}, self.calculator).high, self.sizes)
        if not np.isfinite(found.data).all():
            self._unbounded(used, source, name)
        return np.broadcast_to(align(found.data, found.dims, dims), tuple(self.sizes[d] for d in dims))

    def _unbounded(self, used: list[VarDraft], source: str, name: str) -> None:
        loose = [v.name for v in used if v.upper is None or v.lower is None]
        which = f"`{loose[0]}` has no upper bound" if loose else "a variable has no bound"
        raise InputError(
            "DY2211",
            f"`{name}` must hold in a share of the scenarios, exactly, but {which}",
            where=locate(self.draft.inputs, source),
            hints=f"give `{loose[0] if loose else 'it'}` `bounds: {{upper: …}}`, or choose `cvar95` or `mean`",
        )

    def interval(self, variable: VarDraft) -> Interval:
        """Return a variable's bounds, zero where it does not exist."""
        low, high = (self._bound(f, none) for f, none in ((variable.lower, -np.inf), (variable.upper, np.inf)))
        held = Grid((), np.asarray(True)) if variable.where is None else self.calculator.condition(variable.where.node)
        missing = tuple(d for d in variable.dims if d not in held.dims)
        everywhere = np.broadcast_to(np.asarray(True), tuple(self.sizes[d] for d in missing))
        held = multiply(held, Grid(missing, everywhere), np.logical_and, self.sizes)

        def keep(values: np.ndarray, held: np.ndarray) -> np.ndarray:
            return np.where(held, values, 0.0)

        return Interval(multiply(low, held, keep, self.sizes), multiply(high, held, keep, self.sizes))

    def _bound(self, formula: Formula | None, none: float) -> Grid:
        return Grid((), np.asarray(none)) if formula is None else self.calculator.value(formula.node)

"""A rule or objective → linear terms: products of parameters with one variable, each with the axes it runs over.

Symbolic, once per family: nothing here grows with the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.expr.dims import sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Name, Neg, Node, Num, Reduce, Shift, Sum, names
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.simplify import ZERO

__all__ = ["At", "Condition", "Factor", "Term", "Terms", "linear_terms"]


@dataclass(frozen=True, slots=True)
class At:
    """Where along a dim something is read: at `axis`, less each offset (an expression with its own places)."""

    axis: str
    offsets: tuple[tuple[Node, Places], ...] = ()


Places = Mapping[str, At]


@dataclass(frozen=True, slots=True)
class Factor:
    """A parameter expression read at `places`; `inverse` if it divides."""

    node: Node
    places: Places
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """`node` must hold at `places`; or, if `along` is set, the place along that dim must be inside it (outside if `vacated`)."""

    node: Node | None
    places: Places
    along: str = ""
    vacated: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """`sign` · product of factors · variable `var` (None = a constant), summed over `bound` axes where all conditions hold."""

    var: str | None
    places: Places
    sign: float = 1.0
    factors: tuple[Factor, ...] = ()
    conditions: tuple[Condition, ...] = ()
    bound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of left minus right; `rows` are conditions without which a row does not exist."""

    terms: tuple[Term, ...]
    rows: tuple[Condition, ...]
    axes: Mapping[str, str]  # axis -> dim


def linear_terms(
    node: Node,
    dims: tuple[str, ...],
    var_dims: Mapping[str, tuple[str, ...]],
    param_dims: Mapping[str, tuple[str, ...]],
    scenario: str | None,
) -> Terms:
    """Return the terms of a linear expression over `dims`.

    Raises
    ------
    InputError
        DY2206 if it is not linear.
    """
    walk = _Walk(var_dims, param_dims, scenario)
    walk.axes = {d: d for d in dims}
    walk.of(node, Term(None, {d: At(d) for d in dims}), top=True)
    return Terms(tuple(walk.terms), tuple(walk.rows), walk.axes)


class _Walk:
    """One walk, carrying the product so far in a Term."""

    def __init__(self, var_dims: Mapping[str, tuple[str, ...]], param_dims: Mapping[str, tuple[str, ...]], scenario: str | None) -> None:
        self.var_dims = var_dims
        self.named = {**param_dims, **var_dims}
        self.scenario = scenario
        self.terms: list[Term] = []
        self.rows: list[Condition] = []
        self.axes: dict[str, str] = {}

    def constant(self, node: Node) -> bool:
        return not any(n in self.var_dims for n in names(node))

    def of(self, node: Node, so_far: Term, *, top: bool = False) -> None:
        if isinstance(node, Name) and node.id in self.var_dims:
            places = {d: so_far.places[d] for d in self.var_dims[node.id]}
            self.terms.append(replace(so_far, var=node.id, places=places))
        elif isinstance(node, Neg):
            self.of(node.body, replace(so_far, sign=-so_far.sign), top=top)
        elif isinstance(node, Binary) and node.op in "+-":
            self.of(node.left, so_far, top=top)
            self.of(node.right, so_far if node.op == "+" else replace(so_far, sign=-so_far.sign), top=top)
        elif isinstance(node, Sum):
            self.sum(node, so_far)
        elif isinstance(node, Shift):
            self.shift(node, so_far, top=top)
        elif self.constant(node):
            self.scale(node, so_far)
        elif isinstance(node, Reduce) and node.kind == "mean" and self.scenario is not None:
            self.sum(Sum(Binary("*", Name("probability"), node.body), (self.scenario,)), so_far)
        elif isinstance(node, Binary):
            self.product(node, so_far, top=top)
        else:
            raise InputError("DY2206", f"`{show(node)}` is not linear")

    def scale(self, node: Node, so_far: Term) -> None:
        if isinstance(node, Num) and so_far.factors == () and so_far.conditions == () and so_far.bound == () and node.value == 0:
            return
        self.terms.append(replace(so_far, factors=(*so_far.factors, Factor(node, so_far.places)), places={}))

    def product(self, node: Binary, so_far: Term, *, top: bool) -> None:
        if node.op == "/" and self.constant(node.right):
            self.of(node.left, replace(so_far, factors=(*so_far.factors, Factor(node.right, so_far.places, True))), top=top)
        elif node.op == "*" and (self.constant(node.left) or self.constant(node.right)):
            factor, rest = (node.left, node.right) if self.constant(node.left) else (node.right, node.left)
            if isinstance(factor, Num):
                self.of(rest, replace(so_far, sign=so_far.sign * factor.value), top=top)
            else:
                self.of(rest, replace(so_far, factors=(*so_far.factors, Factor(factor, so_far.places))), top=top)
        else:
            raise InputError("DY2206", f"`{show(node)}` is not linear")

    def sum(self, node: Sum, so_far: Term) -> None:
        over = sum_dims(node, self.named, self.scenario)
        places = dict(so_far.places)
        fresh = []
        for dim in over:
            axis = f"{dim}#{len(self.axes)}"
            self.axes[axis] = dim
            places[dim] = At(axis)
            fresh.append(axis)
        conditions = so_far.conditions if node.where is None else (*so_far.conditions, Condition(node.where, places))
        outer, self.rows, first = self.rows, [], len(self.terms)
        self.of(node.body, replace(so_far, places=places, conditions=conditions, bound=(*so_far.bound, *fresh)), top=True)
        # Where a shift without an edge leads outside, the whole summand does not exist.
        vacated, self.rows = tuple(self.rows), outer
        if vacated:
            self.terms[first:] = [replace(t, conditions=(*t.conditions, *vacated)) for t in self.terms[first:]]

    def shift(self, node: Shift, so_far: Term, *, top: bool) -> None:
        before = so_far.places[node.along]
        places = {**so_far.places, node.along: At(before.axis, (*before.offsets, (node.offset, so_far.places)))}
        if node.edge is not None and node.edge != ZERO:
            vacated = Condition(None, places, node.along, True)
            self.of(node.edge, replace(so_far, conditions=(*so_far.conditions, vacated)), top=top)
        inside = Condition(None, places, node.along)
        if node.edge is None and top:
            self.rows.append(inside)
        self.of(node.body, replace(so_far, places=places, conditions=(*so_far.conditions, inside)), top=top and node.edge is None)

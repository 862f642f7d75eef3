"""Dims, unit and degree of an expression, found without data.

Arithmetic aligns on dim names and unions them. A rule or term must be linear; a KPI may multiply, divide and compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text, walk
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.symbols import Problem, Scope, suggest, union
from dyocense_cli.optimodel.units import NUMBER, Unit, unit_text

__all__ = ["Meaning", "meaning"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """`degree` 0 for data, 1 for linear; `var` one variable in it; `plain` for a bare number, which takes the unit of its place."""

    dims: tuple[str, ...] = ()
    unit: Unit | None = None
    degree: int = 0
    var: str = ""
    plain: bool = False
    condition: bool = False


Report = Callable[[Problem], None]


def meaning(node: Node, scope: Scope, report: Report, *, free: bool = False) -> Meaning:
    """Return the meaning of a tree; problems go to `report` and the nearest sensible meaning is returned.

    Parameters
    ----------
    free : bool
        True for a KPI: products and quotients of variables and comparisons are numbers.
    """
    return _Judge(scope, report, free).of(node)


class _Judge:
    """One walk over one tree."""

    def __init__(self, scope: Scope, report: Report, free: bool) -> None:
        self.scope = scope
        self.report = report
        self.free = free

    def of(self, node: Node) -> Meaning:
        return _RULES[type(node)](self, node)

    def number(self, _: Num) -> Meaning:
        return Meaning(unit=NUMBER, plain=True)

    def text(self, node: Text) -> Meaning:
        self.report(Problem("DY2202", f"the label '{node.value}' is no number", "compare it: `region == 'local'`", f"'{node.value}'"))
        return Meaning()

    def name(self, node: Name) -> Meaning:
        symbol = self.scope.symbols.get(node.id)
        if symbol is None:
            self.report(
                Problem(
                    "DY2203",
                    f"no parameter, variable or expression is named `{node.id}`",
                    suggest(node.id, self.scope.symbols, "declare it in the model file"),
                    node.id,
                )
            )
            return Meaning()
        if symbol.kind == "dim":
            self.report(
                Problem(
                    "DY2202",
                    f"`{node.id}` is a dimension, not a number",
                    f"compare it with a label: `{node.id} == 'A'`, or use a parameter `from: {node.id}.position`",
                    node.id,
                )
            )
            return Meaning((node.id,))
        if symbol.kind == "text":
            self.report(Problem("DY2202", f"`{node.id}` holds labels, not numbers", f"compare it: `{node.id} == 'local'`", node.id))
            return Meaning(symbol.dims)
        if symbol.kind == "expr" and symbol.node is not None:
            return _Judge(self.scope, lambda _: None, True).of(symbol.node)
        return Meaning(symbol.dims, symbol.unit, int(symbol.kind == "var"), node.id if symbol.kind == "var" else "")

    def negation(self, node: Neg) -> Meaning:
        return self.of(node.body)

    def binary(self, node: Binary) -> Meaning:
        left, right = self.of(node.left), self.of(node.right)
        dims = union(left.dims, right.dims)
        if node.op in "+-":
            unit = self._alike(node, left, right)
            return Meaning(dims, unit, max(left.degree, right.degree), left.var or right.var, left.plain and right.plain)
        if node.op == "*" and left.degree + right.degree > 1 and not self.free:
            self.report(
                Problem(
                    "DY2206",
                    f"`{left.var}` times `{right.var}` is not linear: both are variables",
                    "if one is a 0/1 choice, bound the other by it: `x <= most * choice`",
                    right.var,
                )
            )
        if node.op == "/" and right.degree and not self.free:
            self.report(
                Problem(
                    "DY2207",
                    f"`{show(node.left)}` is divided by the variable `{right.var}`",
                    "multiply the rule by it: `a <= share * b` for `a / b <= share`",
                    right.var,
                )
            )
        unit = None
        if left.unit is not None and right.unit is not None:
            unit = left.unit.times(right.unit, 1 if node.op == "*" else -1)
            unit = _keep_text(unit, left, right)
        return Meaning(dims, unit, min(1, left.degree + right.degree), left.var or right.var, left.plain and right.plain)

    def _alike(self, node: Binary | Compare, left: Meaning, right: Meaning) -> Unit | None:
        if left.unit is None or right.unit is None:
            return left.unit or right.unit
        if left.plain or right.plain:
            return right.unit if left.plain else left.unit
        if not left.unit.fits(right.unit):
            verb = {"+": "is added to", "-": "has taken from it"}.get(node.op, "is compared with")
            self.report(
                Problem(
                    "DY2205",
                    f"`{_short(node.left)}` in {unit_text(left.unit)} {verb} `{_short(node.right)}` in {unit_text(right.unit)}",
                    "give both one unit, or price one of them",
                    _last_name(node.right),
                )
            )
        elif not left.unit.same(right.unit):
            self.report(
                Problem(
                    "DY2205",
                    f"`{_short(node.left)}` is in {unit_text(left.unit)}, `{_short(node.right)}` in "
                    f"{unit_text(right.unit)}: the same kind, another size",
                    "declare both in one unit",
                    _last_name(node.right),
                )
            )
        return left.unit

    def compare(self, node: Compare) -> Meaning:
        for this, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, Text):
                return self._label(this, other)
        left, right = self.of(node.left), self.of(node.right)
        self._alike(node, left, right)
        return Meaning(union(left.dims, right.dims), NUMBER, max(left.degree, right.degree), left.var or right.var, condition=True)

    def _label(self, this: Node, label: Text) -> Meaning:
        symbol = self.scope.symbols.get(this.id) if isinstance(this, Name) else None
        if isinstance(this, Name) and symbol is None:
            self.name(this)
        elif symbol is None or symbol.kind not in ("dim", "text"):
            self.report(
                Problem(
                    "DY2202",
                    f"`{show(this)}` is compared with the label '{label.value}' but holds no labels",
                    "only dimensions and parameters of dtype text compare with labels",
                    _last_name(this),
                )
            )
        elif isinstance(this, Name):
            return Meaning((this.id,) if symbol.kind == "dim" else symbol.dims, NUMBER, condition=True)
        return Meaning(condition=True, unit=NUMBER)

    def logic(self, node: Logic) -> Meaning:
        left, right = self.condition(node.left), self.condition(node.right)
        return Meaning(union(left.dims, right.dims), NUMBER, max(left.degree, right.degree), condition=True)

    def opposite(self, node: Not) -> Meaning:
        return Meaning(self.condition(node.body).dims, NUMBER, condition=True)

    def condition(self, node: Node) -> Meaning:
        """Judge a condition, in which a bare name asks whether a value exists; a dim's or label's name does not."""
        if isinstance(node, Name) and (symbol := self.scope.symbols.get(node.id)) is not None and symbol.kind in ("param", "text", "var"):
            return Meaning(symbol.dims, NUMBER, condition=True)
        found = self.of(node)
        if found.degree and not self.free:
            self.report(
                Problem(
                    "DY2202",
                    f"the condition compares the variable `{found.var}`",
                    "a condition is decided before solving; use a 0/1 variable and a rule",
                    found.var,
                )
            )
        return found

    def sum(self, node: Sum) -> Meaning:
        body = self.of(node.body)
        dims = union(body.dims, self.condition(node.where).dims) if node.where is not None else body.dims
        if node.over is None:
            over = {d for d in dims if d != self.scope.scenario}
        else:
            over = set(node.over)
            for dim in node.over:
                if dim not in self.scope.dims:
                    self.report(Problem("DY2203", f"no dimension is named `{dim}`", suggest(dim, self.scope.dims), dim))
                elif dim not in dims:
                    self.report(
                        Problem(
                            "DY2204",
                            f"`{_short(node.body)}` has no dim `{dim}` to sum over; it has {_words(dims)}",
                            f"drop `{dim}` from `over=`",
                            dim,
                        )
                    )
        return Meaning(tuple(d for d in dims if d not in over), body.unit, body.degree, body.var)

    def shift(self, node: Shift) -> Meaning:
        body, offset = self.of(node.body), self.of(node.offset)
        edge = self.of(node.edge) if node.edge is not None else Meaning(plain=True, unit=NUMBER)
        if node.along not in self.scope.dims:
            self.report(Problem("DY2203", f"no dimension is named `{node.along}`", suggest(node.along, self.scope.dims), node.along))
        elif node.along not in body.dims:
            self.report(
                Problem(
                    "DY2204",
                    f"`{_short(node.body)}` has no dim `{node.along}` to shift along; it has {_words(body.dims)}",
                    "shift along one of its dims",
                    node.along,
                )
            )
        elif node.along not in self.scope.ordered:
            self.report(
                Problem("DY2204", f"`{node.along}` has no order to shift along", f"declare `{node.along}` as `ordered: true`", node.along)
            )
        if offset.degree or not self._whole(node.offset):
            self.report(
                Problem(
                    "DY2216",
                    f"the offset `{show(node.offset)}` is no whole number",
                    "use an integer or a parameter of `dtype: int`",
                    _last_name(node.offset),
                )
            )
        if edge.degree:
            self.report(Problem("DY2202", f"the edge `{_short(node.edge)}` is a variable", "an edge is a number or a parameter", edge.var))
        if node.edge is not None:
            self._alike(Binary("+", node.body, node.edge), body, edge)
        return Meaning(union(body.dims, offset.dims, edge.dims), body.unit, body.degree, body.var)

    def _whole(self, node: Node) -> bool:
        for part in walk(node):
            if isinstance(part, Num) and part.value != int(part.value):
                return False
            if isinstance(part, Name):
                symbol = self.scope.symbols.get(part.id)
                if symbol is not None and not symbol.integer:
                    return False
            if isinstance(part, Binary) and part.op == "/":
                return False
        return True

    def reduce(self, node: Reduce) -> Meaning:
        body = self.of(node.body)
        scenario = self.scope.scenario
        if scenario is None or scenario not in body.dims:
            self.report(
                Problem(
                    "DY2215",
                    f"`{_short(node.body)}` does not depend on scenarios, so it has no {node.kind}",
                    f"drop `{node.kind}`",
                    _last_name(node.body),
                )
            )
        unit = NUMBER if body.condition else body.unit
        return Meaning(tuple(d for d in body.dims if d != scenario), unit, body.degree, body.var)

    def call(self, node: Call) -> Meaning:
        parts = [self.of(a) for a in node.args]
        for part in parts:
            if part.degree and not self.free:
                self.report(
                    Problem(
                        "DY2202",
                        f"`{node.name}` of the variable `{part.var}` is not linear",
                        "give the result its own variable and bound it from both sides",
                        part.var,
                    )
                )
        unit = parts[0].unit
        for i, part in enumerate(parts[1:], 1):
            unit = self._alike(Binary("+", node.args[0], node.args[i]), parts[0], part)
        if node.name == "sqrt":
            unit = None
        return Meaning(union(*(p.dims for p in parts)), unit, max(p.degree for p in parts), plain=all(p.plain for p in parts))


_RULES: Final[dict[type, Callable[..., Meaning]]] = {
    Num: _Judge.number,
    Text: _Judge.text,
    Name: _Judge.name,
    Neg: _Judge.negation,
    Binary: _Judge.binary,
    Compare: _Judge.compare,
    Logic: _Judge.logic,
    Not: _Judge.opposite,
    Sum: _Judge.sum,
    Shift: _Judge.shift,
    Reduce: _Judge.reduce,
    Call: _Judge.call,
}


def _keep_text(unit: Unit, left: Meaning, right: Meaning) -> Unit:
    """Keep a unit as it was written when the other side is a plain number."""
    for one, other in ((left, right), (right, left)):
        if one.unit is not None and other.unit == NUMBER and unit.same(one.unit):
            return one.unit
    return unit


def _short(node: Node | None) -> str:
    text = "" if node is None else show(node)
    return text if len(text) <= 60 else text[:57] + "…"


def _last_name(node: Node) -> str:
    found = [n.id for n in walk(node) if isinstance(n, Name)]
    return found[0] if found else ""


def _words(dims: tuple[str, ...]) -> str:
    return ", ".join(dims) if dims else "none"

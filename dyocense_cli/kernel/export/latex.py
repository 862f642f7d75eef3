"""OptiModel → LaTeX: objective, rules and domains as one `align` each, with the planner's words in the margin."""

from __future__ import annotations

from typing import Final

from dyocense_cli.artifacts.optimodel import OptiModel, Rule, Var
from dyocense_cli.optimodel.expr.dims import sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import number
from dyocense_cli.optimodel.inline import inlined
from dyocense_cli.optimodel.simplify import ZERO

__all__ = ["to_latex"]

_RELATIONS: Final = {"==": "=", "!=": r"\neq", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">"}


def to_latex(model: OptiModel) -> str:
    """Return the model as the body of a LaTeX document (needs `amsmath`)."""
    model = inlined(model)
    writer = _Writer(model)
    sense = r"\min" if model.sense == "min" else r"\max"
    terms = [("" if t.weight == 1 else number(t.weight) + r" \cdot ") + writer.of(parse(t.expr), 2) for t in model.terms]
    lines = [r"\begin{align*}", rf"{sense}\quad & " + " + ".join(terms) + r" \\", r"\end{align*}", r"subject to", r"\begin{align*}"]
    lines += [writer.rule(r) for r in model.rules]
    lines += [r"\end{align*}", r"\begin{align*}"]
    lines += [writer.variable(v) for v in model.vars]
    return "\n".join([*lines, r"\end{align*}", ""])


class _Writer:
    """Writes trees; dims go by their first letters, lengthened until each is its own."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.index = _letters(tuple(model.dims))
        self.dims_of = {v.name: v.dims for v in model.vars} | {n: p.dims for n, p in model.params.items()}
        self.dims_of.setdefault("probability", ("scenario",) if "scenario" in model.dims else ())
        self.variables = {v.name for v in model.vars}

    def rule(self, rule: Rule) -> str:
        where = "" if rule.where is None else r" : " + self.of(parse(rule.where))
        every = r" \qquad \forall\, " + self.members(rule.dims) + where if rule.dims else ""
        return rf"& {self.of(parse(rule.expr))}{every} && \text{{{_escape(rule.name)}}} \\"

    def variable(self, v: Var) -> str:
        name = self.name(v.name, {})
        kind = {"float": r"\mathbb{R}", "int": r"\mathbb{Z}", "bool": r"\{0, 1\}"}[v.type]
        low = "" if v.lb is None or v.type == "bool" else (self.of(parse(v.lb)) if isinstance(v.lb, str) else number(v.lb)) + r" \le "
        high = "" if v.ub is None or v.type == "bool" else r" \le " + (self.of(parse(v.ub)) if isinstance(v.ub, str) else number(v.ub))
        where = "" if v.where is None else r" : " + self.of(parse(v.where))
        every = r" \qquad \forall\, " + self.members(v.dims) + where if v.dims else ""
        return rf"& {low}{name}{high},\; {name} \in {kind}{every} \\"

    def members(self, dims: tuple[str, ...]) -> str:
        return ",\\ ".join(rf"{self.index[d]} \in \mathit{{{_escape(d)}}}" for d in dims)

    def name(self, name: str, moved: dict[str, str]) -> str:
        font = r"\mathit" if name in self.variables else r"\mathrm"
        dims = self.dims_of.get(name, ())
        below = "_{" + ",".join(moved.get(d, self.index[d]) for d in dims) + "}" if dims else ""
        return rf"{font}{{{_escape(name)}}}{below}"

    def of(self, node: Node, place: int = 0, moved: dict[str, str] | None = None) -> str:
        moved = moved or {}
        if isinstance(node, Num):
            return number(node.value)
        if isinstance(node, Text):
            return rf"\text{{{_escape(node.value)}}}"
        if isinstance(node, Name):
            return self.name(node.id, moved)
        if isinstance(node, Neg):
            return "-" + self.of(node.body, 3, moved)
        if isinstance(node, Binary):
            return self.binary(node, place, moved)
        if isinstance(node, (Compare, Logic)):
            sign = _RELATIONS[node.op] if isinstance(node, Compare) else r"\land" if node.op == "and" else r"\lor"
            return f"{self.of(node.left, 0, moved)} {sign} {self.of(node.right, 0, moved)}"
        if isinstance(node, Not):
            return r"\lnot\," + self.of(node.body, 3, moved)
        return self.function(node, place, moved)

    def binary(self, node: Binary, place: int, moved: dict[str, str]) -> str:
        if node.op == "/":
            return rf"\frac{{{self.of(node.left, 0, moved)}}}{{{self.of(node.right, 0, moved)}}}"
        level = 1 if node.op in "+-" else 2
        sign = r"\cdot" if node.op == "*" else node.op
        text = f"{self.of(node.left, level, moved)} {sign} {self.of(node.right, level + 1, moved)}"
        return rf"\left({text}\right)" if level < place else text

    def function(self, node: Sum | Shift | Reduce | Call, place: int, moved: dict[str, str]) -> str:
        if isinstance(node, Sum):
            over = sum_dims(node, self.dims_of)
            below = self.members(over) + ("" if node.where is None else " : " + self.of(node.where, 0, moved))
            text = rf"\sum_{{{below}}} {self.of(node.body, 2, {d: m for d, m in moved.items() if d not in over})}"
            return rf"\left({text}\right)" if place > 2 else text
        if isinstance(node, Shift):
            here = moved.get(node.along, self.index[node.along])
            text = self.of(node.body, place, {**moved, node.along: f"{here}-{self.of(node.offset, 2, moved)}"})
            if node.edge in (None, ZERO):  # outside its dim a value is 0 or the row does not exist
                return text
            return rf"\left({text} \text{{ or }} {self.of(node.edge, 0, moved)}\right)"
        if isinstance(node, Reduce):
            level = "" if node.level is None else f"_{{{number(node.level)}}}"
            return rf"\operatorname{{{node.kind}}}{level}\left[{self.of(node.body, 0, moved)}\right]"
        return rf"\operatorname{{{node.name}}}\left({', '.join(self.of(a, 0, moved) for a in node.args)}\right)"


def _letters(dims: tuple[str, ...]) -> dict[str, str]:
    out: dict[str, str] = {}
    for dim in dims:
        size = 1
        while dim[:size] in out.values() and size < len(dim):
            size += 1
        out[dim] = dim[:size]
    return out


def _escape(text: str) -> str:
    return "".join("\\" + c if c in "_&%$#{}" else c for c in text)

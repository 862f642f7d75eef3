"""OptiModel → LaTeX: objective, rules and domains as one `align` each, with the planner's words in the margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dyocense_cli.artifacts.optimodel import OptiModel, Rule, Var
from dyocense_cli.kernel.export.formulas import Formulas
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import number
from dyocense_cli.optimodel.inline import inlined

__all__ = ["to_latex"]

_SIGNS: Final = {
    "==": "=", "!=": r"\neq", "<=": r"\le", ">=": r"\ge", "*": r"\cdot", "and": r"\land", "or": r"\lor", "not": r"\lnot\,",
}  # fmt: skip


def to_latex(model: OptiModel) -> str:
    """Return the model as the body of a LaTeX document (needs `amsmath`)."""
    model = inlined(model)
    writer = _Writer(model)
    sense = r"\min" if model.sense == "min" else r"\max"
    terms = [("" if t.weight == 1 else number(t.weight) + r" \cdot ") + writer.formulas.of(parse(t.expr), 2) for t in model.terms]
    lines = [r"\begin{align*}", rf"{sense}\quad & " + " + ".join(terms) + r" \\", r"\end{align*}", r"subject to", r"\begin{align*}"]
    lines += [writer.rule(r) for r in model.rules]
    lines += [r"\end{align*}", r"\begin{align*}"]
    lines += [writer.variable(v) for v in model.vars]
    return "\n".join([*lines, r"\end{align*}", ""])


class _Writer:
    """Writes the lines of a model."""

    def __init__(self, model: OptiModel) -> None:
        dims_of = {v.name: v.dims for v in model.vars} | {n: p.dims for n, p in model.params.items()}
        dims_of.setdefault("probability", ("scenario",) if "scenario" in model.dims else ())
        self.formulas = Formulas(_Latex(), tuple(model.dims), dims_of, {v.name for v in model.vars})

    def rule(self, rule: Rule) -> str:
        return rf"& {self._of(rule.expr)}{self._every(rule.dims, rule.where)} && \text{{{_escape(rule.name)}}} \\"

    def variable(self, v: Var) -> str:
        name = self.formulas.name(v.name)
        kind = {"float": r"\mathbb{R}", "int": r"\mathbb{Z}", "bool": r"\{0, 1\}"}[v.type]
        low = "" if v.lb is None or v.type == "bool" else self._of(v.lb) + r" \le "
        high = "" if v.ub is None or v.type == "bool" else r" \le " + self._of(v.ub)
        return rf"& {low}{name}{high},\; {name} \in {kind}{self._every(v.dims, v.where)} \\"

    def _of(self, value: str | float) -> str:
        return self.formulas.of(parse(value)) if isinstance(value, str) else number(value)

    def _every(self, dims: tuple[str, ...], where: str | None) -> str:
        condition = "" if where is None else " : " + self._of(where)
        return r" \qquad \forall\, " + self.formulas.members(dims) + condition if dims else ""


class _Latex:
    """LaTeX with `amsmath`."""

    def number(self, text: str) -> str:
        return text

    def text(self, words: str) -> str:
        return rf"\text{{{_escape(words)}}}"

    def name(self, name: str, below: Sequence[str], *, is_variable: bool) -> str:
        font = r"\mathit" if is_variable else r"\mathrm"
        return rf"{font}{{{_escape(name)}}}" + ("_{" + ",".join(below) + "}" if below else "")

    def infix(self, left: str, sign: str, right: str) -> str:
        return f"{left} {_SIGNS.get(sign, sign)} {right}"

    def prefix(self, sign: str, body: str) -> str:
        return _SIGNS.get(sign, sign) + body

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def bracket(self, body: str) -> str:
        return rf"\left({body}\right)"

    def total(self, below: str, body: str) -> str:
        return rf"\sum_{{{below}}} {body}"

    def either(self, body: str, other: str) -> str:
        return rf"\left({body} \text{{ or }} {other}\right)"

    def function(self, name: str, level: str | None, args: Sequence[str], *, square: bool) -> str:
        left, right = ("[", "]") if square else ("(", ")")
        return rf"\operatorname{{{name}}}" + ("" if level is None else f"_{{{level}}}") + rf"\left{left}{', '.join(args)}\right{right}"

    def member(self, index: str, dim: str) -> str:
        return rf"{index} \in \mathit{{{_escape(dim)}}}"

    def index(self, letter: str) -> str:
        return letter

    def list(self, pieces: Sequence[str]) -> str:
        return ",\\ ".join(pieces)

    def such(self, members: str, where: str) -> str:
        return f"{members} : {where}"

    def earlier(self, index: str, offset: str) -> str:
        return f"{index}-{offset}"


def _escape(text: str) -> str:
    return "".join("\\" + c if c in "_&%$#{}" else c for c in text)

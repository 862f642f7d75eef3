"""Formulas → MathML, which browsers render without a script or a network: the mathematics of a model file as a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.kernel.export.formulas import Formulas
from dyocense_cli.optimodel.expr.dims import dims_of
from dyocense_cli.optimodel.expr.parser import parse

__all__ = ["ModelFormulas", "to_mathml"]

_SIGNS: Final = {
    "==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "*": "·", "-": "−", "and": "∧", "or": "∨", "not": "¬", "all": "∀",
}  # fmt: skip


def to_mathml(body: str, kind: str = "formula") -> str:
    """Return a formula as a `math` element that stands on a line of its own."""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" class="{kind}">{body}</math>'


class ModelFormulas:
    """The formulas of a model file as it is written, whatever a goal switches on; `order` is that of the dims."""

    def __init__(self, spec: ModelSpec, order: tuple[str, ...]) -> None:
        known = {p.name: p.dims for p in spec.params} | {v.name: v.dims for v in spec.vars}
        settings = {f"{limit.name}_{s.name}": () for limit in spec.limits for s in limit.settings}
        known |= dict.fromkeys(settings, ())
        for _ in spec.exprs:  # an expression may use a later one
            known |= {e.name: dims_of(parse(e.expression), known) for e in spec.exprs}
        self.dims = {n: tuple(d for d in order if d in dims) for n, dims in known.items()}
        self.formulas = Formulas(_MathML(), order, self.dims, {v.name for v in spec.vars} | {e.name for e in spec.exprs})

    def of(self, text: str | float) -> str:
        """Return an expression."""
        return self.formulas.of(parse(text)) if isinstance(text, str) else f"<mn>{text:g}</mn>"

    def defined(self, name: str, text: str) -> str:
        """Return ``name = expression`` with the name's indices."""
        return f"<mrow>{self.formulas.name(name)}{_mo('==')}{self.of(text)}</mrow>"

    def every(self, dims: Sequence[str] | None, where: str | None) -> str:
        """Return what a rule or a variable runs over, empty for a single one."""
        if not dims:
            return ""
        members = self.formulas.members(tuple(dims))
        condition = "" if where is None else f"{_mo(':')}{self.of(where)}"
        return f"<mrow>{_mo('all')}{members}{condition}</mrow>"


def _mo(sign: str) -> str:
    return f"<mo>{escape(_SIGNS.get(sign, sign))}</mo>"


def _row(*pieces: str) -> str:
    return f"<mrow>{''.join(pieces)}</mrow>"


class _MathML:
    """Presentation MathML (core); variables are of the class ``v``."""

    def number(self, text: str) -> str:
        return f"<mn>{escape(text)}</mn>"

    def text(self, words: str) -> str:
        return f"<mtext>{escape(words)}</mtext>"

    def name(self, name: str, below: Sequence[str], *, is_variable: bool) -> str:
        text = f'<mi class="v">{escape(name)}</mi>' if is_variable else f"<mi>{escape(name)}</mi>"
        return f"<msub>{text}{_row(_mo(',').join(below))}</msub>" if below else text

    def infix(self, left: str, sign: str, right: str) -> str:
        return _row(left, _mo(sign), right)

    def prefix(self, sign: str, body: str) -> str:
        return _row(_mo(sign), body)

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{_row(above)}{_row(below)}</mfrac>"

    def bracket(self, body: str) -> str:
        return _row(_mo("("), body, _mo(")"))

    def total(self, below: str, body: str) -> str:
        return _row(f"<munder><mo>∑</mo>{_row(below)}</munder>", body)

    def either(self, body: str, other: str) -> str:
        return self.bracket(_row(body, "<mtext>\u00a0or\u00a0</mtext>", other))

    def function(self, name: str, level: str | None, args: Sequence[str], *, square: bool) -> str:
        left, right = ("[", "]") if square else ("(", ")")
        head = f"<mi>{escape(name)}</mi>" if level is None else f"<msub><mi>{escape(name)}</mi><mn>{escape(level)}</mn></msub>"
        return _row(head, _mo(left), _mo(",").join(args), _mo(right))

    def member(self, index: str, dim: str) -> str:
        del dim  # the page has a table of indices
        return self.index(index)

    def index(self, letter: str) -> str:
        return f'<mi class="v" mathvariant="normal">{escape(letter)}</mi>'

    def list(self, pieces: Sequence[str]) -> str:
        return _mo(",").join(pieces)

    def such(self, members: str, where: str) -> str:
        return _row(members, _mo(":"), where)

    def earlier(self, index: str, offset: str) -> str:
        return _row(index, _mo("-"), offset)

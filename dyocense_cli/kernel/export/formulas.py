"""Expression trees → formulas with indices; how a sign looks is the business of a notation (LaTeX, MathML)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from dyocense_cli.optimodel.expr.dims import sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text
from dyocense_cli.optimodel.expr.printer import number
from dyocense_cli.optimodel.simplify import ZERO

__all__ = ["Formulas", "Notation", "letters"]

Dims = tuple[str, ...]


class Notation(Protocol):
    """How the parts of a formula are written; every argument that is not a word is a piece that the notation wrote itself."""

    def number(self, text: str) -> str:
        """Write a number."""

    def text(self, words: str) -> str:
        """Write words."""

    def name(self, name: str, below: Sequence[str], *, is_variable: bool) -> str:
        """Write a name with the indices below it."""

    def infix(self, left: str, sign: str, right: str) -> str:
        """Write ``left sign right``; the sign is one of the model language."""

    def prefix(self, sign: str, body: str) -> str:
        """Write ``-`` or ``not`` before a piece."""

    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""

    def bracket(self, body: str) -> str:
        """Write a piece in brackets."""

    def total(self, below: str, body: str) -> str:
        """Write a sum, and what it runs over."""

    def either(self, body: str, other: str) -> str:
        """Write a value and what stands for it outside its dim."""

    def function(self, name: str, level: str | None, args: Sequence[str], *, square: bool) -> str:
        """Write a function of pieces."""

    def member(self, index: str, dim: str) -> str:
        """Write that an index runs over a dim."""

    def index(self, letter: str) -> str:
        """Write an index."""

    def list(self, pieces: Sequence[str]) -> str:
        """Write pieces one after the other."""

    def such(self, members: str, where: str) -> str:
        """Write members for which a condition holds."""

    def earlier(self, index: str, offset: str) -> str:
        """Write an index some places earlier."""


class Formulas:
    """Writes trees in a notation; dims go by their first letters, lengthened until each is its own."""

    def __init__(self, notation: Notation, dims: Dims, dims_of: Mapping[str, Dims], variables: Collection[str]) -> None:
        self.notation = notation
        self.letter = letters(dims)
        self.dims_of = dims_of
        self.variables = variables

    def members(self, dims: Dims) -> str:
        """Write what the indices of some dims run over."""
        return self.notation.list([self.notation.member(self.letter[d], d) for d in dims])

    def name(self, name: str, moved: Mapping[str, str] | None = None) -> str:
        """Write a name with its indices, some of them moved."""
        below = [(moved or {}).get(d) or self.notation.index(self.letter[d]) for d in self.dims_of.get(name, ())]
        return self.notation.name(name, below, is_variable=name in self.variables)

    def of(self, node: Node, place: int = 0, moved: Mapping[str, str] | None = None) -> str:
        """Write a tree; `place` is how tightly its surroundings bind."""
        moved = moved or {}
        write = self.notation
        if isinstance(node, Num):
            return write.number(number(node.value))
        if isinstance(node, Text):
            return write.text(node.value)
        if isinstance(node, Name):
            return self.name(node.id, moved)
        if isinstance(node, Neg):
            return write.prefix("-", self.of(node.body, 3, moved))
        if isinstance(node, Binary):
            return self._binary(node, place, moved)
        if isinstance(node, (Compare, Logic)):
            return write.infix(self.of(node.left, 0, moved), node.op, self.of(node.right, 0, moved))
        if isinstance(node, Not):
            return write.prefix("not", self.of(node.body, 3, moved))
        return self._function(node, place, moved)

    def _binary(self, node: Binary, place: int, moved: Mapping[str, str]) -> str:
        if node.op == "/":
            return self.notation.fraction(self.of(node.left, 0, moved), self.of(node.right, 0, moved))
        level = 1 if node.op in "+-" else 2
        text = self.notation.infix(self.of(node.left, level, moved), node.op, self.of(node.right, level + 1, moved))
        return self.notation.bracket(text) if level < place else text

    def _function(self, node: Sum | Shift | Reduce | Call, place: int, moved: Mapping[str, str]) -> str:
        write = self.notation
        if isinstance(node, Sum):
            over = sum_dims(node, self.dims_of)
            below = self.members(over)
            below = below if node.where is None else write.such(below, self.of(node.where, 0, moved))
            text = write.total(below, self.of(node.body, 2, {d: m for d, m in moved.items() if d not in over}))
            return write.bracket(text) if place > 2 else text
        if isinstance(node, Shift):
            here = moved.get(node.along) or write.index(self.letter[node.along])
            text = self.of(node.body, place, {**moved, node.along: write.earlier(here, self.of(node.offset, 2, moved))})
            if node.edge in (None, ZERO):  # outside its dim a value is 0 or the row does not exist
                return text
            return write.either(text, self.of(node.edge, 0, moved))
        if isinstance(node, Reduce):
            level = None if node.level is None else number(node.level)
            return write.function(node.kind, level, [self.of(node.body, 0, moved)], square=True)
        return write.function(node.name, None, [self.of(a, 0, moved) for a in node.args], square=False)


def letters(dims: Dims) -> dict[str, str]:
    """Return the shortest beginning of each dim's name that no dim before it has."""
    out: dict[str, str] = {}
    for dim in dims:
        size = 1
        while dim[:size] in out.values() and size < len(dim):
            size += 1
        out[dim] = dim[:size]
    return out

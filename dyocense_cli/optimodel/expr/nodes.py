"""The syntax tree of the model language.

Trees are immutable and compare by value. A node carries no place: the text it was parsed from is one line of a YAML
scalar, and errors give the offset in it (`ParseError.offset`), which the reader of the file turns into line and column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias

__all__ = ["Binary", "Compare", "Logic", "Name", "Neg", "Node", "Not", "Num", "Reduce", "Shift", "Sum", "Text", "walk"]


@dataclass(frozen=True, slots=True)
class Num:
    """A number; `unit` as written (``0.08 EUR/kg`` is not an expression: units stand at parameters and weights)."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted label, only in comparisons of a `where`."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, variable, named expression or dimension."""

    id: str


@dataclass(frozen=True, slots=True)
class Neg:
    """Minus `body`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`op` is one of ``+ - * /``."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` is one of ``== != <= >= < >``; the relation of a rule or a condition of a `where`."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """`op` is ``and`` or ``or``; only in conditions."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Not:
    """Negation of a condition."""

    body: Node


@dataclass(frozen=True, slots=True)
class Sum:
    """``sum(body where cond, over=[dims])``; `over` None = every dim but ``scenario``."""

    body: Node
    over: tuple[str, ...] | None = None
    where: Node | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """``shift(body, along=dim, offset=o, edge=e)``: the value `offset` positions earlier; without `edge` the vacated rows do not exist."""

    body: Node
    along: str
    offset: Node
    edge: Node | None = None


@dataclass(frozen=True, slots=True)
class Reduce:
    """A scenario reduction: `kind` is ``mean``, ``worst``, ``quantile`` or ``cvar``; `level` for the last two."""

    kind: str
    body: Node
    level: float | None = None


Node: TypeAlias = "Num | Text | Name | Neg | Binary | Compare | Logic | Not | Sum | Shift | Reduce"


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything below it, parents first."""
    yield node
    for field in fields(node):
        child = getattr(node, field.name)
        if hasattr(child, "__dataclass_fields__"):
            yield from walk(child)

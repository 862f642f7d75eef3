"""The syntax tree of the model language.

Trees are immutable and compare by value. A node carries no place: the text it was parsed from is one line of a YAML
scalar, and errors give the offset in it (`ExpressionError.offset`), which the reader of the file turns into line and column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

__all__ = [
    "Binary",
    "Call",
    "Compare",
    "Logic",
    "Name",
    "Neg",
    "Node",
    "Not",
    "Num",
    "Reduce",
    "Shift",
    "Sum",
    "Text",
    "children",
    "depth",
    "names",
    "rebuild",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Num:
    """A number, finite and not negative (``-3`` is ``Neg(Num(3))``); it takes the unit of its place."""

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


@dataclass(frozen=True, slots=True)
class Call:
    """``min max ceil floor sqrt`` of parameters; evaluated when data is bound, so never in a compiled rule."""

    name: str
    args: tuple[Node, ...]


Node: TypeAlias = "Num | Text | Name | Neg | Binary | Compare | Logic | Not | Sum | Shift | Reduce | Call"


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct children of a node, in source order."""
    if isinstance(node, (Binary, Compare, Logic)):
        return (node.left, node.right)
    if isinstance(node, (Neg, Not, Reduce)):
        return (node.body,)
    if isinstance(node, Sum):
        return (node.body,) if node.where is None else (node.body, node.where)
    if isinstance(node, Shift):
        return (node.body, node.offset) if node.edge is None else (node.body, node.offset, node.edge)
    return node.args if isinstance(node, Call) else ()


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return `node` with each direct child replaced by ``change(child)``; the same object if nothing changed."""
    old = children(node)
    new = tuple(change(child) for child in old)
    if all(a is b for a, b in zip(old, new, strict=True)):
        return node
    if isinstance(node, (Binary, Compare, Logic)):
        return replace(node, left=new[0], right=new[1])
    if isinstance(node, (Neg, Not, Reduce)):
        return replace(node, body=new[0])
    if isinstance(node, Sum):
        return replace(node, body=new[0], where=new[1] if len(new) > 1 else None)
    if isinstance(node, Shift):
        return replace(node, body=new[0], offset=new[1], edge=new[2] if len(new) > 2 else None)
    assert isinstance(node, Call)
    return replace(node, args=new)


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)


def depth(node: Node) -> int:
    """Return the number of nodes on the longest way down, without recursion."""
    deepest, stack = 0, [(node, 1)]
    while stack:
        current, level = stack.pop()
        deepest = max(deepest, level)
        stack += [(child, level + 1) for child in children(current)]
    return deepest


def names(node: Node) -> set[str]:
    """Return every name that occurs below `node` (dims of `over` and `along` are not names)."""
    return {n.id for n in walk(node) if isinstance(n, Name)}

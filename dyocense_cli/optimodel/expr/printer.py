"""Syntax tree -> canonical text: one space round binary operators, no redundant parentheses, operands in source order."""

from __future__ import annotations

from typing import Final

from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text

__all__ = ["number", "show"]

# How tightly a node binds; a child that binds less tightly than its place needs parentheses.
_OR, _AND, _NOT, _RELATION, _ADD, _MULTIPLY, _UNARY, _ATOM = range(8)
_BINARY: Final = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY}


def show(node: Node) -> str:
    """Return the canonical text; ``parse(show(node)) == node`` for every tree that `parse` can return."""
    return _show(node, _OR)


def number(value: float) -> str:
    """Return the shortest text that reads back as the same double; whole numbers below 1e15 without a point."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def _level(node: Node) -> int:
    if isinstance(node, Logic):
        return _OR if node.op == "or" else _AND
    if isinstance(node, Binary):
        return _BINARY[node.op]
    if isinstance(node, Not):
        return _NOT
    if isinstance(node, Compare):
        return _RELATION
    return _UNARY if isinstance(node, Neg) else _ATOM


def _show(node: Node, place: int) -> str:
    text = _bare(node)
    return f"({text})" if _level(node) < place else text


def _bare(node: Node) -> str:
    if isinstance(node, Num):
        return number(node.value)
    if isinstance(node, Name):
        return node.id
    if isinstance(node, Text):
        return "'" + node.value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(node, Neg):
        return "-" + _show(node.body, _UNARY)
    if isinstance(node, Not):
        return "not " + _show(node.body, _NOT)
    if isinstance(node, (Binary, Compare, Logic)):
        return _pair(node)
    return _function(node)


def _pair(node: Binary | Compare | Logic) -> str:
    level = _level(node)
    # A relation takes sums on both sides; the others group to the left, so the right side binds one step tighter.
    left = level + 1 if isinstance(node, Compare) else level
    return f"{_show(node.left, left)} {node.op} {_show(node.right, level + 1)}"


def _function(node: Sum | Shift | Reduce | Call) -> str:
    if isinstance(node, Sum):
        where = "" if node.where is None else f" where {_show(node.where, _OR)}"
        return f"sum({_show(node.body, _OR)}{where}{_over(node.over)})"
    if isinstance(node, Shift):
        edge = "" if node.edge is None else f", edge={_show(node.edge, _ADD)}"
        return f"shift({_show(node.body, _OR)}, along={node.along}, offset={_show(node.offset, _ADD)}{edge})"
    if isinstance(node, Reduce):
        level = "" if node.level is None else f", {number(node.level)}"
        return f"{node.kind}({_show(node.body, _OR)}{level})"
    return f"{node.name}({', '.join(_show(a, _ADD) for a in node.args)})"


def _over(over: tuple[str, ...] | None) -> str:
    if over is None:
        return ""
    return f", over={over[0]}" if len(over) == 1 else f", over=[{', '.join(over)}]"

"""Conditions with parts that are known: fold them to a condition, true (None) or false (False)."""

from __future__ import annotations

import operator
from typing import Final, Literal, TypeAlias

from dyocense_cli.optimodel.expr.nodes import Compare, Logic, Node, Not, Num, Sum, rebuild
from dyocense_cli.optimodel.simplify import ZERO, simplify

_COMPARE: Final = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip

__all__ = ["Folded", "fold", "fold_sums"]

Folded: TypeAlias = "Node | Literal[False] | None"


def fold(node: Node | None) -> Folded:
    """Return a condition with zeros (what is absent) folded: None where it always holds, False where it never does."""
    if node is None:
        return None
    if isinstance(node, Num):
        return None if node.value else False
    if isinstance(node, Compare) and isinstance(node.left, Num) and isinstance(node.right, Num):
        return None if _COMPARE[node.op](node.left.value, node.right.value) else False
    if isinstance(node, Not):
        body = fold(node.body)
        return False if body is None else None if body is False else Not(body)
    if isinstance(node, Logic):
        return _logic(node.op, fold(node.left), fold(node.right))
    return node


def _logic(op: str, left: Folded, right: Folded) -> Folded:
    strong: Folded = False if op == "and" else None
    if (left is strong) or (right is strong):
        return strong
    for one, other in ((left, right), (right, left)):
        if one is None or one is False:
            return other
    assert not isinstance(left, bool)
    assert not isinstance(right, bool)
    assert left is not None
    assert right is not None
    return Logic(op, left, right)


def fold_sums(node: Node) -> Node:
    """Return `node` with the conditions of its sums folded: a sum over nothing is zero."""
    node = rebuild(node, fold_sums)
    if isinstance(node, Sum):
        where = fold(node.where)
        return ZERO if where is False else simplify(Sum(node.body, node.over, where))
    return simplify(node)

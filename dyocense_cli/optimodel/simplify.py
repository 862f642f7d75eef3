"""Inline named expressions and drop what is zero, so that a switched-off part of a model leaves no trace."""

from __future__ import annotations

from collections.abc import Mapping

from dyocense_cli.optimodel.expr.nodes import Binary, Call, Name, Neg, Node, Num, Reduce, Shift, Sum, rebuild

__all__ = ["ZERO", "expand", "simplify", "substitute", "without_dims"]

ZERO = Num(0.0)
_ONE = Num(1.0)


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """Return `node` with names replaced by trees (once, not again inside them)."""
    if isinstance(node, Name):
        return values.get(node.id, node)
    return rebuild(node, lambda child: substitute(child, values))


def expand(node: Node, exprs: Mapping[str, Node]) -> Node:
    """Return `node` with named expressions inlined down to parameters and variables, and zeros dropped.

    The expressions hold no circle; `optiguide` checks that first.
    """
    if isinstance(node, Name):
        return expand(exprs[node.id], exprs) if node.id in exprs else node
    return simplify(rebuild(node, lambda child: expand(child, exprs)))


def simplify(node: Node) -> Node:
    """Return `node` less its zeros and ones: ``0 * x``, ``x + 0``, ``1 * x``, ``sum(0)``; equal in value and never larger."""
    if isinstance(node, Binary):
        return _binary(node)
    if isinstance(node, Neg):
        return ZERO if node.body == ZERO else node.body.body if isinstance(node.body, Neg) else node
    if isinstance(node, Call) and all(isinstance(a, Num) for a in node.args):
        return _called(node)
    if isinstance(node, (Sum, Reduce)) and node.body == ZERO:
        return ZERO
    if isinstance(node, Sum) and node.over == () and node.where is None:
        return node.body
    if isinstance(node, Shift) and node.body == ZERO and node.edge in (None, ZERO):
        return ZERO
    return node


def _called(node: Call) -> Node:
    values = [a.value for a in node.args if isinstance(a, Num)]
    if node.name in ("min", "max"):
        return Num(min(values) if node.name == "min" else max(values))
    return ZERO if values == [0.0] else node


def _binary(node: Binary) -> Node:
    left, right = node.left, node.right
    if node.op == "+":
        return right if left == ZERO else left if right == ZERO else node
    if node.op == "-":
        return left if right == ZERO else simplify(Neg(right)) if left == ZERO else node
    if left == ZERO or (node.op == "*" and right == ZERO):
        return ZERO
    if right == _ONE:
        return left
    return right if left == _ONE and node.op == "*" else node


def without_dims(node: Node, gone: frozenset[str]) -> Node:
    """Return `node` without dims that were dropped because they hold one label: they leave every `over=`."""
    node = rebuild(node, lambda child: without_dims(child, gone))
    if isinstance(node, Sum) and node.over is not None and not gone.isdisjoint(node.over):
        return simplify(Sum(node.body, tuple(d for d in node.over if d not in gone), node.where))
    return node

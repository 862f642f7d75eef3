"""Dims of an expression that is known to be well formed, from the dims of its names."""

from __future__ import annotations

from collections.abc import Mapping

from dyocense_cli.optimodel.expr.nodes import Name, Node, Reduce, Sum, children

__all__ = ["dims_of", "sum_dims"]

Dims = tuple[str, ...]


def dims_of(node: Node, named: Mapping[str, Dims], scenario: str | None = "scenario") -> Dims:
    """Return the dims of a tree, each where it first occurs; a name that `named` does not have has none."""
    if isinstance(node, Name):
        return named.get(node.id, ())
    if isinstance(node, Sum):
        over = sum_dims(node, named, scenario)
        return tuple(d for d in _inside(node, named, scenario) if d not in over)
    found = _inside(node, named, scenario)
    return tuple(d for d in found if d != scenario) if isinstance(node, Reduce) else found


def sum_dims(node: Sum, named: Mapping[str, Dims], scenario: str | None = "scenario") -> Dims:
    """Return what a sum runs over: its `over`, or every dim of its body and condition but the scenarios."""
    if node.over is not None:
        return node.over
    return tuple(d for d in _inside(node, named, scenario) if d != scenario)


def _inside(node: Node, named: Mapping[str, Dims], scenario: str | None) -> Dims:
    return tuple(dict.fromkeys(d for child in children(node) for d in dims_of(child, named, scenario)))

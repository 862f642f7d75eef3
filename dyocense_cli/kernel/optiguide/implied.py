"""Where the rows of a rule without a `where` can exist at all: only where its variables do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dyocense_cli.kernel.optiguide.draft import Formula, RuleDraft, VarDraft
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Node
from dyocense_cli.optimodel.simplify import ZERO

__all__ = ["implied_where"]


def implied_where(rule: RuleDraft, variables: Mapping[str, VarDraft]) -> Formula | None:
    """Return a rule's `where`; without one, the condition that every addend's variable shares.

    Elsewhere the row would read 0 on both sides, so leaving it out changes nothing but the size of the model.
    """
    if rule.where is not None:
        return rule.where
    node = rule.formula.node
    assert isinstance(node, Compare)
    found: Formula | None = None
    for addend in (*_addends(node.left), *_addends(node.right)):
        where = _where(addend, variables)
        if where is None or (found is not None and where.node != found.node):
            return None
        found = where
    return found


def _addends(node: Node) -> Iterator[Node]:
    if isinstance(node, Binary) and node.op in "+-":
        yield from _addends(node.left)
        yield from _addends(node.right)
    elif isinstance(node, Neg):
        yield from _addends(node.body)
    elif node != ZERO:
        yield node


def _where(node: Node, variables: Mapping[str, VarDraft]) -> Formula | None:
    """Return the condition of a variable that is a plain factor of `node`."""
    if isinstance(node, Name):
        return variables[node.id].where if node.id in variables else None
    if isinstance(node, Binary) and node.op in "*/":
        return _where(node.left, variables) or (_where(node.right, variables) if node.op == "*" else None)
    return None

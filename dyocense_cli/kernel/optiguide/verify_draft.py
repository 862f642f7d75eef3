"""Valid before, valid after: what every pass must keep."""

from __future__ import annotations

from collections.abc import Iterator

from dyocense_cli.errors import InternalError
from dyocense_cli.kernel.optiguide.draft import Draft, Formula
from dyocense_cli.optimodel.expr.nodes import Name, Sum, walk

__all__ = ["verify_draft"]


def verify_draft(draft: Draft, after: str) -> None:
    """Check that every formula speaks only of names and dims that the draft has.

    Raises
    ------
    InternalError
        DY9001, naming the pass that broke it.
    """
    known = set(draft.scope.symbols) | set(draft.exprs) | set(draft.params)
    dims = set(draft.scope.dims)
    for owner, formula in _formulas(draft):
        for node in walk(formula.node):
            if isinstance(node, Name) and node.id not in known:
                raise InternalError("DY9001", f"pass `{after}` left `{owner}` with the unknown name `{node.id}`")
            if isinstance(node, Sum) and not set(node.over or ()) <= dims:
                raise InternalError("DY9001", f"pass `{after}` left `{owner}` with a sum over {node.over}")
    for rule in draft.rules:
        if rule.dims is not None and not set(rule.dims) <= dims:
            raise InternalError("DY9001", f"pass `{after}` left the rule `{rule.name}` with dims {rule.dims}")


def _formulas(draft: Draft) -> Iterator[tuple[str, Formula]]:
    yield from draft.exprs.items()
    for rule in draft.rules:
        yield rule.name, rule.formula
        if rule.where is not None:
            yield rule.name, rule.where
    for term in draft.terms:
        yield term.name, term.formula
    for kpi in draft.kpis:
        yield kpi.name, kpi.formula
    for variable in draft.vars:
        for formula in (variable.where, variable.lower, variable.upper):
            if formula is not None:
                yield variable.name, formula

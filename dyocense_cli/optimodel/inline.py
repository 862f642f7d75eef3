"""Inline what is left of named expressions in an OptiModel, for those who read rules one by one."""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.expr.nodes import names
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.simplify import expand

__all__ = ["inlined"]


def inlined(model: OptiModel) -> OptiModel:
    """Return the model with no named expression in a rule or term; the compiler's own models have none."""
    taken = model.params.keys() | {v.name for v in model.vars}
    trees = {n: parse(text) for n, text in model.exprs.items() if n not in taken}

    def change(text: str) -> str:
        node = parse(text)
        return show(expand(node, trees)) if names(node) & trees.keys() else text

    rules = tuple(replace(r, expr=change(r.expr)) for r in model.rules)
    return replace(model, rules=rules, terms=tuple(replace(t, expr=change(t.expr)) for t in model.terms))

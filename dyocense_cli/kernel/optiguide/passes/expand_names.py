"""expand: named expressions → their trees, down to parameters and variables; what is switched off leaves no trace.

Needs no circles. Keeps the value of every formula. Rules in which no variable is left are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dyocense_cli.kernel.optiguide.draft import Draft, Formula
from dyocense_cli.kernel.optiguide.problems import Problems
from dyocense_cli.optimodel.expr.nodes import Node, depth, names
from dyocense_cli.optimodel.expr.parser import MAX_TREE
from dyocense_cli.optimodel.simplify import ZERO, expand
from dyocense_cli.optimodel.symbols import Problem

__all__ = ["expand_names"]


def expand_names(draft: Draft) -> Draft:
    """Return the draft with every formula expanded.

    Raises
    ------
    Findings
        DY2202 for names whose expansion is deeper than trees may be.
    """
    _refuse_towers(draft)
    trees: dict[str, Node] = {name: f.node for name, f in draft.exprs.items()} | dict.fromkeys(draft.off, ZERO)
    variables = {v.name for v in draft.vars}
    rules = tuple(
        replace(r, formula=_expanded(r.formula, trees), where=None if r.where is None else _expanded(r.where, trees)) for r in draft.rules
    )
    return replace(
        draft,
        exprs={name: _expanded(f, trees) for name, f in draft.exprs.items()},
        values={name: _expanded(f, trees) for name, f in draft.values.items()},
        vars=tuple(
            replace(v, where=_maybe(v.where, trees), lower=_maybe(v.lower, trees), upper=_maybe(v.upper, trees)) for v in draft.vars
        ),
        rules=tuple(r for r in rules if names(r.formula.node) & variables),
        terms=tuple(replace(t, formula=_expanded(t.formula, trees)) for t in draft.terms),
        kpis=tuple(replace(k, formula=_expanded(k.formula, trees)) for k in draft.kpis),
        piecewise=tuple(replace(p, input=_expanded(p.input, trees)) for p in draft.piecewise),
    )


def _refuse_towers(draft: Draft) -> None:
    """Refuse names whose expansion would be deeper than trees may be (each names another, again and again)."""
    deep: dict[str, int] = {}
    problems = Problems(draft.inputs)

    def of(name: str) -> int:
        if name not in deep:
            node = draft.exprs[name].node
            deep[name] = depth(node) + max((of(n) for n in names(node) if n in draft.exprs), default=0)
            if deep[name] > MAX_TREE:
                hint = "write fewer names on top of one another"
                problems.of(draft.exprs[name], Problem("DY2202", f"`{name}` expands to more than {MAX_TREE} levels", hint, name))
                deep[name] = 0
        return deep[name]

    for name in sorted(draft.exprs):
        of(name)
    problems.settle()


def _expanded(formula: Formula, trees: Mapping[str, Node]) -> Formula:
    return replace(formula, node=expand(formula.node, trees))


def _maybe(formula: Formula | None, trees: Mapping[str, Node]) -> Formula | None:
    return None if formula is None else _expanded(formula, trees)

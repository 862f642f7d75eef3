"""finish: draft → OptiModel. Keeps every formula as canonical text; only data that something uses is kept; fingerprints every rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.optimodel import Hints, Kpi, OptiModel, Param, Robust, Rule, Steps, Term, Var
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, RuleDraft, TermDraft, VarDraft
from dyocense_cli.kernel.optiguide.implied import implied_where
from dyocense_cli.kernel.optiguide.problems import locate
from dyocense_cli.optimodel.expr.nodes import Neg, Node, Num, Sum, names, walk
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show

__all__ = ["finish"]


def finish(draft: Draft) -> OptiModel:
    """Return the compiled model."""
    context = draft.inputs.context
    assert context is not None
    assert draft.probability is not None
    used = _used(draft)
    params = {n: draft.data[n] for n in sorted(draft.data) if n in used}
    variables = tuple(_variable(v) for v in draft.vars)
    families = {v.name: v for v in draft.vars}
    rules = tuple(_rule(replace(r, where=implied_where(r, families)), draft) for r in draft.rules)
    kept = _dims(draft, params, variables, rules)
    goal = draft.inputs.goal
    return OptiModel(
        dims={d: v for d, v in draft.labels.items() if d in kept},
        ordered=tuple(d for d in draft.labels if d in draft.scope.ordered and d in kept),
        params=params,
        vars=variables,
        exprs={n: show(f.node) for n, f in sorted(draft.exprs.items())},
        sense="min" if draft.inputs.spec.sense.startswith("min") else "max",
        terms=tuple(_term(t, draft.currency) for t in draft.terms),
        rules=rules,
        robust=Robust(int(draft.probability.size), draft.aggregation),
        probability=draft.probability,
        kpis=tuple(Kpi(k.name, show(k.formula.node), _money(k.unit, draft.currency), k.dims) for k in draft.kpis),
        steps=_steps(draft),
        currency=draft.currency,
        period_starts=context.period_starts,
        hints=Hints(goal.explain.track, goal.explain.sensitivities),
        meta={r.name: str(place) for r in draft.rules if (place := locate(draft.inputs, r.source)) is not None},
    )


def _trees(draft: Draft) -> Iterable[Node]:
    for formula in _formulas(draft):
        yield formula.node


def _formulas(draft: Draft) -> Iterable[Formula]:
    yield from draft.exprs.values()
    for v in draft.vars:
        yield from (f for f in (v.lower, v.upper, v.where) if f is not None)
    for r in draft.rules:
        yield r.formula
        if r.where is not None:
            yield r.where
    yield from (t.formula for t in draft.terms)
    yield from (k.formula for k in draft.kpis)


def _used(draft: Draft) -> set[str]:
    used = {name for tree in _trees(draft) for name in names(tree)}
    if draft.steps is not None:
        used |= {t for t in (draft.steps.price, draft.steps.arrives, draft.steps.lot, draft.steps.cost) if t}
    asked = set(draft.inputs.goal.explain.sensitivities)
    return used | asked | _between(draft, asked, used)


def _between(draft: Draft, asked: set[str], used: set[str]) -> set[str]:
    """Return the data through which a change of what is `asked` reaches data in use: a minimum order that least lots are made of, say."""
    needs = {n: names(parse(p.source[1:])) & draft.data.keys() for n, p in draft.data.items() if p.source.startswith("=")}
    reached = set(asked)
    while more := {n for n, parts in needs.items() if parts & reached} - reached:
        reached |= more
    found: set[str] = set()
    waiting = list(used & reached & needs.keys())
    while waiting:
        parts = needs[waiting.pop()] - found
        found |= parts
        waiting += parts & reached & needs.keys()
    return found


def _dims(draft: Draft, params: Mapping[str, Param], variables: tuple[Var, ...], rules: tuple[Rule, ...]) -> set[str]:
    kept = {d for p in params.values() for d in p.dims} | {d for v in variables for d in v.dims} | {d for r in rules for d in r.dims}
    kept |= {d for tree in _trees(draft) for n in walk(tree) if isinstance(n, Sum) for d in n.over or ()}
    return kept | ({draft.scenario} if draft.scenario is not None else set())


def _bound(formula: Formula | None) -> float | str | None:
    if formula is None:
        return None
    node = formula.node
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Neg) and isinstance(node.body, Num):
        return -node.body.value
    return show(node)


def _money(unit: str | None, currency: str) -> str | None:
    return unit.replace("currency", currency) if unit and currency else unit


def _term(term: TermDraft, currency: str) -> Term:
    expr = show(term.formula.node)
    raw = expr if term.raw is None else show(term.raw.node)
    return Term(term.name, expr, term.weight, _money(term.unit, currency), "" if raw == expr else raw)


def _variable(v: VarDraft) -> Var:
    where = None if v.where is None else show(v.where.node)
    return Var(v.name, v.dims, v.type, _bound(v.lower), _bound(v.upper), v.stage, where, v.unit, v.origin)


def _rule(rule: RuleDraft, draft: Draft) -> Rule:
    expr = show(rule.formula.node)
    where = None if rule.where is None else show(rule.where.node)
    return Rule(
        name=rule.name,
        dims=rule.dims or (),
        expr=expr,
        unit=rule.unit,
        hold=rule.hold,
        where=where,
        intent=rule.intent,
        relax=rule.relax,
        fingerprint=_fingerprint(rule, expr, where, draft),
        limit=rule.limit,
        source=rule.source,
        origin=rule.origin,
    )


def _fingerprint(rule: RuleDraft, expr: str, where: str | None, draft: Draft) -> str:
    """Return the hash of what a rule says: its expression, names with their units and dims, no data and no labels."""
    mentioned = names(rule.formula.node) | (names(rule.where.node) if rule.where is not None else set())
    symbols: dict[str, Json] = {
        n: {"dims": list(draft.data[n].dims), "unit": draft.data[n].unit} for n in sorted(mentioned) if n in draft.data
    }
    variables: dict[str, Json] = {v.name: {"dims": list(v.dims), "type": v.type, "unit": v.unit} for v in draft.vars if v.name in mentioned}
    return json_sha({"dims": list(rule.dims or ()), "expr": expr, "hold": rule.hold, "params": symbols, "vars": variables, "where": where})


def _steps(draft: Draft) -> Steps | None:
    steps = draft.steps
    if steps is None:
        return None

    def known(name: str | None) -> str | None:
        return name if name is not None and (name in draft.exprs or name in draft.data or any(v.name == name for v in draft.vars)) else None

    return Steps(steps.quantity, steps.dims, known(steps.price), known(steps.arrives), known(steps.lot), known(steps.cost))

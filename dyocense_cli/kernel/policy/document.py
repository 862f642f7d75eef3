"""Word the question to policy: one JSON document about a goal, its world, and afterwards the plan."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from dyocense_cli.artifacts.codec import Json, encode
from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.plan import Explanation, Plan, Relaxation
from dyocense_cli.artifacts.policy import Principal

__all__ = ["admit_document", "guard_document", "relaxation_key"]

#: Days ahead in which an expiring waiver is told about (rule POL-G003, DYO-G004).
SOON_DAYS: Final = 14


def admit_document(goal: Goal, context: Context, principal: Principal, *, as_of: str) -> dict[str, Json]:
    """Return the question asked before anything runs; `as_of` is an ISO date or time, empty = waivers do not count."""
    document = _common("admit", goal, context, principal, as_of)
    document["relaxations"] = []
    return document


def guard_document(
    goal: Goal, context: Context, plan: Plan, explanation: Explanation, principal: Principal, *, as_of: str
) -> dict[str, Json]:
    """Return the question asked about a finished plan and every relaxation that an explanation suggests."""
    document = _common("guard", goal, context, principal, as_of)
    document["plan"] = _plan(plan, context)
    document["relaxations"] = [_relaxation(goal, r) for r in _suggested(explanation)]
    return document


def relaxation_key(relaxation: Relaxation) -> str:
    """Return the name a relaxation is judged under: its `--set` line, or its rule's name."""
    return relaxation.setting or relaxation.rule


def _common(stage: str, goal: Goal, context: Context, principal: Principal, as_of: str) -> dict[str, Json]:
    return {
        "stage": stage,
        "meta": {
            "tenant": principal.tenant_id,
            "tier": principal.tier,
            "subject": principal.subject,
            "now": as_of[:10],
            "soon": _soon(as_of[:10]),
        },
        "goal": _goal(goal),
        "world": _world(goal, context),
        "mentions": _mentions(goal, context),
    }


def _goal(goal: Goal) -> dict[str, Json]:
    """Return the goal as JSON, its constraints by name as in the file, so that paths are those of the file."""
    body: dict[str, Json] = encode(goal, meta=False).doc["body"]
    body["constraints"] = {rule.name: encode(rule, meta=False).doc["body"] for rule in goal.constraints}
    return body


def _soon(today: str) -> str:
    try:
        return (dt.date.fromisoformat(today) + dt.timedelta(days=SOON_DAYS)).isoformat()
    except ValueError:
        return ""


def _column(context: Context, table: str, column: str) -> list[str | None]:
    found = context.tables.get(table)
    if found is None or column not in found.columns or found.columns[column].labels is None:
        return []
    return found.columns[column].text()


def _offered(context: Context) -> dict[str, int]:
    """Count the offers of each supplier; those without an offer count only where the context has no offers at all."""
    count: dict[str, int] = defaultdict(int)
    for supplier in _column(context, "offers", "supplier"):
        if supplier is not None:
            count[supplier] += 1
    if not count:
        count = defaultdict(int, {s: 0 for s in _column(context, "suppliers", "supplier") if s is not None})
    return dict(sorted(count.items()))


def _regions(context: Context) -> dict[str, str]:
    names, regions = _column(context, "suppliers", "supplier"), _column(context, "suppliers", "region")
    return {n: r for n, r in zip(names, regions, strict=False) if n is not None and r is not None}


def _world(goal: Goal, context: Context) -> dict[str, Json]:
    offered, regions = _offered(context), _regions(context)
    rates = {r.source: r.rate for r in context.rates if r.target == context.currency}
    rates.update({r.target: 1 / r.rate for r in context.rates if r.source == context.currency and r.rate and r.target not in rates})
    skus = {s for s in _column(context, "skus", "sku") if s is not None}
    return {
        "currency": context.currency,
        "rates": dict(sorted(rates.items())),
        "suppliers": [{"id": s, "offers": n, "region": regions.get(s, "")} for s, n in offered.items()],
        "skus": len(skus),
        "cells": sum(offered.values()) * goal.horizon.periods,
    }


def _mentions(goal: Goal, context: Context) -> dict[str, Json]:
    """Return supplier -> path of the first expression of the goal that names it in quotes."""
    found: dict[str, Json] = {}
    known = set(_offered(context))
    for rule in goal.constraints:
        for field, text in (("expression", rule.expression), ("where", rule.where or "")):
            for name in re.findall(r"'([^']*)'|\"([^\"]*)\"", text):
                supplier = name[0] or name[1]
                if supplier in known:
                    found.setdefault(supplier, ["constraints", rule.name, field])
    return dict(sorted(found.items()))


def _plan(plan: Plan, context: Context) -> dict[str, Json]:
    category = {
        s: c
        for s, c in zip(_column(context, "skus", "sku"), _column(context, "skus", "category"), strict=False)
        if s is not None and c is not None
    }
    regions = _regions(context)
    lines: dict[str, int] = defaultdict(int)
    sums: dict[str, dict[str, float]] = {"by_period": {}, "by_category": {}, "by_supplier": {}}
    nested: dict[str, dict[str, dict[str, float]]] = {"by_period_category": {}, "by_period_supplier": {}}
    for step in plan.steps:
        cost, period = step.cost or 0.0, step.period or step.keys.get("period") or ""
        supplier, kind = step.keys.get("supplier"), category.get(step.keys.get("sku", ""))
        _add(sums["by_period"], period, cost)
        if supplier is not None:
            lines[supplier] += 1
            _add(sums["by_supplier"], supplier, cost)
            _add(nested["by_period_supplier"].setdefault(period, {}), supplier, cost)
        if kind is not None:
            _add(sums["by_category"], kind, cost)
            _add(nested["by_period_category"].setdefault(period, {}), kind, cost)
    spend: dict[str, Json] = {"total": round(sum(s.cost or 0.0 for s in plan.steps), 6)}
    spend.update({k: _rounded(v) for k, v in sums.items()})
    spend.update({k: {p: _rounded(v) for p, v in sorted(parts.items())} for k, parts in nested.items()})
    return {
        "status": plan.status,
        "currency": plan.currency,
        "spend": spend,
        "suppliers": [{"id": s, "lines": n, "region": regions.get(s, "")} for s, n in sorted(lines.items())],
    }


def _add(sums: dict[str, float], key: str, value: float) -> None:
    sums[key] = sums.get(key, 0.0) + value


def _rounded(sums: Mapping[str, float]) -> dict[str, Json]:
    return {k: round(v, 6) for k, v in sorted(sums.items())}


def _suggested(explanation: Explanation) -> Iterator[Relaxation]:
    seen: set[str] = set()
    for way in explanation.ways:
        for relaxation in way.relaxations:
            if relaxation_key(relaxation) not in seen:
                seen.add(relaxation_key(relaxation))
                yield relaxation


def _relaxation(goal: Goal, relaxation: Relaxation) -> dict[str, Json]:
    rule = relaxation.rule
    added = {c.name: c for c in goal.constraints}
    hard = rule.startswith("POL-") or (rule in added and added[rule].relax is None)
    path: list[Json] = ["limits", rule] if rule in goal.limits else ["constraints", rule] if rule in added else []
    return {
        "key": relaxation_key(relaxation),
        "rule": rule,
        "kind": rule,
        "from": relaxation.from_,
        "to": relaxation.to,
        "unit": relaxation.unit,
        "hard": hard,
        "path": path,
    }

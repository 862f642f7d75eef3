"""The public form of a plan: `solution.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.plan import Explanation, Plan, Relaxation, Step, StressReport
from dyocense_cli.artifacts.solution import Solution

__all__ = ["risk_json", "solution_json", "step_json"]

#: the set that speaks for the plan, best first
_SPEAKS: Final = ("full", "fresh", "in_sample")
#: fields of a step after its labels
_COLUMNS: Final = ("qty", "price", "cost", "period", "date", "arrives", "lots", "rounding", "reason")


def solution_json(
    plan: Plan, solution: Solution, explanation: Explanation | None = None, stress: StressReport | None = None
) -> dict[str, Json]:
    """Return `solution.json`: what is planned, what it costs, what limits it, how sure that is."""
    return {
        "status": plan.status,
        "termination": plan.termination,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "terms": dict(plan.terms),
        "kpis": {k: dict(v) if isinstance(v, Mapping) else v for k, v in plan.kpis.items()},
        "units": dict(plan.units),
        "currency": plan.currency,
        "risk": risk_json(stress),
        "steps": [step_json(step) for step in plan.steps],
        "binding_constraints": list(plan.binding),
        "activities": dict(plan.activities),
        "limits": dict(plan.limits),
        "slacks": dict(plan.slacks),
        "shadow_prices": dict(plan.shadow_prices),
        "relaxations": _relaxations(explanation),
        "iis": _iis(explanation),
        "approximations": list(plan.approximations),
        "seed": solution.seed,
        "threads": solution.threads,
        "backend": solution.backend,
        "backend_version": solution.backend_version,
        "method": solution.method,
        "reproducible": solution.reproducible,
        "raw_status": solution.raw_status,
        "draft": plan.draft,
    }


def step_json(step: Step) -> dict[str, Json]:
    """Return one line with its labels first: sku, supplier, qty, price, period, …; what is not known is left out."""
    named: dict[str, Json] = {"line": step.line, **step.keys}
    for name in _COLUMNS:
        value = getattr(step, name)
        if value not in (None, "") and name not in step.keys:
            named[name] = value
    return named


def risk_json(stress: StressReport | None) -> dict[str, Json]:
    """Return the figures of the fullest scenario set that the plan was stressed on; empty when it was not."""
    if stress is None:
        return {}
    name = next((s for s in _SPEAKS if s in stress.sets), None)
    figures: dict[str, Json] = {} if name is None else {"set": name, **stress.sets[name]}
    return figures | {"vss": stress.vss, "evpi": stress.evpi}


def _relaxations(explanation: Explanation | None) -> list[Json]:
    if explanation is None or not explanation.ways:
        return []
    return [_relaxation(r) for r in explanation.ways[0].relaxations]


def _relaxation(one: Relaxation) -> dict[str, Json]:
    return {
        "rule": one.rule,
        "from": one.from_,
        "to": one.to,
        "unit": one.unit,
        "set": one.setting,
        "allowed": one.allowed,
        "verdict": one.verdict,
    }


def _iis(explanation: Explanation | None) -> list[Json]:
    if explanation is None:
        return []
    return [
        {
            "rules": list(c.rules),
            "sentences": list(c.sentences),
            "sources": list(c.sources),
            "rows": list(c.rows),
            "proven_irreducible": c.proven,
        }
        for c in explanation.conflicts
    ]

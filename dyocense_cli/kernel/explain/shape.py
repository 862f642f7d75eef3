"""The public form of an explanation: `explanation.json`."""

from __future__ import annotations

from collections.abc import Mapping

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.plan import BindingRule, Conflict, Explanation, Way

__all__ = ["explanation_json"]


def explanation_json(explanation: Explanation, places: Mapping[str, str]) -> dict[str, Json]:
    """Return `explanation.json`; `places` maps source pointers (``goal:/limits/budget``) to ``file:line:column``."""
    return {
        "binding": [_binding(b, places) for b in explanation.binding],
        "reduced_costs": dict(explanation.reduced_costs),
        "sensitivities": [
            {"name": s.name, "change": s.change, "delta": s.delta, "resolved": s.resolved, "low": s.low, "high": s.high}
            for s in explanation.sensitivities
        ],
        "conflicts": [_conflict(c, places) for c in explanation.conflicts],
        "ways": [_way(w) for w in explanation.ways],
        "alternatives": dict(explanation.alternatives),
        "unbounded_ray": list(explanation.unbounded_ray),
        "notes": list(explanation.notes),
    }


def _binding(rule: BindingRule, places: Mapping[str, str]) -> dict[str, Json]:
    return {
        "rule": rule.name,
        "activity": rule.activity,
        "limit": rule.limit,
        "slack": rule.slack,
        "price": rule.price,
        "unit": rule.unit,
        "holds_from": rule.low,
        "holds_to": rule.high,
        "sentence": rule.sentence,
        "source": places.get(rule.source, rule.source),
    }


def _conflict(conflict: Conflict, places: Mapping[str, str]) -> dict[str, Json]:
    return {
        "rules": list(conflict.rules),
        "sentences": list(conflict.sentences),
        "sources": [places.get(s, s) for s in conflict.sources],
        "rows": list(conflict.rows),
        "proven_irreducible": conflict.proven,
    }


def _way(way: Way) -> dict[str, Json]:
    return {
        "cost": way.cost,
        "verified": way.verified,
        "objective": way.objective,
        "relaxations": [
            {"rule": r.rule, "from": r.from_, "to": r.to, "unit": r.unit, "set": r.setting, "allowed": r.allowed, "verdict": r.verdict}
            for r in way.relaxations
        ],
    }

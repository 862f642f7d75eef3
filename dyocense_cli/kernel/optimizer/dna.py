"""Plan DNA: what a model and its plan are like, without any data or label of theirs, to find like plans."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Plan
from dyocense_cli.artifacts.solution import Solution

__all__ = ["dna_features", "likeness", "plan_dna"]

Feature: TypeAlias = "str | float | int | Sequence[str] | Mapping[str, float]"


def dna_features(optimodel: OptiModel, solution: Solution | None, plan: Plan | None = None) -> dict[str, Feature]:
    """Return the features: counts per dim in log2 buckets, the multiset of constraint fingerprints, the rounded objective mix, risk
    attitude, status, and fingerprints of binding rules. No number, unit or label of the data enters."""
    prints = {r.name: r.fingerprint or r.expr for r in optimodel.rules}
    total = sum(abs(t.weight) for t in optimodel.terms) or 1.0
    return {
        "dims": {d: int(math.log2(len(labels))) + 1 if labels else 0 for d, labels in sorted(optimodel.dims.items())},
        "rules": dict(sorted(Counter(prints.values()).items())),
        "objective": {t.name: round(abs(t.weight) / total, 1) for t in sorted(optimodel.terms, key=lambda t: t.name)},
        "sense": optimodel.sense,
        "risk": optimodel.robust.aggregation,
        "status": str(solution.status) if solution is not None else "",
        "binding": sorted(prints.get(name, name) for name in plan.binding) if plan is not None else [],
    }


def plan_dna(optimodel: OptiModel, solution: Solution | None, plan: Plan | None = None) -> str:
    """Return ``sha256:…`` over the features."""
    return str(json_sha(cast("Json", dna_features(optimodel, solution, plan))))


def likeness(a: Mapping[str, Feature], b: Mapping[str, Feature]) -> float:
    """Return how alike two sets of features are, 0..1: the mean over features of shared over all (multisets), or of equality."""
    scores = []
    for name in sorted({*a, *b}):
        x, y = a.get(name), b.get(name)
        if isinstance(x, Mapping) and isinstance(y, Mapping):
            both = sum(min(float(x.get(k, 0)), float(y.get(k, 0))) for k in sorted({*x, *y}))
            every = sum(max(float(x.get(k, 0)), float(y.get(k, 0))) for k in sorted({*x, *y}))
            scores.append(both / every if every else 1.0)
        else:
            scores.append(1.0 if x == y else 0.0)
    return sum(scores) / len(scores) if scores else 1.0

"""What a plan is like, as a vector that holds no data: sizes, kinds of rules, objective mix, risk attitude, status, binding rules."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Final

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Plan

__all__ = ["WIDTH", "plan_features", "plan_vector"]

#: Buckets of the hashed features.
WIDTH: Final = 64


def plan_features(optimodel: OptiModel, plan: Plan | None) -> dict[str, float]:
    """Return named features: log2 of the size of each dim, one per rule fingerprint and binding rule, objective weights, risk, status."""
    return dict(sorted(_features(optimodel, plan)))


def _features(optimodel: OptiModel, plan: Plan | None) -> Iterator[tuple[str, float]]:
    for dim, labels in optimodel.dims.items():
        yield f"size {dim}", round(math.log2(1 + len(labels)), 1) / 4
    for var in optimodel.vars:
        yield f"variable {var.type} {' '.join(var.dims)} stage {var.stage}", 0.5
    weights = sum(abs(t.weight) for t in optimodel.terms) or 1.0
    for term in optimodel.terms:
        yield f"term {term.name}", round(abs(term.weight) / weights, 1)
    prints: dict[str, int] = {}
    for rule in optimodel.rules:
        name = rule.fingerprint or rule.name
        prints[name] = prints.get(name, 0) + 1
    for name, count in prints.items():
        yield f"rule {name}", math.log2(1 + count) / 2
    yield f"risk {optimodel.robust.aggregation}", 1.0
    if plan is not None:
        yield f"status {plan.status}", 1.0
        by_name = {r.name: r.fingerprint or r.name for r in optimodel.rules}
        for name in plan.binding:
            yield f"binds {by_name.get(name, name)}", 0.5


def plan_vector(optimodel: OptiModel, plan: Plan | None) -> tuple[float, ...]:
    """Return the features hashed into `WIDTH` buckets with signs (feature hashing, Weinberger et al. 2009): near plans are near vectors."""
    out = [0.0] * WIDTH
    for name, value in plan_features(optimodel, plan).items():
        digest = hashlib.sha256(name.encode()).digest()
        out[digest[0] % WIDTH] += value if digest[1] & 1 else -value
    return tuple(round(v, 6) for v in out)

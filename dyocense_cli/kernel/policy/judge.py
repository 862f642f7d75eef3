"""Write policy's verdict beside each relaxation that an explanation suggests."""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.plan import Explanation, Relaxation
from dyocense_cli.artifacts.policy import Verdict
from dyocense_cli.kernel.policy.document import relaxation_key

__all__ = ["judged"]


def judged(explanation: Explanation, verdict: Verdict | None) -> Explanation:
    """Return the explanation with `allowed` and `verdict` of each relaxation filled in; unchanged where policy was not asked.

    A relaxation that the verdict does not name is not allowed.
    """
    if verdict is None or not verdict.evaluated:
        return explanation
    ways = tuple(replace(way, relaxations=tuple(_judged(r, verdict) for r in way.relaxations)) for way in explanation.ways)
    return replace(explanation, ways=ways)


def _judged(relaxation: Relaxation, verdict: Verdict) -> Relaxation:
    key = relaxation_key(relaxation)
    return replace(relaxation, allowed=verdict.relaxations.get(key, False), verdict=verdict.reasons.get(key, ""))

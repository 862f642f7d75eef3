"""Whether a run is a draft: a plan that policy was not asked about, or gave no verdict on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["UNASKED", "draft_of"]

UNASKED: Final = "policy was not asked about the finished plan"


def draft_of(held: Mapping[str, Any]) -> str:
    """Return why the run that holds these artifacts is a draft; empty if policy decided on all that it holds.

    A plan without a verdict is never an approved one: neither where the engine was unavailable and a draft was accepted, nor where
    the run was stopped before policy was asked again.
    """
    for name in ("admission", "verdict"):
        answer = held.get(name)
        if answer is not None and not answer.evaluated:
            return str(answer.draft_reason)
    solution, admission = held.get("solution"), held.get("admission")
    has_plan = solution is not None and solution.x is not None
    if has_plan and (held.get("verdict") is None or admission is None):
        return UNASKED
    return ""

"""Ask policy about a finished plan and about every relaxation that was suggested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.plan import Explanation, Plan
from dyocense_cli.artifacts.policy import Principal, Verdict
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.policy.answer import read_answer
from dyocense_cli.kernel.policy.document import guard_document
from dyocense_cli.kernel.policy.findings import finding, findings
from dyocense_cli.kernel.policy.record import decision_record

__all__ = ["guard"]


def guard(
    goal: Goal,
    context: Context,
    plan: Plan,
    explanation: Explanation,
    principal: Principal,
    *,
    decide: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    snapshot: str,
    engine: str = "",
    as_of: str = "",
) -> Verdict:
    """Return policy's answer about a plan; a relaxation that policy did not allow in so many words is not allowed.

    Raises
    ------
    UnavailableError
        DY42xx if there is no verdict.
    """
    document = guard_document(goal, context, plan, explanation, principal, as_of=as_of)
    raw = decide(document)
    answer = read_answer(raw)
    asked = [str(r["key"]) for r in document["relaxations"]]  # type: ignore[union-attr,index,call-overload]  # a list of objects by construction
    against = {key: tuple(finding(t, answer.catalogue, goal) for t in told) for key, (_, told) in answer.relax.items()}
    name, _, version = engine.partition(" ")
    return Verdict(
        allow=answer.allow,
        findings=findings(answer, goal) + tuple(_told(f) for found in against.values() for f in found),
        denied=tuple(sorted({t.id for t in answer.deny})),
        engine=name,
        engine_version=version,
        policy_snapshot=snapshot,
        relaxations={key: key in answer.relax and answer.relax[key][0] for key in sorted(asked)},
        reasons={key: "; ".join(f"{f.id} {f.message}" for f in found) for key, found in against.items() if found},
        record=decision_record(document, raw, snapshot=snapshot, engine=engine),
    )


def _told(found: Finding) -> Finding:
    """A suggestion that is not allowed is told; it refuses nothing, since nobody has taken it."""
    return replace(found, severity="info")

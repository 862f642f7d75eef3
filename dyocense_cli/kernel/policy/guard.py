"""Ask policy about a finished plan and about every relaxation that was suggested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.plan import Explanation, Plan
from dyocense_cli.artifacts.policy import Principal, Verdict
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
    reasons = [finding(t, answer.catalogue, goal) for _, told in answer.relax.values() for t in told]
    name, _, version = engine.partition(" ")
    return Verdict(
        allow=answer.allow,
        findings=findings(answer, goal) + tuple(reasons),
        denied=tuple(sorted({t.id for t in answer.deny})),
        engine=name,
        engine_version=version,
        policy_snapshot=snapshot,
        relaxations={key: key in answer.relax and answer.relax[key][0] for key in sorted(asked)},
        record=decision_record(document, raw, snapshot=snapshot, engine=engine),
    )

"""Ask policy about a goal before anything runs, and say which rules go into the model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.policy import Admission, Cap, Principal
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.policy.answer import Answer, Told, read_answer
from dyocense_cli.kernel.policy.document import admit_document
from dyocense_cli.kernel.policy.findings import findings
from dyocense_cli.kernel.policy.record import decision_record
from dyocense_cli.kernel.policy.remedy import alternative

__all__ = ["admit"]


def admit(
    goal: Goal,
    context: Context,
    principal: Principal,
    *,
    decide: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    snapshot: str,
    engine: str = "",
    as_of: str = "",
    compile_policy: bool = True,
) -> Admission:
    """Return policy's answer about a goal.

    With `compile_policy`, denials that the model can obey (of suppliers, of spend) are told as warnings and handed to the
    compiler; without it they refuse the goal, as `lint` shows them.

    Raises
    ------
    UnavailableError
        DY42xx if there is no verdict.
    """
    document = admit_document(goal, context, principal, as_of=as_of)
    raw = decide(document)
    answer = read_answer(raw)
    caps = _caps(answer) if compile_policy else ()
    obeyed = {id(t) for t in answer.deny if compile_policy and _can_obey(t, answer, caps)}
    refused = [t for t in answer.deny if id(t) not in obeyed]
    name, _, version = engine.partition(" ")
    return Admission(
        allow=not refused,
        findings=tuple(_findings(answer, goal, context, obeyed)),
        denied=tuple(sorted({t.id for t in refused})),
        engine=name,
        engine_version=version,
        policy_snapshot=snapshot,
        facts={k: json.dumps(v, ensure_ascii=False, sort_keys=True) for k, v in answer.facts.items()},
        denied_suppliers=_suppliers(answer) if compile_policy else {},
        caps=caps,
        record=decision_record(document, raw, snapshot=snapshot, engine=engine),
    )


def _effect(told: Told, answer: Answer) -> str:
    return answer.catalogue[told.id].get("effect", "")


def _suppliers(answer: Answer) -> dict[str, str]:
    """Return supplier -> rule that denies it; of several rules the first by id."""
    denied: dict[str, str] = {}
    for told in answer.deny:
        supplier = told.args.get("supplier")
        if _effect(told, answer) == "supplier" and isinstance(supplier, str):
            denied.setdefault(supplier, told.id)
    return dict(sorted(denied.items()))


def _caps(answer: Answer) -> tuple[Cap, ...]:
    """Return the caps by name; of several with one name the smallest."""
    caps: dict[str, Cap] = {}
    for cap in answer.caps:
        one = Cap(cap["name"], cap["rule"], cap["max"], cap["over"], cap.get("category"), cap.get("supplier"))
        caps.setdefault(one.name, one)
    return tuple(caps[name] for name in sorted(caps))


def _can_obey(told: Told, answer: Answer, caps: tuple[Cap, ...]) -> bool:
    effect = _effect(told, answer)
    if effect == "supplier":
        return isinstance(told.args.get("supplier"), str)
    return effect == "cap" and told.args.get("cap_name") in {c.name for c in caps}


def _findings(answer: Answer, goal: Goal, context: Context, obeyed: set[int]) -> Iterator[Finding]:
    denied = frozenset(_suppliers(answer))
    for told, found in zip((*answer.deny, *answer.waived, *answer.warn), findings(answer, goal), strict=True):
        hint = alternative(context, str(told.args.get("supplier")), denied) if _effect(told, answer) == "supplier" else ""
        remedied = dataclasses.replace(found, remediation=f"{hint} {found.remediation}") if hint else found
        yield _obeyed(remedied) if id(told) in obeyed else remedied


def _obeyed(found: Finding) -> Finding:
    return dataclasses.replace(found, severity="warning", message=f"{found.message}; compiled into the model, so the plan obeys it")

"""What stands in for policy when it gives no verdict and its absence is accepted by name: a draft, never an approval."""

from __future__ import annotations

from typing import Literal, overload

from dyocense_cli.artifacts.policy import Admission, Verdict
from dyocense_cli.errors import UsageError

__all__ = ["draft"]


@overload
def draft(noun: Literal["admission"], reason: str) -> Admission: ...
@overload
def draft(noun: Literal["verdict"], reason: str) -> Verdict: ...
def draft(noun: Literal["admission", "verdict"], reason: str) -> Admission | Verdict:
    """Return the unevaluated admission or verdict that `--policy-unavailable=draft` gives.

    Raises
    ------
    UsageError
        DY1031 if no reason is given: a draft says why it is one.
    """
    if not reason.strip():
        raise UsageError(
            "DY1031", "`--policy-unavailable=draft` needs a reason", hints='add `--reason "…"`; the plan and its evidence carry it'
        )
    if noun == "admission":
        return Admission(allow=True, evaluated=False, draft_reason=reason)
    return Verdict(allow=True, evaluated=False, draft_reason=reason)

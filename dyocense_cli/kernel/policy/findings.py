"""Turn what policy told into findings: message from its template, place from the goal's spans."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.errors import Finding, Span
from dyocense_cli.kernel.policy.answer import Answer, Told

__all__ = ["fill", "finding", "findings", "pointer"]

_SLOT: Final = re.compile(r"\{(\w+)\}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def findings(answer: Answer, goal: Goal) -> tuple[Finding, ...]:
    """Return all findings of an answer, denials first, each with rule id, pointer and place in the goal's file."""
    told = [(t, "") for t in answer.deny] + [(t, _excuse(t.waiver)) for t in answer.waived] + [(t, "") for t in answer.warn]
    return tuple(finding(t, answer.catalogue, goal, waived=waived) for t, waived in told)


def finding(told: Told, catalogue: Mapping[str, Mapping[str, str]], goal: Goal, *, waived: str = "") -> Finding:
    """Return one finding; its templates are filled once, so that no value of a goal can make a slot."""
    rule = catalogue[told.id]
    place, exact = _locate(told.path, goal)
    return Finding(
        id=told.id,
        severity=rule["severity"],
        message=fill(rule["message"], told.args),
        title=rule["title"],
        args=tuple(sorted((k, show(v)) for k, v in told.args.items())),
        where=place,
        exact=exact,
        pointer=pointer(told.path),
        remediation=fill(rule["remediation"], told.args),
        docs=f"docs/reference/policies.md#{told.id.lower()}",
        source="policy",
        package=rule["package"],
        waived=waived,
    )


def fill(template: str, args: Mapping[str, Any]) -> str:
    """Fill the ``{name}`` slots of a template; an argument that is not there is shown as ``?``."""
    return _SLOT.sub(lambda m: show(args[m.group(1)]) if m.group(1) in args else "?", template)


def show(value: Any) -> str:
    """Return a value as one visible line: control and bidirectional characters are escaped, whole numbers have no point."""
    if isinstance(value, bool) or value is None:
        text = json.dumps(value)
    elif isinstance(value, (int, float)):
        text = f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"
    elif isinstance(value, Mapping):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        text = ", ".join(show(v) for v in value)
    else:
        text = str(value)
    return _CONTROL.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)


def _excuse(waiver: Mapping[str, str] | None) -> str:
    return "" if waiver is None else f"{show(waiver['owner'])}: {show(waiver['reason'])} (until {show(waiver['expires'])})"


def _locate(path: Sequence[str | int], goal: Goal) -> tuple[Span | None, bool]:
    """Return the place of a path in the goal's file, or of its nearest parent that has one, and whether it is exact."""
    for length in range(len(path), -1, -1):
        span = goal.spans.get(pointer(path[:length]))
        if span is not None:
            return span, length == len(path)
    return (Span(goal.file, 1, 1), False) if goal.file else (None, False)

"""Waivers: findings that someone answers for until a date; they stay in the report, marked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dyocense_cli.artifacts.rules import finding, pointer
from dyocense_cli.errors import Finding, Where

__all__ = ["EXPIRES_SOON_DAYS", "Waiver", "apply_waivers", "judge_waivers", "read_waivers"]

EXPIRES_SOON_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Waiver:
    """Takes findings of `rule` at or below the pointer `path`, until the end of the day `expires`."""

    rule: str
    path: str
    owner: str
    reason: str
    expires: str
    where: Where = None


def read_waivers(data: Iterable[Mapping[str, object]], where: Where = None) -> tuple[Waiver, ...]:
    """Return waivers of policy data (``rule, path, owner, reason, expires``; `path` a list of steps); incomplete ones are none."""
    out = []
    for entry in data:
        path = entry.get("path", ())
        known = {name: str(entry.get(name, "")) for name in ("rule", "owner", "reason", "expires")}
        known["path"] = pointer([str(step) for step in path]) if isinstance(path, (list, tuple)) else str(path)
        if known["rule"].startswith("DYO-") and known["owner"] and known["reason"] and _date(known["expires"]):
            out.append(Waiver(**known, where=where))
    return tuple(out)


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def apply_waivers(findings: tuple[Finding, ...], waivers: tuple[Waiver, ...], today: str) -> tuple[Finding, ...]:
    """Mark what a waiver in force takes; an expired one takes nothing."""
    day = _date(today)
    standing = [w for w in waivers if day is None or (last := _date(w.expires)) is None or day <= last]
    out: list[Finding] = []
    for item in findings:
        waiver = next((w for w in standing if not item.waived and _takes(w, item)), None)
        says = f"{waiver.owner}: {waiver.reason} (until {waiver.expires})" if waiver is not None else item.waived
        out.append(replace(item, waived=says) if says != item.waived else item)
    return tuple(out)


def judge_waivers(findings: Iterable[Finding], waivers: tuple[Waiver, ...], today: str, *, complete: bool) -> tuple[Finding, ...]:
    """Return G004 for waivers that are expired or soon will be, G005 for those that no finding of a `complete` run asks for."""
    seen = list(findings)
    out: list[Finding] = []
    for waiver in waivers:
        if complete and not any(_takes(waiver, item) for item in seen):
            out.append(finding("DYO-G005", f"the waiver of {waiver.rule} by {waiver.owner} matched nothing", where=waiver.where))
        else:
            out += _expiry(waiver, _date(today))
    return tuple(out)


def _takes(waiver: Waiver, item: Finding) -> bool:
    path = waiver.path.rstrip("/")
    return item.id == waiver.rule and (not path or item.pointer == path or item.pointer.startswith(path + "/"))


def _expiry(waiver: Waiver, day: dt.date | None) -> list[Finding]:
    last = _date(waiver.expires)
    if day is None or last is None or (last - day).days > EXPIRES_SOON_DAYS:
        return []
    left = (last - day).days
    says = f"expired on {waiver.expires}" if left < 0 else f"expires in {left} days"
    return [finding("DYO-G004", f"the waiver of {waiver.rule} by {waiver.owner} {says}", where=waiver.where)]

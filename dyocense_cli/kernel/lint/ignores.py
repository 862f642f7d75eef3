"""``# dyocense: ignore DYO-X010 -- why``: a comment that takes findings of its line, or of the next if it stands alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from dyocense_cli.artifacts.rules import RULES, finding
from dyocense_cli.errors import Finding, Span

__all__ = ["Ignore", "apply_ignores", "read_ignores"]

_COMMENT: Final = re.compile(r"(?:^|\s)#\s*dyocense:\s*ignore\b(.*)$")
_BODY: Final = re.compile(r"\s*((?:[A-Z]+-[A-Z]*\d+)(?:\s*,\s*[A-Z]+-[A-Z]*\d+)*)?\s*(?:--\s*(.*))?$")


@dataclass(frozen=True, slots=True)
class Ignore:
    """An ignore of `rules` on `line`, for a reason; it stands in the file at `span`."""

    rules: tuple[str, ...]
    reason: str
    line: int
    span: Span


def read_ignores(text: str, file: str) -> tuple[tuple[Ignore, ...], tuple[Finding, ...]]:
    """Return the valid ignores of a file, and G003 for those without reason, of an error rule or of an unknown one."""
    ignores: list[Ignore] = []
    findings: list[Finding] = []
    if "dyocense:" not in text:
        return (), ()
    lines = text.removeprefix("\ufeff").splitlines()
    for number, line in enumerate(lines, 1):
        found = _COMMENT.search(line)
        if found is None:
            continue
        start = line.index("#", found.start())
        span = Span(file, number, start + 1, number, len(line) + 1)
        problem, rules, reason = _read(found[1])
        if problem:
            findings.append(finding("DYO-G003", problem, where=span))
            continue
        alone = not line[:start].strip()
        ignores.append(Ignore(rules, reason, _next(lines, number) if alone else number, span))
    return tuple(ignores), tuple(findings)


def _next(lines: list[str], number: int) -> int:
    """Return the number of the next line that is not empty and no comment."""
    for at in range(number, len(lines)):
        if lines[at].strip() and not lines[at].lstrip().startswith("#"):
            return at + 1
    return number


def _read(body: str) -> tuple[str, tuple[str, ...], str]:
    match = _BODY.fullmatch(body)
    if match is None or not match[1]:
        return "the ignore names no rule", (), ""
    rules = tuple(r.strip() for r in match[1].split(","))
    reason = (match[2] or "").strip()
    if not reason:
        return "the ignore gives no reason", (), ""
    for rule in rules:
        if not rule.startswith("POL-") and rule not in RULES:
            return f"{rule} is no rule", (), ""
        if rule.startswith("POL-") or RULES[rule].severity == "error":
            return f"{rule} cannot be ignored inline" + (": it is an error" if rule in RULES else ": policy is waived by its owner"), (), ""
    return "", rules, reason


def apply_ignores(findings: tuple[Finding, ...], ignores: tuple[Ignore, ...], *, complete: bool = True) -> tuple[Finding, ...]:
    """Mark findings that an ignore takes as waived; if all stages ran (`complete`), add G005 for ignores that took nothing."""
    used: set[int] = set()
    out: list[Finding] = []
    for item in findings:
        at = next((i for i, ignore in enumerate(ignores) if _takes(ignore, item)), None)
        if at is None:
            out.append(item)
        else:
            used.add(at)
            out.append(replace(item, waived=f"ignored here: {ignores[at].reason}"))
    for i, ignore in enumerate(ignores):
        if complete and i not in used:
            out.append(finding("DYO-G005", f"the ignore of {', '.join(ignore.rules)} matched nothing", where=ignore.span))
    return tuple(out)


def _takes(ignore: Ignore, item: Finding) -> bool:
    return (
        item.id in ignore.rules
        and item.severity != "error"
        and isinstance(item.where, Span)
        and item.where.file == ignore.span.file
        and item.where.line == ignore.line
    )

"""Run the rules over a case, stage by stage, and merge what policy says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from dyocense_cli.artifacts.policy import Admission
from dyocense_cli.artifacts.rules import RULES
from dyocense_cli.errors import Finding, Ref, Span
from dyocense_cli.kernel.lint import crossings, feasible, hints, keeping, objective
from dyocense_cli.kernel.lint.case import CHECKS, Case
from dyocense_cli.kernel.lint.ignores import apply_ignores, read_ignores
from dyocense_cli.kernel.lint.waivers import Waiver, apply_waivers

__all__ = ["STAGES", "Policy", "Report", "Static", "has_errors", "lint", "settle", "stages"]

#: A stage runs only if the ones before found no error; Y and S are found while files are read.
STAGES: Final = ("X", "F", "O", "G")
_MODULES: Final = (crossings, feasible, hints, objective, keeping)  # imported so that their checks are registered

Policy: TypeAlias = Callable[[], Admission]
Static: TypeAlias = Callable[[], tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    """What lint says of one goal: all findings in order of place, and policy's answer if it was asked."""

    findings: tuple[Finding, ...]
    admission: Admission | None = None


def has_errors(findings: Iterable[Finding]) -> bool:
    """Say whether a finding is an error that nothing waives."""
    return any(f.severity == "error" and not f.waived for f in findings)


def lint(
    case: Case,
    *,
    before: tuple[Finding, ...] = (),
    waivers: tuple[Waiver, ...] = (),
    static: Static | None = None,
    policy: Policy | None = None,
) -> Report:
    """Return everything that rules, the compiler and policy find.

    Parameters
    ----------
    before : tuple of Finding
        What reading and binding found (stages Y, S and the data's X); with an error among it, nothing more runs.
    static : callable
        What the compiler finds without data; asked after stage O.
    policy : callable
        Asked last, if no stage found an error; UnavailableError passes through.
    """
    findings = stages(case, STAGES, before=before, static=static)
    findings = settle(findings, case.text, case.file, waivers=waivers, today=case.today)
    admission = policy() if policy is not None and not has_errors(findings) else None
    if admission is not None:
        findings += tuple(replace(f, source="policy") if f.source == "dyocense" else f for f in admission.findings)
    return Report(tuple(sorted(findings, key=_place)), admission)


def stages(case: Case, names: Iterable[str], *, before: tuple[Finding, ...] = (), static: Static | None = None) -> tuple[Finding, ...]:
    """Return the findings of some stages in order, each run only if none before found an error; `static` follows stage O."""
    findings = before
    for name in names:
        if has_errors(findings):
            break
        findings += tuple(f for rule, check in CHECKS.items() if RULES[rule].stage == name for f in check(case))
        if name == "O" and static is not None and not has_errors(findings):
            findings += static()
    return findings


def settle(findings: tuple[Finding, ...], text: str, file: str, *, waivers: tuple[Waiver, ...], today: str) -> tuple[Finding, ...]:
    """Apply a file's own ignores and the waivers; say which ignores are wrong, or took nothing though every stage ran."""
    ignores, wrong = read_ignores(text, file)
    left = apply_ignores(findings, ignores, complete=not has_errors(findings))
    return apply_waivers(left, waivers, today) + wrong


def _place(item: Finding) -> tuple[str, int, int, str, str]:
    where = item.where
    if isinstance(where, Span):
        return where.file, where.line, where.column, item.id, item.message
    if isinstance(where, Ref):
        return where.table, where.row, 0, item.id, item.message
    return "", 0, 0, item.id, item.message

"""Text of a goal, context or model file → artifact, with every finding at once.

``read_*`` return the artifact and all findings (the artifact is None if one is an error); ``parse_*`` raise them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from dyocense_cli.artifacts.context import ContextSpec
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.artifacts.rules import finding
from dyocense_cli.errors import Finding, Findings, Span, UsageError
from dyocense_cli.kernel.goaldsl import context as context_file
from dyocense_cli.kernel.goaldsl import goal as goal_file
from dyocense_cli.kernel.goaldsl import model as model_file
from dyocense_cli.kernel.goaldsl.checking import Reading
from dyocense_cli.kernel.goaldsl.nodes import MAP, Node, SpanMap
from dyocense_cli.kernel.goaldsl.overrides import apply_overrides
from dyocense_cli.kernel.goaldsl.reader import BULK, PAGE, Limits, read_yaml
from dyocense_cli.kernel.goaldsl.schema import Obj
from dyocense_cli.kernel.goaldsl.values import check_context, check_goal

__all__ = ["KINDS", "kind_of", "parse_context", "parse_goal", "parse_model", "read_context", "read_goal", "read_model"]

#: The three kinds of file by the value of their key `dsl`.
KINDS: Final = ("goal/v1", "context/v1", "model/v1")

A = TypeVar("A")
Check = Callable[[Node, Reading], None]


def kind_of(text: str) -> str | None:
    """Return ``goal``, ``context`` or ``model`` from the `dsl:` line at the left margin, None if there is none."""
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("dsl:"):
            word = line[4:].split("#", 1)[0].strip().strip("'\"")
            return word.partition("/")[0] if word.partition("/")[0] in {"goal", "context", "model"} else None
    return None


def _kind(root: Node, want: str, reading: Reading) -> bool:
    """Check `dsl:` before the rest: a file of another kind would drown in unknown fields."""
    if root.kind != MAP:
        reading.wrong((), root, "a map that starts with `dsl:`")
        return False
    node = root.fields.get("dsl")
    if node is None:
        first = next(iter(root.keys.values()), root)
        reading.bad("DYO-S001", ("dsl",), first, f"the file has no `dsl: {want}`", exact=False)
        return False
    if node.value != want:
        reading.bad("DYO-S001", ("dsl",), node, f"`dsl` is {node.says()}; this place takes {want}")
        return False
    return True


def _read(
    text: str,
    file: str,
    schema: Obj,
    want: str,
    *,
    limits: Limits = PAGE,
    check: Check | None = None,
    overrides: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any] | None, SpanMap | None, tuple[Finding, ...]]:
    root, found = read_yaml(text, file, limits)
    if any(f.severity == "error" for f in found):
        return None, None, found
    if root is None:
        return None, None, (*found, finding("DYO-S001", "the file is empty", where=Span(file, 1, 1), pointer="/dsl", exact=False))
    given = apply_overrides(root, overrides or {})
    reading = Reading(file, given)
    values = schema.read(root, (), reading) if _kind(root, want, reading) else None
    if check is not None and root.kind == MAP:
        check(root, reading)
    findings = (*found, *sorted(reading.findings, key=_place))
    _refuse_given(reading.findings, given)
    failed = any(f.severity == "error" for f in findings) or not isinstance(values, dict)
    return (None if failed else values), SpanMap(root, file, given), findings


def _place(item: Finding) -> tuple[int, int, str]:
    return (item.where.line, item.where.column, item.id) if isinstance(item.where, Span) else (0, 0, item.id)


def _refuse_given(findings: list[Finding], given: Mapping[str, str]) -> None:
    """Raise what is wrong with a value of the command line as a wrong flag."""
    labels = set(given.values())
    for item in findings:
        if item.severity == "error" and isinstance(item.where, Span) and item.where.file in labels:
            raise UsageError("DY1011", f"{item.where.file}: {item.message}", hints=item.remediation)


def read_goal(text: str, *, file: str, overrides: Mapping[str, str] | None = None) -> tuple[Goal | None, tuple[Finding, ...]]:
    """Return a goal with defaults filled in, and every finding; `overrides` are ``--set`` keys and values.

    Raises
    ------
    UsageError
        DY1010, DY1011 if an override has an unknown key or a wrong value.
    """
    values, spans, findings = _read(text, file, goal_file.GOAL, "goal/v1", check=check_goal, overrides=overrides)
    if values is None or spans is None:
        return None, findings
    return goal_file.assemble(values, spans=spans, file=file), findings


def read_context(text: str, *, file: str) -> tuple[ContextSpec | None, tuple[Finding, ...]]:
    """Return what a context file asks for, and every finding."""
    values, spans, findings = _read(text, file, context_file.CONTEXT, "context/v1", limits=BULK, check=check_context)
    if values is None or spans is None:
        return None, findings
    return context_file.assemble(values, spans=spans, file=file), findings


def read_model(text: str, *, file: str) -> tuple[ModelSpec | None, tuple[Finding, ...]]:
    """Return a model file as declared, and every finding of its form; the compiler judges its meaning."""
    values, spans, findings = _read(text, file, model_file.MODEL, "model/v1")
    if values is None or spans is None:
        return None, findings
    return model_file.assemble(values, spans=spans, file=file), findings


def _demand(result: tuple[A | None, tuple[Finding, ...]]) -> A:
    artifact, findings = result
    if artifact is None:
        raise Findings(findings)
    return artifact


def parse_goal(text: str, *, file: str, overrides: Mapping[str, str] | None = None) -> Goal:
    """Return a goal with defaults filled in.

    Raises
    ------
    Findings
        DY2000 with every finding, if one is an error.
    UsageError
        DY1010, DY1011 if an override has an unknown key or a wrong value.
    """
    return _demand(read_goal(text, file=file, overrides=overrides))


def parse_context(text: str, *, file: str) -> ContextSpec:
    """Return what a context file asks for.

    Raises
    ------
    Findings
        DY2000 with every finding, if one is an error.
    """
    return _demand(read_context(text, file=file))


def parse_model(text: str, *, file: str) -> ModelSpec:
    """Return a model file as declared.

    Raises
    ------
    Findings
        DY2000 with every finding of its form, if one is an error.
    """
    return _demand(read_model(text, file=file))

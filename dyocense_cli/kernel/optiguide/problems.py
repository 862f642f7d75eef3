"""Collect what is wrong, with its place, and raise all of it together."""

from __future__ import annotations

from dyocense_cli.errors import Finding, Findings, Span
from dyocense_cli.kernel.optiguide.draft import Formula, Inputs
from dyocense_cli.optimodel.symbols import Problem

__all__ = ["Problems", "locate"]


def locate(inputs: Inputs, source: str, offset: int = 0, length: int = 0) -> Span | None:
    """Return the place of a source (``goal:/constraints/a``) or of its nearest parent; `offset` counts within its text."""
    kind, _, pointer = source.partition(":")
    spans = inputs.goal.spans if kind == "goal" else inputs.spec.spans
    if pointer not in spans:
        pointer = pointer.removesuffix("/expression")  # a scalar may be short for a map with its expression
    while pointer and pointer not in spans:
        pointer = pointer.rpartition("/")[0]
        offset = length = 0
    span = spans.get(pointer)
    if span is None:
        return None
    if not offset or span.end_line not in (0, span.line):
        return span
    column = span.column + offset
    return Span(span.file, span.line, column, span.line, column + length if length else span.end_column)


class Problems:
    """Findings of one pass or of all static passes."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.findings: list[Finding] = []

    def add(self, problem: Problem, source: str, text: str = "", *, shift: int = 0) -> None:
        """Note a problem of the expression `text` written at `source`."""
        offset = problem.place(text) + shift
        span = locate(self.inputs, source)
        if offset and span is not None and span.end_column - span.column == len(text) + 2:
            offset += 1  # the text stands in quotes
        pointer = source.partition(":")[2]
        finding = Finding(
            id=problem.code,
            severity="error",
            message=problem.message,
            remediation=problem.hint,
            pointer=pointer,
            where=locate(self.inputs, source, offset, max(1, len(problem.name))),
            source="compiler",
        )
        if finding not in self.findings:
            self.findings.append(finding)

    def of(self, formula: Formula, problem: Problem) -> None:
        """Note a problem of a formula."""
        self.add(problem, formula.source, formula.text)

    def settle(self) -> None:
        """Raise every finding so far.

        Raises
        ------
        Findings
            If there is any.
        """
        if self.findings:
            raise Findings(tuple(self.findings), code=self.findings[0].id)

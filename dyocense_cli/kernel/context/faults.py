"""What is wrong with bound data: each finding with its row and value, floods cut to twenty per column and kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dyocense_cli.artifacts.context import ContextSpec, RawTable
from dyocense_cli.artifacts.rules import coded
from dyocense_cli.errors import Finding, Ref, Where

__all__ = ["Faults", "Source"]

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Source:
    """A table as read and where its rows are in files."""

    name: str
    raw: RawTable
    spec: ContextSpec

    def place(self, row: int, column: str) -> Where:
        """Return the place of a cell; `row` counts from 0 in the order of the raw table."""
        inline = self.spec.tables[self.name].rows is not None
        span = self.spec.spans.get(f"/tables/{self.name}/rows/{row}/{column}") if inline else None
        if span is None and inline:
            span = self.spec.spans.get(f"/tables/{self.name}/rows/{row}")
        return span or Ref(self.raw.file if not inline else self.name, self.number(row), column)

    def number(self, row: int) -> int:
        """Return the source's own number of a row, from 1."""
        return self.raw.rows[row] if self.raw.rows is not None else row + 1

    def key(self, part: str) -> Where:
        """Return the place where the context names the table."""
        spans = self.spec.spans
        return spans.get(f"/tables/{self.name}/{part}") or spans.get(f"/tables/{self.name}") or Ref(self.raw.file)


@dataclass(slots=True)
class Faults:
    """The findings so far."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, item: Finding) -> None:
        """Note one finding."""
        self.findings.append(item)

    def code(self, code: str, message: str, where: Where, hint: str) -> None:
        """Note a finding of an error code."""
        self.findings.append(coded(code, message, where=where, remediation=hint))

    def rows(self, source: Source, column: str, rows: Sequence[int], make: Callable[[int, Where], Finding]) -> None:
        """Note a finding per row, twenty at most, and how many more there are."""
        for row in rows[:_SHOWN]:
            self.findings.append(make(row, source.place(row, column)))
        if len(rows) > _SHOWN:
            last = self.findings[-1]
            more = f"{len(rows) - _SHOWN} more rows of `{source.name}` have the same fault in `{column}`: {last.title}"
            self.findings.append(coded("DY2300", more, where=source.key("file"), remediation=last.remediation))

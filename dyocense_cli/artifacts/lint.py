"""What the rules of the language say of a goal before anything is forecast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from dyocense_cli.artifacts.codec import META
from dyocense_cli.errors import Finding

__all__ = ["LintReport"]


@dataclass(frozen=True, slots=True)
class LintReport:
    """Warnings and notes of a goal that has no errors; they carry places in files, so they count in no fingerprint."""

    kind: ClassVar[str] = "lint_report"
    schema_version: ClassVar[int] = 1

    findings: tuple[Finding, ...] = field(default=(), metadata=META)

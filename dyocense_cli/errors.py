"""The error tree, spans and findings.

```
DyocenseError           code · message · where (Span | Ref) · why · hints
├── UsageError      DY1xxx  flags, environment, dyocense.toml     exit 2
├── InputError      DY2xxx  a file or its data                    exit 3
│   └── Findings    many findings of human-written files at once  exit 3 or 4
├── AccessError     DY3xxx  who you are, what is left             exit 4 or 6
├── AdapterError    DY4xxx  the world refused                     exit 7
│   ├── UnavailableError    a service cannot be reached
│   ├── UnsupportedError    an adapter does not offer what was asked
│   └── MissingExtraError   an optional library is not installed
├── StoreError      DY5xxx  missing or altered bytes              exit 8
└── InternalError   DY9xxx  a bug of this program                 exit 1
```

Outcomes (infeasible, stopped at a limit, denied) are values, never exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "AccessError",
    "AdapterError",
    "DyocenseError",
    "Finding",
    "Findings",
    "InputError",
    "InternalError",
    "MissingExtraError",
    "Ref",
    "Span",
    "StoreError",
    "UnavailableError",
    "UnsupportedError",
    "UsageError",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Span:
    """Place in a text file; lines and columns count from 1, columns in characters. Line 0 is a whole, such as a flag."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Ref:
    """Place in a table: file or table name, data row (1 = first row after the header), column name."""

    table: str
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        text = self.table
        if self.row:
            text += f", row {self.row}"
        if self.column:
            text += f", column {self.column}"
        return text


Where = Span | Ref | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a file, by our rules (DYO-*), by policy (POL-*) or by the compiler (DYnnnn).

    `pointer` is the JSON pointer of the field; `exact` is false where only a parent could be located.
    """

    id: str
    severity: str  # "error" | "warning" | "info"
    message: str
    title: str = ""
    args: tuple[tuple[str, str], ...] = ()
    where: Where = None
    exact: bool = True
    pointer: str = ""
    remediation: str = ""
    docs: str = ""
    source: str = "dyocense"
    package: str = ""
    waived: str = ""  # the waiver's owner and reason, empty if it stands


class DyocenseError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    code : str
        Stable code, ``DY`` and four digits, listed in `dyocense_cli.codes`.
    message : str
        What is wrong: one line, lower case, no full stop.
    where : Span | Ref | None
        Place of the cause.
    hints : tuple of str
        What to type or change next.
    why : str
        Reason, when it is not obvious.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(
        self, code: str, message: str, *, where: Where = None, hints: tuple[str, ...] | str = (), why: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hints = (hints,) if isinstance(hints, str) else tuple(hints)
        self.why = why

    def __str__(self) -> str:
        parts = [f"error[{self.code}]: {self.message}"]
        if self.where is not None:
            parts.append(f"  --> {self.where}")
        if self.why:
            parts.append(self.why)
        parts += [f"hint: {hint}" for hint in self.hints]
        return "\n".join(parts)


class UsageError(DyocenseError):
    """Wrong flags, environment or settings."""

    exit_code = 2
    http_status = 400


class InputError(DyocenseError):
    """A goal, context, model or data file that one must fix."""

    exit_code = 3
    http_status = 422


class Findings(InputError):
    """All findings of one reading, raised as one; `findings` holds at least one of severity error, `rest` what could be read."""

    def __init__(self, findings: tuple[Finding, ...], *, code: str = "DY2000", rest: object = None) -> None:
        self.findings = findings
        self.rest = rest
        errors = [f for f in findings if f.severity == "error"]
        first = (errors or list(findings))[0]
        super().__init__(code, f"{len(errors)} error{'s' if len(errors) != 1 else ''} found: {first.message}",
                         where=first.where, hints=(first.remediation,) if first.remediation else ())


class AccessError(DyocenseError):
    """Not allowed (exit 4), or no budget or quota left (exit 6)."""

    exit_code = 4
    http_status = 403

    def __init__(self, code: str, message: str, *, where: Where = None, hints: tuple[str, ...] | str = (),
                 why: str = "", exit_code: int = 4, http_status: int = 403) -> None:
        super().__init__(code, message, where=where, hints=hints, why=why)
        self.exit_code = exit_code  # type: ignore[misc]  # per error: denial and budget share the class
        self.http_status = http_status  # type: ignore[misc]


class AdapterError(DyocenseError):
    """A service, process or library outside the core failed."""

    exit_code = 7
    http_status = 503


class UnavailableError(AdapterError):
    """A service cannot be reached; says which and what was kept."""


class UnsupportedError(AdapterError):
    """An adapter was asked for a feature it does not declare."""


class MissingExtraError(AdapterError):
    """An optional library is not installed; the hint is the install command."""


class StoreError(DyocenseError):
    """Stored bytes are missing, altered or of a newer schema."""

    exit_code = 8
    http_status = 409


class InternalError(DyocenseError):
    """A bug of this program."""

    exit_code = 1
    http_status = 500

"""How errors and findings look: code, place with a caret, reason, hint."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from dyocense_cli.errors import DyocenseError, Finding, Findings, Ref, Span, Where

__all__ = ["LIVE", "code_frame", "coloured", "error_json", "error_text", "finding_text", "paint", "steered", "stderr", "where_json"]


def coloured(stream: Any = None) -> bool:
    """Say whether a stream may carry colour: a terminal, without NO_COLOR and not dumb."""
    stream = stream if stream is not None else sys.stderr
    return steered(stream) and not os.environ.get("NO_COLOR")


def steered(stream: Any) -> bool:
    """Say whether a stream is a terminal whose cursor can be moved."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


class LiveLine:
    """The line at the bottom of a terminal that is written over; whatever else is written takes its place."""

    def __init__(self) -> None:
        self.is_open = False

    def show(self, text: str) -> None:
        """Write over the line; what is wider than the terminal is cut, for a line that wraps could not be taken back."""
        sys.stderr.write(self.taken_back() + text[: shutil.get_terminal_size().columns - 1])
        sys.stderr.flush()
        self.is_open = True

    def taken_back(self) -> str:
        """Return what clears the line, nothing where there is none."""
        was_open, self.is_open = self.is_open, False
        return "\r\x1b[2K" if was_open else ""


LIVE: Final = LiveLine()


def stderr(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{LIVE.taken_back()}{text}\n")
    sys.stderr.flush()


#: Roles in 256 colours that read on a light and on a dark ground (contrast above 3.5 on both), and in 16 colours.
_COLOURS: Final = {
    "error": ("1;38;5;160", "1;31"),
    "warning": ("1;38;5;166", "1;35"),
    "info": ("1;38;5;67", "1"),
    "hint": ("38;5;31", "1"),
    "mark": ("38;5;160", "31"),
}


def paint(text: str, role: str) -> str:
    """Return a text in the colour of its role on standard error: error, warning, info, hint or mark."""
    if not coloured():
        return text
    rich, plain = _COLOURS[role]
    many = "256color" in os.environ.get("TERM", "") or os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return f"\x1b[{rich if many else plain}m{text}\x1b[0m"


def code_frame(span: Span) -> list[str]:
    """Return the line of a span with a caret under it, or nothing when the file cannot be read."""
    try:
        lines = Path(span.file).read_text("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    except OSError:
        return []
    if not 1 <= span.line <= len(lines):
        return []
    line = lines[span.line - 1]
    visible = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
    head = f"{span.line} | "
    room = max(20, min(140, shutil.get_terminal_size((160, 24)).columns - len(head)) if steered(sys.stderr) else 140)
    start = max(0, span.column - (60 if room == 140 else room // 2))
    width = max(1, span.end_column - span.column) if span.end_line in (0, span.line) and span.end_column > span.column else 1
    pad = "".join("\t" if c == "\t" else " " for c in visible[start : span.column - 1])
    left = max(1, start + room - span.column + 1)
    return [head + visible[start : start + room], " " * (len(head) - 2) + "| " + pad + paint("^" * min(width, left), "mark")]


def _where(where: Where) -> list[str]:
    if where is None:
        return []
    lines = [f"  --> {where}"]
    if isinstance(where, Span):
        lines += code_frame(where)
    return lines


def finding_text(finding: Finding) -> str:
    """Return one finding as text: severity, id, message, place, remediation."""
    role = finding.severity if finding.severity in _COLOURS else "info"
    lines = [f"{paint(f'{finding.severity}[{finding.id}]', role)}: {finding.message}", *_where(finding.where)]
    if finding.remediation:
        lines.append(f"{paint('hint', 'hint')}: {finding.remediation}")
    if finding.waived:
        lines.append(f"waived: {finding.waived}")
    return "\n".join(lines)


def error_text(error: DyocenseError) -> str:
    """Return an error as text: what, where, why, hint; all findings of a reading together."""
    if isinstance(error, Findings):
        return "\n\n".join(finding_text(f) for f in error.findings)
    lines = [f"{paint(f'error[{error.code}]', 'error')}: {error.message}", *_where(error.where)]
    if error.why:
        lines.append(error.why)
    lines += [f"{paint('hint', 'hint')}: {hint}" for hint in error.hints]
    return "\n".join(lines)


def where_json(where: Where) -> dict[str, Any] | None:
    """Return a place as JSON."""
    if isinstance(where, Span):
        return {"file": where.file, "line": where.line, "column": where.column}
    if isinstance(where, Ref):
        return {"table": where.table, "row": where.row, "column": where.column}
    return None


def error_json(error: DyocenseError) -> dict[str, Any]:
    """Return an error as one JSON document."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "where": where_json(error.where),
        "why": error.why,
        "hints": list(error.hints),
        "exit_code": error.exit_code,
    }
    if isinstance(error, Findings):
        body["findings"] = [
            {
                "id": f.id,
                "severity": f.severity,
                "message": f.message,
                "where": where_json(f.where),
                "pointer": f.pointer,
                "remediation": f.remediation,
            }
            for f in error.findings
        ]
    return {"error": body}

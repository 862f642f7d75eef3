"""How errors and findings look: code, place with a caret, reason, hint."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from dyocense_cli.errors import DyocenseError, Finding, Findings, Ref, Span, Where

__all__ = ["code_frame", "coloured", "error_json", "error_text", "finding_text", "steered", "stderr", "where_json"]


def coloured(stream: Any = None) -> bool:
    """Say whether a stream may carry colour: a terminal, without NO_COLOR and not dumb."""
    stream = stream if stream is not None else sys.stderr
    return steered(stream) and not os.environ.get("NO_COLOR")


def steered(stream: Any) -> bool:
    """Say whether a stream is a terminal whose cursor can be moved."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def stderr(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if coloured() else text


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
    start = max(0, span.column - 60)
    width = max(1, span.end_column - span.column) if span.end_line in (0, span.line) and span.end_column > span.column else 1
    head = f"{span.line} | "
    pad = "".join("\t" if c == "\t" else " " for c in visible[start : span.column - 1])
    return [head + visible[start : start + 140], " " * (len(head) - 2) + "| " + pad + _paint("^" * min(width, 140), "31")]


def _where(where: Where) -> list[str]:
    if where is None:
        return []
    lines = [f"  --> {where}"]
    if isinstance(where, Span):
        lines += code_frame(where)
    return lines


def finding_text(finding: Finding) -> str:
    """Return one finding as text: severity, id, message, place, remediation."""
    colour = {"error": "1;31", "warning": "1;33"}.get(finding.severity, "1;34")
    lines = [f"{_paint(f'{finding.severity}[{finding.id}]', colour)}: {finding.message}", *_where(finding.where)]
    if finding.remediation:
        lines.append(f"{_paint('hint', '1;36')}: {finding.remediation}")
    if finding.waived:
        lines.append(f"waived: {finding.waived}")
    return "\n".join(lines)


def error_text(error: DyocenseError) -> str:
    """Return an error as text: what, where, why, hint; all findings of a reading together."""
    if isinstance(error, Findings):
        return "\n\n".join(finding_text(f) for f in error.findings)
    lines = [f"{_paint(f'error[{error.code}]', '1;31')}: {error.message}", *_where(error.where)]
    if error.why:
        lines.append(error.why)
    lines += [f"{_paint('hint', '1;36')}: {hint}" for hint in error.hints]
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

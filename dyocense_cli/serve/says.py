"""An error as the members of a problem document; imports nothing heavy, so that a child may use it."""

from __future__ import annotations

from typing import Any

from dyocense_cli.errors import DyocenseError, Findings

__all__ = ["describe"]


def describe(error: DyocenseError) -> dict[str, Any]:
    """Return code, message, place, hints and findings of an error."""
    out: dict[str, Any] = {"code": error.code, "detail": error.message, "hints": list(error.hints)}
    if error.where is not None:
        out["where"] = str(error.where)
    if isinstance(error, Findings):
        out["findings"] = [
            {"id": f.id, "severity": f.severity, "message": f.message, "where": str(f.where) if f.where else "", "pointer": f.pointer}
            for f in error.findings
        ]
    return out

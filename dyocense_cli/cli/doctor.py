"""`dyocense doctor`: which engines are here, what is missing, how to get it."""

from __future__ import annotations

from typing import Any

import typer

from dyocense_cli.cli.options import Json, print_json, settings_of

__all__ = ["doctor"]


def doctor(as_json: Json = False) -> int:
    """List every engine: ready, not installed (with the command that installs it) or not reachable."""
    from dyocense_cli import wiring

    rows: list[dict[str, Any]] = wiring.survey(settings_of())
    if as_json:
        print_json({"engines": rows})
    else:
        for row in rows:
            state = "ready" if row["ready"] else "missing"
            note = row["version"] if row["ready"] else row["hint"]
            typer.echo(f"{state:<8} {row['port']:<11} {row['name']:<14} {note}".rstrip())
    return 0

"""`dyocense config`: effective settings and defaults, and where each came from."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from dyocense_cli.cli.options import Json, print_json, settings_of

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Effective settings and where each came from.")


@app.command()
def show(as_json: Json = False) -> None:
    """Print every setting with its source, and every default with its unit, reason and source."""
    from dyocense_cli.defaults import DEFAULTS
    from dyocense_cli.settings import OPTIONS

    settings = settings_of()
    values = settings.shown()
    meaning = {o.name: o for o in OPTIONS}
    if as_json:
        print_json(
            {
                "root": settings.root,
                "settings": {k: {"value": v, "source": settings.sources[k], "env": meaning[k].env} for k, v in values.items()},
                "defaults": {k: {"value": d.value, "unit": d.unit, "reason": d.reason, "source": d.source} for k, d in DEFAULTS.items()},
            }
        )
        return
    typer.echo(f"project root  {settings.root}\n")
    rows = [(name, value or "–", settings.sources[name], meaning[name].meaning) for name, value in values.items()]
    _aligned(rows)
    typer.echo("\ndefaults of goals")
    _aligned([(key, _text(item.value), item.unit, f"{item.reason} ({item.source})") for key, item in DEFAULTS.items()])


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows whose columns are as wide as their content, nothing cut."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        typer.echo("  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]).rstrip())


@app.command()
def validate(as_json: Json = False) -> None:
    """Check dyocense.toml and the environment; exit 2 says what is wrong."""
    from dyocense_cli import wiring

    settings = settings_of()
    wiring.build(settings)
    if as_json:
        print_json({"valid": True, "root": settings.root})
    else:
        typer.echo("settings are valid")

"""`dyocense init [DIR]`: a project with a first goal that solves."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

import typer

from dyocense_cli.cli.options import Json, print_json
from dyocense_cli.errors import UsageError

__all__ = ["TEMPLATES", "init"]

TEMPLATES: Final = ("replenishment", "newsvendor", "lot-sizing", "custom")

_TOML: Final = """# Settings of this project; `dyocense config show` lists them all.
# store = "runs/"
# tier = "pro"
"""
_IGNORE: Final = ".dyocense/\nruns/\n"


def _walk(folder: Traversable, base: str = "") -> dict[str, bytes]:
    out: dict[str, bytes] = {}
    for child in sorted(folder.iterdir(), key=lambda c: c.name):
        name = f"{base}{child.name}"
        if child.is_dir():
            out.update(_walk(child, name + "/"))
        elif not child.name.startswith((".", "__")):
            out[name] = child.read_bytes()
    return out


def _files(template: str) -> dict[str, bytes]:
    if template == "replenishment":
        from dyocense_cli.cli.bakery import bakery_files

        out = bakery_files()
    else:
        out = _walk(files("dyocense_cli.models") / "templates" / template)
    return {**out, "dyocense.toml": _TOML.encode(), ".gitignore": _IGNORE.encode()}


def init(
    directory: Annotated[str, typer.Argument(metavar="[DIR]", help="Folder of the project.")] = ".",
    template: Annotated[str, typer.Option("--template", help="replenishment, newsvendor, lot-sizing or custom.")] = "replenishment",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    as_json: Json = False,
) -> int:
    """Make a project: goals/, fixtures/ with a context, models/ where the template has one, and dyocense.toml.

    The data of the templates is synthetic or from a textbook and says so. Nothing is overwritten without --force.
    """
    if template not in TEMPLATES:
        raise UsageError("DY1005", f"no template is named `{template}`", hints="use one of " + ", ".join(TEMPLATES))
    target = Path(directory)
    made = _files(template)
    there = [name for name in made if (target / name).exists()]
    if there and not force:
        raise UsageError("DY1006", f"{target / there[0]} is there already", hints="choose another folder, or --force to overwrite")
    for name, data in made.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (target / "policies").mkdir(exist_ok=True)
    goal = next(name for name in made if name.startswith("goals/"))
    if as_json:
        print_json({"directory": str(target), "template": template, "files": sorted(made), "goal": goal})
        return 0
    typer.echo(f"made {len(made)} files in {target}")
    typer.echo(f"next: {f'cd {directory} && ' if directory != '.' else ''}dyocense plan {goal}")
    return 0

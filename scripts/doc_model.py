"""The page of the shipped replenishment model: its mathematics, printed from the model file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import TypeVar

from dyocense_cli.artifacts.model import ConstraintDecl, DimDecl, ModelSpec, ParamDecl, VarDecl
from dyocense_cli.kernel.export.mathml import ModelFormulas, to_mathml
from dyocense_cli.kernel.goaldsl.parse import parse_model

Named = TypeVar("Named")
HEAD = """# The replenishment model

What to order, from whom, when. All of this page is printed from the shipped model file (`dyocense_cli/models/replenishment.yaml`); the
compiler knows nothing of buying. A goal switches rules on by its `limits:`, and what a context has no column for leaves no trace in the
compiled model. `dyocense compile GOAL --export latex` prints a goal's own model, as simplified for its data.

"""


def formula(text: str, every: str = "") -> str:
    return f'<div class="formula">{to_mathml(text)}{to_mathml(every, "every") if every else ""}</div>\n'


def as_written(spec: ModelSpec, section: str, declared: Sequence[Named]) -> list[Named]:
    """Return declarations in the order of the file."""
    return sorted(declared, key=lambda d: spec.spans[f"/{section}/{d.name}"].line)  # type: ignore[attr-defined]


def worded(intent: str) -> str:
    return re.sub(r"\{(\w+)\}", r"*\1*", intent)


def cell(text: object) -> str:
    return str(text).replace("|", "\\|")


def condition(limit: str | None, when: str | None) -> str:
    said = [f"limit `{limit}`" if limit else "", f"when `{when}`" if when else ""]
    return ", ".join(s for s in said if s)


def rule(writer: ModelFormulas, c: ConstraintDecl) -> str:
    exists = condition(c.limit, c.when)
    hold = f" Holds: {c.hold}." if c.hold else ""
    lines = [f"### {c.name}\n", f"{worded(c.intent)}.{f' ({exists}).' if exists else ''}{hold}\n".replace(". (", " (")]
    return "\n".join([*lines, formula(writer.of(c.expression), writer.every(c.dims, c.where))])


def variable(v: VarDecl) -> str:
    kind = "0 or 1" if v.binary else "whole" if v.integer else "any"
    low, high = ("", "") if v.binary else ("" if v.lower is None else f"{v.lower} …", "" if v.upper is None else f"`{v.upper}`")
    decided = "now" if "scenario" not in v.dims else "when the future is known"
    return f"| `{v.name}` | {', '.join(v.dims)} | {kind} {low} {high} | {v.unit or ''} | {decided} | {cell(v.when or '')} |\n"


def parameter(p: ParamDecl) -> str:
    source = f"`{p.source}`" if p.source else f"= `{p.value}`" if p.value is not None else f"`parameters.{p.name}`"
    return f"| `{p.name}` | {', '.join(p.dims)} | {cell(source)} | {p.unit or ''} | {'' if p.default is None else f'{p.default:g}'} |\n"


def indices(writer: ModelFormulas, dims: Sequence[DimDecl]) -> str:
    rows = []
    for d in dims:
        source = d.source or ("the horizon" if d.horizon else "the scenarios" if d.scenarios else d.ranks or d.upto or "")
        rows.append(f"| *{writer.formulas.letter[d.name]}* | {d.name} | {f'`{source}`' if '.' in source else source} |\n")
    return "| index | dimension | labels from |\n|---|---|---|\n" + "".join(rows) + "\n"


def page() -> str:
    text = (files("dyocense_cli.models") / "replenishment.yaml").read_text("utf-8")
    spec = parse_model(text, file="replenishment.yaml")
    dims = as_written(spec, "dimensions", spec.dims)
    writer = ModelFormulas(spec, tuple(d.name for d in dims))
    parts = [HEAD, "## Indices\n\n", indices(writer, dims)]
    parts.append(
        "## Objective\n\nThe weighted sum of the terms that the goal names;\nwhat depends"
        " on the scenario is reduced as `robust.aggregation` says.\n\n"
    )
    parts += [
        f"### {t.name}{f' [{t.unit}]' if t.unit else ''}\n\n{formula(writer.of(t.expression))}\n"
        for t in as_written(spec, "objective/terms", spec.terms)
    ]
    parts.append("## Words\n\nNamed expressions that the rules use.\n\n")
    for e in as_written(spec, "expressions", spec.exprs):
        when = condition(None, e.when)
        parts.append(
            f"### {e.name}\n\n{when + ', else 0:' if when else ''}\n\n{formula(writer.defined(e.name, e.expression))}\n".replace(
                "\n\n\n\n", "\n\n"
            )
        )
    parts.append("## Rules\n\n")
    parts += [rule(writer, c) + "\n" for c in as_written(spec, "constraints", spec.constraints)]
    parts.append("## Variables\n\n| variable | over | values | unit | decided | when |\n|---|---|---|---|---|---|\n")
    parts += [variable(v) for v in as_written(spec, "variables", spec.vars)]
    parts.append("\n## Parameters\n\n| parameter | over | from | unit | else |\n|---|---|---|---|---|\n")
    parts += [parameter(p) for p in as_written(spec, "parameters", spec.params)]
    parts.append("\n## Figures\n\n")
    for k in as_written(spec, "kpis", spec.kpis):
        said = " ".join(s for s in (f"{k.intent}." if k.intent else "", f"In {k.unit}." if k.unit else "") if s)
        parts.append(f"### {k.name}\n\n" + (f"{said}\n\n" if said else "") + formula(writer.of(k.expression)) + "\n")
    return "".join(parts).rstrip() + "\n"

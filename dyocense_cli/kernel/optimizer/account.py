"""What each rule and variable became: rows, columns, nonzeros, source. What `compile --explain` prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel

__all__ = ["Made", "account", "account_text"]


@dataclass(frozen=True, slots=True)
class Made:
    """One family: `kind` is ``rule`` or ``variable``; `count` its rows or columns; `source` where it was written."""

    kind: str
    name: str
    origin: str
    count: int
    nonzeros: int
    says: str
    source: str


def account(model: OptiModel, arrays: GroundModel) -> tuple[Made, ...]:
    """Return every rule and variable of a model with what grounding made of it."""
    per_row = np.bincount(arrays.index, minlength=arrays.n_rows)
    per_column = np.diff(arrays.start)
    out = []
    for rule, block in zip(model.rules, arrays.rows, strict=True):
        nonzeros = int(per_row[block.start : block.stop].sum())
        place = model.meta.get(rule.name, "") or rule.source
        out.append(Made("rule", rule.name, rule.origin, block.stop - block.start, nonzeros, rule.expr, place))
    for v, columns in zip(model.vars, arrays.columns, strict=True):
        nonzeros = int(per_column[columns.start : columns.stop].sum())
        says = {"float": "number", "int": "whole number", "bool": "yes or no"}[v.type] + (f" where {v.where}" if v.where else "")
        out.append(Made("variable", v.name, v.origin or v.name, columns.stop - columns.start, nonzeros, says, f"stage {v.stage}"))
    return tuple(out)


def account_text(model: OptiModel, arrays: GroundModel) -> str:
    """Return the account as a plain table with totals."""
    rows = account(model, arrays)
    width = max((len(r.name) for r in rows), default=4) + 2
    lines = [f"{'':9s}{'name':{width}s}{'rows':>10s}{'columns':>10s}{'nonzeros':>11s}  source"]
    for r in rows:
        count = f"{r.count:>10d}{'':>10s}" if r.kind == "rule" else f"{'':>10s}{r.count:>10d}"
        origin = "" if r.origin == r.name else f" (from {r.origin})"
        lines.append(f"{r.kind:9s}{r.name:{width}s}{count}{r.nonzeros:>11d}  {r.source}{origin}")
    lines.append(f"{'total':9s}{'':{width}s}{arrays.n_rows:>10d}{arrays.n_cols:>10d}{arrays.nnz:>11d}")
    return "\n".join([*lines, ""])

"""Compile models from text and plain Python tables, without files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.policy import Admission
from dyocense_cli.kernel.goaldsl.parse import parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal
from dyocense_cli.kernel.optiguide.draft import Inputs

Cells = Mapping[str, Sequence[object]]


def column(values: Sequence[object], unit: str | None = None) -> Column:
    """A bound column: numbers as float64 (None = NaN), booleans, or text as codes into sorted labels."""
    if any(isinstance(v, str) for v in values):
        labels = tuple(sorted({str(v) for v in values if v is not None}))
        codes = [labels.index(str(v)) if v is not None else -1 for v in values]
        return Column(np.array(codes, np.int32), unit, labels)
    return Column(np.array([np.nan if v is None else v for v in values], np.float64), unit)


def table(cells: Cells, units: Mapping[str, str] | None = None) -> Table:
    columns = {name: column(values, (units or {}).get(name)) for name, values in cells.items()}
    return Table(columns, len(next(iter(cells.values()))))


def context(
    tables: Mapping[str, Cells],
    *,
    periods: int = 1,
    days: float = 7.0,
    parameters: Mapping[str, Quantity | str | bool] | None = None,
    units: Mapping[str, Mapping[str, str]] | None = None,
    currency: str = "EUR",
) -> Context:
    start = dt.date(2026, 11, 30)
    starts = tuple((start + dt.timedelta(days=days * i)).isoformat() for i in range(periods))
    bound = {name: table(cells, (units or {}).get(name)) for name, cells in tables.items()}
    return Context(currency, bound, parameters or {}, (), (), tuple(f"t{i + 1}" for i in range(periods)), starts, days)


def scenarios(tables: Mapping[str, ScenarioTable] | None = None, *, probability: Sequence[float] = (1.0,), **kw: object) -> ScenarioSet:
    n = len(probability)
    return ScenarioSet(kw.pop("periods", ()), tuple(range(n)), np.array(probability), tables or {}, **kw)  # type: ignore[arg-type]


def inputs(goal: str, model: str, world: Context, futures: ScenarioSet | None = None, admission: Admission | None = None) -> Inputs:
    return Inputs(
        parse_goal(goal, file="goal.yaml"), parse_model(model, file="model.yaml"), world, futures or scenarios(), admission
    )


def compiled(goal: str, model: str, world: Context, futures: ScenarioSet | None = None, admission: Admission | None = None) -> OptiModel:
    given = inputs(goal, model, world, futures, admission)
    assert given.context is not None
    assert given.scenarios is not None
    return compile_goal(given.goal, given.spec, given.context, given.scenarios, admission)


GOAL = """
dsl: goal/v1
id: test
model: model.yaml
context: context.yaml
robust: {aggregation: %s}
"""


def goal(extra: str = "", *, aggregation: str = "mean") -> str:
    return GOAL % aggregation + extra


def show(model: OptiModel) -> str:
    """The symbolic part of a model as text a planner can read."""
    lines = [f"dims: {', '.join(f'{d}[{len(v)}]' for d, v in model.dims.items())}"]
    lines += [f"var {v.name}[{', '.join(v.dims)}] {v.type} {v.lb}..{v.ub} stage {v.stage}" + (f" where {v.where}" if v.where else "") for v in model.vars]
    lines += [f"{model.sense} {t.weight:g} * {t.name}: {t.expr}" for t in model.terms]
    lines += [f"rule {r.name}[{', '.join(r.dims)}]: {r.expr}" + (f" where {r.where}" if r.where else "") for r in model.rules]
    lines += [f"kpi {k.name}[{', '.join(k.dims)}]: {k.expr}" for k in model.kpis]
    lines += [f"param {n}[{', '.join(p.dims)}] {p.unit or ''} {p.dtype}{' sparse' if p.index is not None else ''}" for n, p in model.params.items()]
    return "\n".join(lines)

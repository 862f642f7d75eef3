"""Lint as a stage: errors stop a goal, warnings are kept; F rules on a run's scenarios say why no plan can exist."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import Goal, Quantity
from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.errors import Findings
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal, parse_model
from dyocense_cli.kernel.lint.stage import impossible, lint_goal
from tests.unit.kernel.lint.examples import PAGES, project


def world(**limits: object) -> tuple[Goal, ModelSpec, Context]:
    from dyocense_cli.artifacts.context import RawTable, Tables

    texts = project(PAGES["DYO-X007"], ())
    goal = parse_goal(texts["goal.yaml"], file="goal.yaml")
    spec = parse_context(texts["context.yaml"], file="context.yaml")
    tables = {
        name: RawTable(name, spec.file, {c: tuple(r.get(c) for r in table.rows or ()) for c in dict.fromkeys(c for r in table.rows or () for c in r)}, "0")
        for name, table in spec.tables.items()
    }  # fmt: skip
    goal = dataclasses.replace(goal, limits={**goal.limits, **limits})  # type: ignore[dict-item]  # settings of limits
    return goal, parse_model(texts["m.yaml"], file="m.yaml"), bind(goal, spec, Tables(tables))


def scenarios(context: Context, demand: float) -> ScenarioSet:
    values = np.full((2, 1, 2, 3), demand)
    table = ScenarioTable(
        ("sku", "location", "period", "scenario"), {"sku": ("EGGS", "MILK"), "location": ("main",), "period": context.periods}, values
    )
    return ScenarioSet(context.periods, (0, 1, 2), np.full(3, 1 / 3), {"demand": table})


def test_warnings_are_kept_and_count_in_no_fingerprint() -> None:
    report = lint_goal(*world())
    assert {f.id for f in report.findings} == {"DYO-X007", "DYO-O009"}
    assert fingerprint(report) == fingerprint(dataclasses.replace(report, findings=()))


def test_an_error_stops_the_goal() -> None:
    goal, model, context = world()
    with pytest.raises(Findings, match="no objective"):
        lint_goal(dataclasses.replace(goal, objective={}), model, context)


@pytest.mark.parametrize(
    ("demand", "budget", "rules"),
    [(100.0, 900.0, set()), (100.0, 300.0, {"DYO-F003"}), (530.0, 1e6, set()), (2000.0, 1e6, {"DYO-F004", "DYO-F008"})],
)
def test_bounds_on_the_scenarios_of_a_run(demand: float, budget: float, rules: set[str]) -> None:
    goal, model, context = world(budget={"max": Quantity(budget, "EUR")}, service={"min": Quantity(95, "%")})
    assert {f.id for f in impossible(goal, model, context, scenarios(context, demand))} == rules


def test_what_bounds_prove_is_left_to_the_solver_to_answer() -> None:
    goal, model, context = world(storage={"min": Quantity(40, "m3"), "max": Quantity(30, "m3")})
    assert [(f.id, f.severity) for f in lint_goal(goal, model, context).findings if f.id == "DYO-F006"] == [("DYO-F006", "warning")]

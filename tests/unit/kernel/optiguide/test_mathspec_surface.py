"""A mathspec specification, with `dsl: model/v1` on top, is a model: data attaches by name."""

from __future__ import annotations

import pytest

from dyocense_cli.kernel.export.mathspec import to_mathspec
from tests.compiling import compiled, context, goal
from tests.textbook.files import solve

SPEC = """
dsl: model/v1
description: Least-cost dispatch of two generators, one of which is costly to switch on.
dimensions:
  snapshot: {dtype: int, ordered: true}
  generator: {dtype: str}
parameters:
  capacity: {dims: [generator]}
  load: {dims: [snapshot]}
  cost: {dims: [generator], missing: 5}
  start: {dims: [generator], missing: neutral}
variables:
  dispatch: {dims: [snapshot, generator], where: capacity > 0, bounds: {lower: 0, upper: capacity}, domain: continuous}
  on: {dims: [snapshot, generator], where: start, domain: binary}
  ramp: {dims: [snapshot], domain: continuous}
constraints:
  balance: {dims: [snapshot], expression: "sum(dispatch, over=generator) == load"}
  running: {dims: [snapshot, generator], where: start, expression: dispatch <= capacity * on}
  change: {dims: [snapshot], expression: "ramp == sum(dispatch - shift(dispatch, along=snapshot, offset=1, edge=0), over=generator)"}
objective: {sense: minimize, expression: sum(cost * dispatch) + sum(start * on)}
"""
TABLES = {
    "capacity": {"generator": ["coal", "gas"], "value": [50.0, 40.0]},
    "load": {"snapshot": [1.0, 2.0, 10.0], "value": [45.0, 70.0, 20.0]},
    "cost": {"generator": ["coal"], "value": [2.0]},
    "start": {"generator": ["gas"], "start": [30.0]},
}


def test_a_mathspec_text_compiles_and_binds_by_name() -> None:
    model = compiled(goal("objective: {objective: 1}\n"), SPEC, context(TABLES))
    assert model.dims["snapshot"] == ("1", "2", "10")  # numbers in their order, not as text
    assert {v.name: v.lb for v in model.vars} == {"dispatch": 0.0, "on": 0.0, "ramp": None}
    solution = solve(model)
    assert solution.objective == pytest.approx(2 * (45 + 50 + 20) + 20 * 5 + 30)


def test_its_export_has_the_same_names_and_rules() -> None:
    text = to_mathspec(compiled(goal("objective: {objective: 1}\n"), SPEC, context(TABLES)))
    assert "  running:\n    dims: [snapshot, generator]\n    where: \"start\"\n    expression: \"dispatch <= capacity * on\"\n" in text
    assert "ordered: true" in text

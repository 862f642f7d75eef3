"""Admitted policies are rules of the model, named and sourced after the policy."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.policy import Admission, Cap
from tests.compiling import compiled, context, goal
from tests.textbook.files import solve
from tests.textbook.test_replenishment import MODEL, parts

OFFERS = {"sku": ["A0", "A0"], "supplier": ["S", "T"], "price": [1.0, 2.0]}


def admitted(admission: Admission) -> OptiModel:
    world, futures, text = parts([[10]], suppliers={"supplier": ["S", "T"]}, offers=OFFERS,
                                 skus={"sku": ["A0"], "category": ["dairy"], "holding_cost": [0.0], "shortage_cost": [100.0]})
    return compiled(text, MODEL, world, futures, admission)


def test_nothing_is_ordered_from_a_denied_supplier() -> None:
    model = admitted(Admission(True, denied_suppliers={"S": "POL-V001", "ELSEWHERE": "POL-V001"}))
    rule = next(r for r in model.rules if r.name == "POL-V001")
    assert rule.source == "policy:POL-V001"
    assert rule.relax is None
    assert solve(model).objective == pytest.approx(20.0)


def test_a_thousand_denied_suppliers_make_one_rule() -> None:
    model = admitted(Admission(True, denied_suppliers={f"X{i:04d}": "POL-V001" for i in range(1000)} | {"S": "POL-V001"}))
    assert [r.name for r in model.rules if r.origin == "POL-V001"] == ["POL-V001"]
    assert solve(model).objective == pytest.approx(20.0)


def test_a_cap_holds_over_the_horizon_for_its_part_of_the_spend() -> None:
    model = admitted(Admission(True, caps=(Cap("POL-S003:dairy", "POL-S003", 4.0, category="dairy"),)))
    rule = next(r for r in model.rules if r.name == "POL-S003:dairy")
    assert rule.expr == "sum(price * lots * lot_size where category_is_dairy) <= 4"
    assert solve(model).objective == pytest.approx(4.0 + 6 * 100.0)


def test_a_cap_per_period_has_a_row_per_period() -> None:
    model = admitted(Admission(True, caps=(Cap("POL-S001", "POL-S001", 4.0, over="period", supplier="S"),)))
    assert next(r for r in model.rules if r.name == "POL-S001").dims == ("period",)
    assert solve(model).objective == pytest.approx(4.0 + 6 * 2.0)


def test_a_model_that_buys_nothing_gets_no_policy_rule() -> None:
    text = "dsl: model/v1\nvariables: {x: {}}\nconstraints: {one: {expression: x >= 1}}\nobjective: {sense: minimize, terms: {cost: x}}\n"
    denied = Admission(True, denied_suppliers={"S": "POL-V001"})
    model = compiled(goal("objective: {cost: 1}\n"), text, context({"a": {"b": [1]}}), None, denied)
    assert [r.name for r in model.rules] == ["one"]
    assert np.isfinite(solve(model).objective or np.nan)

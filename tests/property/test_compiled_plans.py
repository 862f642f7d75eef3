"""Laws of plans of the shipped model: grounding and evaluation agree, chance rules hold, every way out is a setting that works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyocense_cli.artifacts.solution import Status
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.explain import explain
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.plan.interpret import interpret
from dyocense_cli.kernel.stress.figures import attitude
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.optimodel.evaluate import Evaluator, bounds, existing, split_columns
from tests.shop import futures, lent, shop
from tests.toys import EXACT

few = settings(max_examples=max(4, settings().max_examples // 8))
kinds = st.sampled_from([("mean", "mean"), ("p90", "p75"), ("always", "worst"), ("cvar80", "cvar75")])


@few
@given(st.integers(0, 1000), kinds)
def test_arrays_and_expressions_say_the_same(seed, kind):
    model = shop(hold=kind[0], aggregation=kind[1], seed=seed)
    arrays = ground(model)
    x = np.random.default_rng(seed).uniform(-3, 9, arrays.n_cols)
    evaluator, idle = Evaluator(model, split_columns(model, x)), Evaluator(model, {})
    columns = np.repeat(np.arange(arrays.n_cols), np.diff(arrays.start))
    activity = np.bincount(arrays.index, weights=arrays.value * x[columns], minlength=arrays.n_rows)
    at = 0
    for rule in model.rules:
        rows, base = evaluator.rows(rule), idle.rows(rule)
        there = rows.exists
        count = int(there.sum())
        constant = (base.left - base.right)[there]
        assert activity[at : at + count] == pytest.approx((rows.left - rows.right)[there] - constant, abs=1e-7)
        limit = arrays.row_lower if rows.op == ">=" else arrays.row_upper
        assert limit[at : at + count] == pytest.approx(-constant, abs=1e-9)
        at += count
    assert at == arrays.n_rows
    assert arrays.offset + arrays.cost @ x == pytest.approx(evaluator.objective()[0])
    for block, var in zip(arrays.columns, model.vars, strict=True):
        low, high = bounds(model, var)
        there = existing(model, var)
        assert np.array_equal(arrays.lower[block.start : block.stop], low[there])
        assert np.array_equal(arrays.upper[block.start : block.stop], high[there])


@few
@given(st.integers(0, 1000), st.integers(40, 95))
def test_a_chance_rule_holds_in_scenarios_of_its_weight(seed, service):
    model = shop(service=service, hold="p75", aggregation="p75", seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    assert solution.status is Status.OPTIMAL
    assert check(model, solution).ok
    evaluator = Evaluator(model, split_columns(model, solution.x))
    met = 1.0 - evaluator.array("sum(short) / sum(demand)", ("scenario",))
    assert model.probability[met >= service / 100.0 - 1e-6].sum() >= 0.75 - 1e-9


@pytest.mark.parametrize("seed", [2, 5])
def test_p95_holds_in_scenarios_of_weight_095(seed):
    model = shop(service=60, hold="p95", aggregation="p95", seed=seed, scenarios=20)
    solution = solve_model(model, replace(EXACT, mip_gap=0.02), lent=lent())
    assert solution.x is not None
    assert check(model, solution).ok
    evaluator = Evaluator(model, split_columns(model, solution.x))
    met = 1.0 - evaluator.array("sum(short) / sum(demand)", ("scenario",))
    assert model.probability[met >= 0.6 - 1e-6].sum() >= 0.95 - 1e-9
    costs = sum(t.weight * evaluator.array(t.raw or t.expr, ("scenario",)) for t in model.terms)
    assert solution.objective == pytest.approx(attitude(costs, model.probability, "p95"), rel=1e-6)


@few
@given(st.integers(0, 1000))
def test_stress_on_the_planned_scenarios_never_costs_more_than_planned(seed):
    model = shop(aggregation="mean", seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    report = stress(model, futures(8, seed), solution, lent=lent())
    assert report.sets["in_sample"]["cost_mean"] <= solution.objective + 1e-6 * (1 + abs(solution.objective))
    assert report.evpi >= 0.0


@few
@given(st.integers(0, 1000), st.sampled_from(["mean", "p75", "always"]))
def test_a_way_out_of_the_shop_is_a_setting_that_works(seed, hold):
    model = shop(budget=30.0, service=95.0, hold=hold, seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    if solution.status is not Status.INFEASIBLE:
        return
    explanation = explain(model, solution, interpret(model, solution, check(model, solution)), lent=lent())
    assert explanation.conflicts
    assert set(explanation.conflicts[0].rules) <= {"budget", "service"}
    assert explanation.ways
    assert all(w.verified for w in explanation.ways)
    changed = {"budget": 30.0, "service": 95.0}
    for relaxation in explanation.ways[0].relaxations:
        key, _, value = relaxation.setting.partition("=")
        assert key in ("limits.budget.max", "limits.service.min")
        changed[key.split(".")[1]] = float(value.removesuffix("EUR").removesuffix("%"))
    again = solve_model(shop(hold=hold, seed=seed, **changed), EXACT, lent=lent())
    assert again.x is not None

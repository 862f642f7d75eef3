"""Laws of planning: looser is never dearer, conflicts are irreducible, ways lead out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Status
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.binding import relaxation
from dyocense_cli.kernel.explain.changes import Compared, sensitivities
from dyocense_cli.kernel.explain.conflict import conflicts
from dyocense_cli.kernel.explain.knobs import knobs, turned
from dyocense_cli.kernel.explain.probe import Prober
from dyocense_cli.kernel.explain.relax import ways
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.optimodel.activity import family
from dyocense_cli.optimodel.derive import with_params
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.ports import SolveLimits
from tests import shop as shops
from tests.toys import EXACT, lent, toy
from tests.unit.kernel.stress.test_stress import scenarios

seeds = st.integers(0, 10_000)
few = settings(max_examples=max(8, settings().max_examples // 4))


def objective(model: OptiModel) -> float:
    """Return the optimum, infinite when there is none."""
    solution = solve_model(model, EXACT, lent=lent())
    return np.inf if solution.objective is None else solution.objective


@few
@given(seeds, st.floats(5, 200), st.floats(0, 80))
def test_cost_never_rises_with_the_budget(seed, budget, more):
    assert objective(toy(budget + more, seed=seed)) <= objective(toy(budget, seed=seed)) + 1e-6


@few
@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_relaxing_a_rule_never_hurts(seed, service, less):
    assert objective(toy(80.0, service=service * less, seed=seed)) <= objective(toy(80.0, service=service, seed=seed)) + 1e-6


@few
@given(seeds, st.floats(1, 40), st.floats(0.6, 1.0))
def test_a_conflict_is_infeasible_and_loses_that_without_any_member(seed, budget, service):
    model = toy(budget, service=service, seed=seed)
    if objective(model) < np.inf:
        return
    for conflict in conflicts(model, Prober(lent().ground(model), lent())):
        assert conflict.proven
        stated = {"budget", "service", "room"}
        alone = [r for r in model.rules if family(r) in conflict.rules or family(r) not in stated]
        assert objective(replace(model, rules=tuple(alone))) == np.inf
        for member in conflict.rules:
            assert objective(replace(model, rules=tuple(r for r in alone if family(r) != member))) < np.inf


@few
@given(seeds, st.floats(1, 40), st.floats(0.6, 1.0))
def test_every_suggested_way_solves(seed, budget, service):
    model = toy(budget, service=service, seed=seed)
    if objective(model) < np.inf:
        return
    found = ways(model, Prober(lent().ground(model), lent()))
    assert found
    by_rule = {k.rule: k for k in knobs(model)}
    for way in found:
        assert way.verified
        loosened = model
        for loosening in way.relaxations:
            loosened = turned(by_rule[loosening.rule], loosening.to, loosened)
        assert objective(loosened) < np.inf


@few
@given(seeds, st.floats(1, 200))
def test_every_answer_passes_the_check(seed, budget):
    model = toy(budget, seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    assert solution.status is Status.OPTIMAL
    assert check(model, solution).violations == ()


@few
@given(seeds, st.floats(20, 200))
def test_a_start_changes_nothing_but_the_time(seed, budget):
    model = toy(budget, seed=seed)
    cold = solve_model(model, EXACT, lent=lent())
    warm = solve_model(model, EXACT, lent=lent(), start=cold.x)
    assert warm.objective == pytest.approx(cold.objective)


attitudes = st.sampled_from([("mean", "mean"), ("p75", "p95"), ("always", "cvar95"), ("mean", "worst")])


def bought(model: OptiModel, **given) -> float:
    """Return the optimum of a compiled shop, infinite when there is none."""
    solution = solve_model(model, EXACT, lent=shops.lent(), **given)
    return np.inf if solution.objective is None else solution.objective


@few
@given(st.integers(0, 1000), attitudes, st.floats(150, 900), st.floats(0, 400), st.integers(20, 95), st.integers(0, 20))
def test_a_looser_shop_is_never_dearer(seed, attitude, budget, more, service, less):
    kind = {"hold": attitude[0], "aggregation": attitude[1], "scenarios": 4, "seed": seed}
    tight = bought(shops.shop(budget=budget, service=service, **kind))
    slack = 1e-6 * (1 + abs(tight)) if np.isfinite(tight) else 0.0
    assert bought(shops.shop(budget=budget + more, service=service, **kind)) <= tight + slack
    assert bought(shops.shop(budget=budget, service=service - less, **kind)) <= tight + slack


@few
@given(st.integers(0, 1000), attitudes, st.floats(300, 2000), st.floats(0.7, 1.4))
def test_a_shop_planned_from_another_plan_costs_what_it_costs_cold(seed, attitude, budget, factor):
    kind = {"hold": attitude[0], "aggregation": attitude[1], "scenarios": 4, "seed": seed}
    model = shops.shop(budget=budget, **kind)
    other = solve_model(with_params(model, {"price": model.params["price"].data * factor}), EXACT, lent=shops.lent())
    assert bought(model, start=other.x) == pytest.approx(bought(model), rel=1e-6)


@few
@given(st.integers(0, 1000), st.floats(20, 200), st.floats(0, 0.9))
def test_care_and_knowledge_are_never_worth_less_than_nothing(seed, budget, service):
    model = toy(budget, service=service, seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    if solution.x is None:
        return
    report = stress(model, scenarios(2), solution, lent=lent())
    allowed = 1e-2 * (1 + abs(solution.objective))
    assert report.evpi is None or report.evpi >= -allowed
    assert report.vss is None or report.vss >= -allowed
    assert (report.evpi is not None and report.vss is not None) or report.notes


@few
@given(st.integers(0, 1000), attitudes, st.floats(300, 2000))
def test_what_a_change_of_price_or_least_order_does_is_told_and_true(seed, attitude, budget):
    model = shops.shop(budget=budget, hold=attitude[0], aggregation=attitude[1], scenarios=4, seed=seed)
    solution = solve_model(model, replace(EXACT, mip_gap=0.3), lent=shops.lent())
    if solution.x is None:
        return
    ground = shops.lent().ground(model)
    compared = Compared(model, ground, solution, relaxation(ground, solution, shops.lent())[0], shops.lent())
    told = {(s.name, s.change): s for s in sensitivities(model, compared, split_columns(model, solution.x))[0]}
    for name in ("price", "moq"):
        for change, factor in (("+10 %", 1.1), ("-10 %", 0.9)):
            changed = shops.lent().ground(with_params(model, {name: model.params[name].data * factor}))
            best = shops.lent().solve(changed, SolveLimits(gap=0.0)).objective
            one = told.get((name, change))
            if best is None:
                assert one is None or not one.resolved
                continue
            assert one is not None
            assert one.resolved
            slack = 1e-5 * (1 + abs(best))
            assert one.low - slack <= best - solution.objective <= one.high + slack

"""Scenarios that the objective does not look at are played as a buyer would: nothing is short while stock lies beside it."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.polish import polish
from dyocense_cli.kernel.optimizer.settle import settled
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.ports import SolveLimits
from tests.shop import lent, shop

OPTIONS = SolverOptions("highs", 60.0, 1e-6, 1, 7)


@pytest.mark.parametrize("aggregation", ["cvar90", "worst", "p75", "mean"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_recourse_is_that_of_lost_sales_in_every_scenario(aggregation: str, seed: int) -> None:
    model = shop(aggregation=aggregation, hold="always", service=40.0, scenarios=6, seed=seed)
    solution = solve_model(model, OPTIONS, lent=lent())
    assert solution.x is not None
    held = split_columns(model, solution.x)
    assert float(np.minimum(held["stock"], held["short"]).max()) <= 1e-6
    report = check(model, solution)
    assert report.ok
    assert report.objective == pytest.approx(solution.objective)


@pytest.mark.parametrize("aggregation", ["cvar90", "worst", "p75"])
def test_settling_keeps_the_plan_and_its_objective(aggregation: str) -> None:
    model, given = shop(aggregation=aggregation, scenarios=6, seed=5), lent()
    ground, limits = given.ground(model), SolveLimits(time_s=60.0, gap=1e-6)
    before = polish(ground, given.solve(ground, limits), limits, given.solve)
    after = settled(model, ground, before, limits, given)
    assert before.x is not None
    assert after.x is not None
    assert after.objective == pytest.approx(before.objective, rel=1e-7)
    for var in model.vars:
        if var.stage == 1:
            assert np.allclose(split_columns(model, after.x)[var.name], split_columns(model, before.x)[var.name], equal_nan=True)


def test_a_mean_is_left_as_it_is() -> None:
    model, given = shop(aggregation="mean", scenarios=4), lent()
    ground, limits = given.ground(model), SolveLimits(time_s=60.0, gap=1e-6)
    solution = given.solve(ground, limits)
    assert settled(model, ground, solution, limits, given) is solution

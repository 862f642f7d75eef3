"""What a plan reaches, in the terms of the goal's limits."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.reach import reached
from dyocense_cli.ports import Lent, SolveLimits
from tests.shop import lent, shop


@pytest.fixture(scope="module")
def solver() -> Lent:
    return lent()


@pytest.mark.parametrize("hold", ["mean", "always", "p75"])
def test_service_is_reached_as_a_fill_rate(solver: Lent, hold: str) -> None:
    model = shop(service=80.0, hold=hold, budget=400.0)
    solution = solver.solve(ground(model), SolveLimits(time_s=20.0, gap=1e-6))
    assert solution.x is not None
    values = split_columns(model, solution.x)
    demand = np.asarray(model.params["demand"].data)
    over = tuple(range(demand.ndim - 1))
    short = np.nan_to_num(values["short"]).sum(axis=over)
    rates = 1 - short / demand.sum(axis=over)
    found = reached(model, values)["service"]
    assert (found.asked, found.op, found.unit) == (pytest.approx(0.8), ">=", "fraction")
    if hold == "mean":
        assert found.value == pytest.approx(1 - short.mean() / demand.sum(axis=over).mean(), abs=1e-6)
    elif hold == "always":
        assert found.value == pytest.approx(rates.min(), abs=1e-6)
    else:
        assert found.value >= 0.8 - 1e-6
        assert np.isclose(rates, found.value, atol=1e-6).any()
        assert (rates >= found.value - 1e-6).mean() >= 0.75


def test_a_budget_is_reached_by_what_is_spent(solver: Lent) -> None:
    model = shop(budget=400.0)
    solution = solver.solve(ground(model), SolveLimits(time_s=20.0, gap=1e-6))
    assert solution.x is not None
    found = reached(model, split_columns(model, solution.x))["budget"]
    assert (found.asked, found.op, found.unit) == (400.0, "<=", "EUR")
    assert 0 < found.value <= 400.0 + 1e-6


def test_ending_stock_is_reached_in_periods_of_demand(solver: Lent) -> None:
    model = shop(cover=1.5)
    solution = solver.solve(ground(model), SolveLimits(time_s=20.0, gap=1e-6))
    assert solution.x is not None
    values = split_columns(model, solution.x)
    demand = np.asarray(model.params["demand"].data)  # sku, period, scenario
    left = np.nan_to_num(values["stock"]).reshape(demand.shape)[:, -1].mean(axis=-1)
    found = reached(model, values)["ending_stock"]
    assert (found.asked, found.op, found.unit) == (1.5, ">=", "periods")
    assert found.value == pytest.approx((left / demand.mean(axis=(1, 2))).min())
    assert found.value >= 1.5 - 1e-6


def test_a_switch_has_nothing_to_reach(solver: Lent) -> None:
    model = shop()
    solution = solver.solve(ground(model), SolveLimits(time_s=20.0, gap=1e-2))
    assert solution.x is not None
    assert "moq" not in reached(model, split_columns(model, solution.x))

"""HiGHS by arrays: statuses, limits, duals, interrupts."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.solution import Status, Termination
from dyocense_cli.errors import InputError
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.arrays import INF, ground

EXACT = SolveLimits(gap=0.0)


def knapsack(n: int = 40, seed: int = 3):
    """A market-split-like program that takes many nodes to prove."""
    rng = np.random.default_rng(seed)
    rows = [(rng.integers(1, 100, n), 0.0, float(n * 12)) for _ in range(5)]
    return ground(-rng.integers(50, 100, n), rows, upper=np.full(n, 1.0), integer=range(n))


def test_a_linear_program_has_its_optimum_and_prices():
    model = ground([-3, -5], [([1, 0], -INF, 4), ([0, 2], -INF, 12), ([3, 2], -INF, 18)])
    answer = HighsSolver().solve(model, EXACT)
    assert (answer.status, answer.termination, answer.gap) == (Status.OPTIMAL, Termination.PROVED, 0.0)
    assert answer.objective == pytest.approx(-36)
    assert answer.row_dual == pytest.approx([0, -1.5, -1])
    assert answer.col_dual == pytest.approx([0, 0])


def test_maximising_gives_the_same_plan_and_prices_with_the_other_sign():
    model = ground([3, 5], [([1, 0], -INF, 4), ([0, 2], -INF, 12), ([3, 2], -INF, 18)], sense="max")
    answer = HighsSolver().solve(model, EXACT)
    assert answer.objective == pytest.approx(36)
    assert answer.row_dual == pytest.approx([0, 1.5, 1])


def test_infeasible_and_unbounded_are_answers():
    impossible = ground([1], [([1], 2, INF)], upper=[1])
    endless = ground([-1], [([1], 0, INF)])
    endless_whole = ground([-1, 0], [([1, -1], 0, INF)], integer=[0])
    assert HighsSolver().solve(impossible, EXACT).status is Status.INFEASIBLE
    assert HighsSolver().solve(endless, EXACT).status is Status.UNBOUNDED
    assert HighsSolver().solve(endless_whole, EXACT).status is Status.UNBOUNDED


def test_contradictory_bounds_and_empty_models_never_reach_the_library():
    assert HighsSolver().solve(ground([1], lower=[2], upper=[1]), EXACT).status is Status.INFEASIBLE
    assert HighsSolver().solve(ground([], [([], 1, 2)]), EXACT).status is Status.INFEASIBLE
    empty = HighsSolver().solve(ground([], [([], 0, 2)], offset=3.0), EXACT)
    assert (empty.status, empty.objective) == (Status.OPTIMAL, 3.0)


def test_a_cost_that_is_not_finite_is_named():
    with pytest.raises(InputError, match="a cost that is not finite"):
        HighsSolver().solve(ground([float("nan")]), EXACT)


def test_a_plan_within_the_asked_gap_is_feasible_and_says_so():
    answer = HighsSolver().solve(knapsack(), SolveLimits(gap=0.2))
    assert (answer.status, answer.termination) == (Status.FEASIBLE, Termination.GAP_REACHED)
    assert answer.gap is not None
    assert 1e-6 < answer.gap <= 0.2


def test_a_node_limit_gives_the_same_bytes_every_time():
    answers = [HighsSolver().solve(knapsack(), SolveLimits(gap=0.0, nodes=1)) for _ in range(3)]
    assert {a.termination for a in answers} == {Termination.NODE_LIMIT}
    assert len({(a.x.tobytes(), a.objective, a.bound) for a in answers}) == 1
    assert all(a.reproducible for a in answers)


def test_a_time_limit_is_flagged_as_not_reproducible():
    answer = HighsSolver().solve(knapsack(200), SolveLimits(gap=0.0, time_s=0.0))
    assert answer.termination is Termination.TIME_LIMIT
    assert not answer.reproducible


def test_an_interrupt_keeps_the_best_plan_with_its_gap():
    seen = []

    def stop_at_first_plan(event):
        seen.append(event)
        return event.objective is not None

    answer = HighsSolver().solve(knapsack(300, seed=5), SolveLimits(gap=0.0, time_s=120.0), progress=stop_at_first_plan)
    assert answer.termination in (Termination.INTERRUPTED, Termination.PROVED)
    assert answer.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert answer.x is not None
    assert answer.gap is not None
    assert seen


def test_a_partial_start_is_completed():
    model = knapsack()
    best = HighsSolver().solve(model, SolveLimits(gap=0.01))
    part = np.where(np.arange(40) < 35, best.x, np.nan)
    assert HighsSolver().solve(model, SolveLimits(gap=0.5), start=part).objective <= best.objective + 1e-6


def test_ranging_says_how_far_a_price_holds():
    model = ground([-3, -5], [([1, 0], -INF, 4), ([0, 2], -INF, 12), ([3, 2], -INF, 18)])
    ranges = HighsSolver().solve(model, SolveLimits(ranging=True)).certificate
    assert ranges["row_range_low"][1] == pytest.approx(6)
    assert ranges["row_range_high"][1] == pytest.approx(18)

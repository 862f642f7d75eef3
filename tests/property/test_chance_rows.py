"""Rows that chances imply cut off no plan: the optimum with them is that without them, and the relaxation is never weaker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.quantile import Chance, chances, star, strengthened
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import SolveLimits
from tests.compiling import compiled, context, goal
from tests.compiling import scenarios as futures
from tests.shop import lent, shop
from tests.toys import EXACT

few = settings(max_examples=max(6, settings().max_examples // 6))
LIMITS = SolveLimits(gap=0.0, seed=1, duals=False)


def optimum(program: GroundModel) -> Solution:
    return lent().solve(program, LIMITS)


def bound(program: GroundModel) -> float:
    found = lent().solve(relaxed(program), SolveLimits(duals=False)).objective
    return -np.inf if found is None else found


@st.composite
def shops(draw: st.DrawFn) -> OptiModel:
    """Small shops with minimum orders, lots, order costs, lost or waiting demand, price breaks, and every attitude to risk."""
    count = draw(st.sampled_from([4, 5, 8]))
    return shop(
        budget=draw(st.sampled_from([120.0, 250.0, 2000.0])), service=draw(st.sampled_from([30.0, 60.0, 85.0])),
        hold=draw(st.sampled_from(["mean", "p75", "p80", "cvar80", "always"])), aggregation=draw(st.sampled_from(["mean", "p50", "p75", "p95", "cvar80"])),
        scenarios=count, seed=draw(st.integers(0, 500)), unmet=draw(st.sampled_from(["lost", "backorder"])), breaks=draw(st.booleans()),
    )  # fmt: skip


@few
@given(shops())
def test_the_optimum_with_the_rows_is_that_without_them(model: OptiModel) -> None:
    loose = lent().ground(model)
    tight = strengthened(loose, LIMITS, lent())
    assert (tight.rows == 0) or chances(loose)
    assert tight.ground.n_rows == loose.n_rows + tight.rows
    before, after = optimum(loose), optimum(tight.ground)
    assert after.status == before.status
    if before.objective is not None:
        assert after.objective == pytest.approx(before.objective, rel=1e-6, abs=1e-6)
        assert bound(loose) - 1e-6 <= bound(tight.ground) <= before.objective + 1e-6 * (1 + abs(before.objective))


@few
@given(shops())
def test_every_row_holds_at_the_best_plan_found_without_it(model: OptiModel) -> None:
    loose = lent().ground(model)
    tight = strengthened(loose, LIMITS, lent()).ground
    best = optimum(loose).x
    if best is not None:
        activity = np.bincount(tight.index, tight.value * np.repeat(best, np.diff(tight.start)), minlength=tight.n_rows)
        assert (activity >= tight.row_lower - 1e-5 * (1 + np.abs(activity))).all()


@few
@given(st.integers(0, 500), st.sampled_from([0.75, 0.9]), st.sampled_from([40.0, 70.0]))
def test_a_chance_rule_holds_in_scenarios_that_weigh_its_level(seed: int, level: float, service: float) -> None:
    count = 12
    model = shop(service=service, hold=f"p{level:.0%}".rstrip("%"), scenarios=count, seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    if solution.x is None:
        return
    assert check(model, solution).ok
    short = np.nansum(split_columns(model, solution.x)["short"], axis=(0, 1))
    demand = model.params["demand"].data.sum(axis=(0, 1))
    kept = short <= (1 - service / 100) * demand + 1e-5
    assert model.probability[kept].sum() >= level - 1e-9


def test_rows_with_equal_left_sides_become_exact() -> None:
    """Buy at least what is needed in scenarios of 0.8: the quantile of the need, without branching."""
    text = """
dsl: model/v1
dimensions: {item: {values: [paper]}, scenario: {scenarios: true}}
parameters: {demand: {dims: [item, scenario], from: outcomes.demand}}
variables: {buy: {dims: [item], bounds: {lower: 0, upper: 100}}}
constraints: {met: {dims: [item, scenario], expression: buy >= demand, hold: p80}}
objective: {sense: minimize, terms: {cost: sum(buy)}}
"""
    need = [float(n) for n in (3, 40, 8, 90, 20, 55, 31, 12, 70, 60)]
    world = context({"outcomes": {"item": ["paper"] * 10, "scenario": list(range(10)), "demand": need}})
    program = lent().ground(compiled(goal("objective: {cost: 1}\n"), text, world, futures(probability=[0.1] * 10)))
    assert bound(program) < 50
    assert bound(strengthened(program, LIMITS, lent()).ground) == pytest.approx(sorted(need)[7], abs=1e-3)


def test_the_star_leaves_out_what_may_be_missed_together() -> None:
    chance = Chance(np.array([1, 2, 3, 4]), np.full(4, 0.25), 0.5)
    found = star(chance, np.array([1.0, 0, 0, 0, 0]), np.array([10.0, 7.0, 4.0, 1.0]), np.array([0.0, 0.1, 0.2, 0.7, 1.0]))
    assert found is not None
    coefficients, value = found
    assert coefficients.toarray().tolist() == [[1.0, 3.0, 3.0, 0.0, 0.0]]
    assert value == pytest.approx(10.0)
    satisfied = np.array([4.0, 1.0, 1.0, 0.0, 0.0])
    assert star(chance, np.array([1.0, 0, 0, 0, 0]), np.array([10.0, 7.0, 4.0, 1.0]), satisfied) is None

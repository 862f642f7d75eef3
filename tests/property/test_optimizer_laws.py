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
from dyocense_cli.kernel.explain.conflict import conflicts
from dyocense_cli.kernel.explain.knobs import knobs, turned
from dyocense_cli.kernel.explain.probe import Prober
from dyocense_cli.kernel.explain.relax import ways
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.optimodel.activity import family
from tests.toys import EXACT, lent, toy

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
        for relaxation in way.relaxations:
            loosened = turned(by_rule[relaxation.rule], relaxation.to, loosened)
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

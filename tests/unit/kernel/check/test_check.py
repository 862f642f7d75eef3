"""Wrong solutions of every kind are caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.errors import InternalError
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.plan.interpret import interpret
from tests.toys import EXACT, lent, toy


@pytest.fixture(scope="module")
def solved():
    model = toy(40.0)
    return model, solve_model(model, EXACT, lent=lent())


def moved(solution: Solution, column: int, by: float) -> Solution:
    x = solution.x.copy()
    x[column] += by
    return replace(solution, x=x)


def kinds(model, solution):
    return {v.what for v in check(model, solution).violations}


def test_a_true_solution_passes_with_its_figures(solved):
    model, solution = solved
    report = check(model, solution)
    assert report.ok
    assert report.rows_checked == 12 + 1 + 1 + 6
    assert report.objective == pytest.approx(solution.objective)
    assert set(report.kpis["fill_rate_by_sku"]) == {"A", "B"}


def test_a_value_beyond_its_bound_is_caught(solved):
    model, solution = solved
    report = check(model, moved(solution, 0, -1.0 - solution.x[0]))
    assert report.violations[0].name == "lots[A,S1,t1]"
    assert "bound" in {v.what for v in report.violations}


def test_a_broken_integer_is_caught(solved):
    assert "integrality" in kinds(solved[0], moved(solved[1], 0, 0.01))


@pytest.mark.parametrize("column", range(9, 33))
def test_every_recourse_column_that_is_moved_breaks_a_row_or_a_bound(solved, column):
    assert {"row", "bound"} & kinds(solved[0], moved(solved[1], column, 0.01))


def test_a_wrong_objective_is_caught(solved):
    model, solution = solved
    assert "objective" in kinds(model, replace(solution, objective=solution.objective * 0.99))


def test_a_bound_better_than_the_plan_is_caught(solved):
    model, solution = solved
    assert "gap" in kinds(model, replace(solution, bound=solution.objective + 1.0))


def test_a_gap_smaller_than_the_true_one_is_caught(solved):
    model, solution = solved
    false = replace(solution, status=Status.FEASIBLE, termination=Termination.GAP_REACHED, bound=solution.objective * 0.8, gap=0.01)
    assert "gap" in kinds(model, false)
    assert "gap" not in kinds(model, replace(false, gap=0.2))


def test_optimal_without_proof_is_caught(solved):
    model, solution = solved
    assert "gap" in kinds(model, replace(solution, bound=None, gap=None))


def test_values_that_are_not_finite_are_caught(solved):
    model, solution = solved
    assert not check(model, moved(solution, 3, np.nan)).ok


def test_nothing_held_is_nothing_to_check(solved):
    nothing = Solution(Status.INFEASIBLE, Termination.PROVED, None, None, None, None)
    assert check(solved[0], nothing).ok


def test_no_plan_is_made_of_a_solution_that_does_not_hold(solved):
    model, solution = solved
    wrong = moved(solution, 0, 0.5)
    with pytest.raises(InternalError, match="the solver's answer does not hold"):
        interpret(model, wrong, check(model, wrong))

"""From solution to lines, figures and files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.plan.interpret import interpret
from dyocense_cli.kernel.plan.shape import solution_json
from tests.toys import EXACT, lent, toy


@pytest.fixture(scope="module")
def planned():
    model = toy(30.0)
    solution = solve_model(model, EXACT, lent=lent())
    return model, solution, interpret(model, solution, check(model, solution))


def test_lines_are_named_in_order_of_period(planned):
    _, _, plan = planned
    assert [s.line for s in plan.steps] == [f"PO-{n:04d}" for n in range(1, len(plan.steps) + 1)]
    assert [s.period for s in plan.steps] == sorted(s.period for s in plan.steps)
    assert plan.steps[0].date == "2026-11-30"


def test_lines_add_up_to_the_spend(planned):
    _, _, plan = planned
    assert sum(s.cost for s in plan.steps) == pytest.approx(plan.kpis["total_cost"])
    assert plan.activities["budget"] == pytest.approx(plan.kpis["total_cost"])


def test_a_budget_that_is_used_up_binds(planned):
    _, _, plan = planned
    assert plan.binding == ("budget",)
    assert plan.slacks["budget"] == pytest.approx(0.0)
    assert plan.limits["budget"] == 30.0


def test_lots_and_their_rounding_are_named():
    model = toy(200.0)
    solution = solve_model(model, EXACT, lent=lent())
    plan = interpret(model, solution, check(model, solution))
    line = next(s for s in plan.steps if s.keys["sku"] == "A")
    assert line.lots == line.qty / 5
    assert line.rounding.endswith("lots of 5")
    assert "price of 2 suppliers" in line.reason


def test_a_model_without_steps_lists_its_first_stage(planned):
    model, solution, _ = planned
    bare = replace(model, steps=None)
    plan = interpret(bare, solution, check(bare, solution))
    assert {s.keys["variable"] for s in plan.steps} == {"lots"}
    assert plan.steps[0].line == "V-0001"


def test_the_public_solution_has_the_fields_of_its_contract(planned):
    _, solution, plan = planned
    shape = solution_json(plan, solution)
    wanted = {"status", "gap", "kpis", "steps", "binding_constraints", "activities", "shadow_prices", "objective", "bound", "terms", "risk",
              "relaxations", "iis", "approximations", "seed", "backend"}  # fmt: skip
    assert wanted <= set(shape)
    assert {"sku", "supplier", "qty", "price", "period", "date", "cost", "reason", "line"} <= set(shape["steps"][0])


def test_no_solution_is_an_empty_plan(planned):
    nothing = Solution(Status.INFEASIBLE, Termination.PROVED, None, None, None, None)
    plan = interpret(planned[0], nothing, check(planned[0], nothing))
    assert (plan.status, plan.steps, plan.objective) == ("INFEASIBLE", (), None)

"""The plan in other futures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.stress.figures import attitude, interval
from dyocense_cli.kernel.stress.recourse import play
from dyocense_cli.kernel.stress.shape import stress_json
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.kernel.stress.worlds import as_planned, bare, rebound, single
from dyocense_cli.optimodel.evaluate import split_columns
from tests.toys import EXACT, lent, toy


def scenarios(count: int, seed: int = 1) -> ScenarioSet:
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 15, (2, 1, 3, count)).astype(float)
    lead = rng.uniform(0, 12, (2, count))
    return ScenarioSet(
        periods=("t1", "t2", "t3"),
        scenario_ids=tuple(range(count)),
        probability=np.full(count, 1 / count),
        tables={
            "demand": ScenarioTable(
                ("sku", "location", "period", "scenario"),
                {"sku": ("A", "B"), "location": ("main",), "period": ("t1", "t2", "t3")},
                demand,
            ),
            "lead_days": ScenarioTable(("supplier", "scenario"), {"supplier": ("S1", "S2")}, lead),
        },
    )


@pytest.fixture(scope="module")
def stressed():
    model = toy(40.0)
    solution = solve_model(model, EXACT, lent=lent())
    sets = replace(scenarios(2), full=scenarios(30), fresh=scenarios(40, seed=2))
    return model, solution, stress(model, sets, solution, lent=lent())


def test_the_planned_scenarios_cost_what_the_solver_said(stressed):
    _, solution, report = stressed
    assert report.sets["in_sample"]["cost_mean"] == pytest.approx(solution.objective)
    assert report.sets["in_sample"]["rules_kept"] == 1.0


def test_every_set_has_its_figures_and_its_scenarios(stressed):
    report = stressed[2]
    assert [len(report.costs[s]) for s in ("in_sample", "full", "fresh")] == [2, 30, 40]
    for figures in report.sets.values():
        assert figures["cost_p5"] <= figures["cost_mean"] <= figures["cost_cvar95"] <= figures["cost_worst"] + 1e-9
        assert 0.0 <= figures["service_worst"] <= figures["service_mean"] <= 1.0


def test_recourse_is_the_best_of_each_scenario_by_itself(stressed):
    model, solution, report = stressed
    world = rebound(model, scenarios(30), "full")
    values = {"plan": split_columns(model, solution.x)}
    for w in (0, 7, 29):
        one = replace(world, probability=np.ones(1), params={n: v[..., [w]] for n, v in world.params.items()})
        assert play(bare(model), [one], values, lent()).costs["full"][0] == pytest.approx(report.costs["full"][w])


def test_lead_days_become_whole_periods():
    world = rebound(toy(), scenarios(5), "fresh")
    assert np.array_equal(world.params["lead"], np.ceil(scenarios(5).tables["lead_days"].values / 7))
    assert world.params["demand"].shape == (2, 3, 5)


def test_rebinding_the_planned_set_gives_the_planned_parameters():
    model = toy()
    tables = scenarios(2).tables
    same = {
        "demand": replace(tables["demand"], values=model.params["demand"].data[:, None]),
        "lead_periods": ScenarioTable(("supplier", "scenario"), {"supplier": ("S1", "S2")}, model.params["lead"].data.astype(float)),
    }
    world = rebound(model, replace(scenarios(2), tables=same), "again")
    planned = as_planned(model)
    assert all(np.array_equal(world.params[n], planned.params[n]) for n in planned.params)


def test_shocks_are_named_and_hurt(stressed):
    shocks = stressed[2].shocks
    assert set(shocks) == {"demand +20 %", "demand -20 %", "lead time +1 period", "supplier S1 out", "price +10 %"}
    assert shocks["demand +20 %"]["cost_delta"] > 0
    assert shocks["supplier S1 out"]["cost_mean"] >= stressed[2].sets["in_sample"]["cost_mean"]


def test_more_information_and_more_care_are_never_worth_less_than_nothing(stressed):
    assert stressed[2].vss >= 0.0
    assert stressed[2].evpi >= 0.0


@pytest.mark.parametrize("seed", range(12))
def test_evpi_and_vss_are_not_negative_or_a_reason_is_named(seed):
    model = toy(50.0, seed=seed)
    solution = solve_model(model, EXACT, lent=lent())
    report = stress(model, scenarios(2), solution, lent=lent())
    low, high = report.evpi_interval
    assert 0.0 <= low <= high == report.evpi
    assert report.vss >= 0.0 if report.vss is not None else any("VSS has no price" in n for n in report.notes)
    assert not any("as good as" in n for n in report.notes) or report.vss == 0.0
    foresight = [solve_model(single(bare(model), w), EXACT, lent=lent()).objective for w in range(2)]
    worth = solution.objective - float(np.array(foresight) @ model.probability)
    assert low - 1e-2 * (1 + abs(solution.objective)) <= worth <= high + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_what_the_average_plan_costs_does_not_depend_on_the_plan_in_hand(seed):
    """A search that started from the plan and stopped early would hand it back, and VSS would be 0 whatever the truth."""
    model = toy(500.0, seed=seed)
    best = solve_model(model, EXACT, lent=lent())
    other = solve_model(toy(60.0, seed=seed), EXACT, lent=lent())
    reports = [stress(model, scenarios(2), plan, lent=lent()) for plan in (best, other)]
    average = [r.sets["in_sample"]["cost_mean"] + r.vss for r in reports]
    assert reports[0].vss > 0.0
    assert average[1] == pytest.approx(average[0]) or reports[1].vss == 0.0


def test_a_model_of_one_scenario_says_why_there_is_no_vss_and_no_evpi():
    model = single(toy(50.0), 0)
    report = stress(model, scenarios(1), solve_model(model, EXACT, lent=lent()), lent=lent())
    assert (report.vss, report.evpi, report.evpi_interval) == (None, None, None)
    assert {"VSS is not known: the model has one scenario", "EVPI is not known: the model has one scenario"} <= set(report.notes)


@pytest.mark.parametrize("columns", [1, 60, 400])
def test_scenarios_played_in_batches_cost_what_they_cost_together(stressed, columns):
    model, solution, _ = stressed
    plain, decisions = bare(model), {"plan": split_columns(model, solution.x)}
    worlds = [as_planned(plain), rebound(plain, scenarios(30), "full")]
    together, apart = play(plain, worlds, decisions, lent()), play(plain, worlds, decisions, lent(), columns=columns)
    for world in ("in_sample", "full"):
        assert apart.costs[world] == pytest.approx(together.costs[world])
        assert (apart.kept[world] == together.kept[world]).all()
        assert apart.services.keys() == together.services.keys()
        assert apart.stockouts[world] == pytest.approx(together.stockouts[world])


def test_the_interval_covers_the_difference_of_the_means(stressed):
    low, high = stressed[2].gap_interval
    difference = np.mean(stressed[2].costs["fresh"]) - stressed[2].sets["in_sample"]["cost_mean"]
    assert low <= difference <= high


def test_a_rule_that_cannot_hold_gives_way_and_is_counted():
    model = toy(40.0)
    model = replace(
        model,
        rules=(*model.rules, replace(model.rules[3], name="full_shelf", origin="full_shelf", expr="sum(short, over=sku) <= 0", relax=1.0)),
        params=model.params,
    )
    base = toy(40.0)
    solution = solve_model(base, EXACT, lent=lent())
    report = stress(model, scenarios(2), solution, lent=lent())
    assert report.sets["in_sample"]["rules_kept"] < 1.0
    assert report.sets["in_sample"]["cost_mean"] == pytest.approx(solution.objective)


def test_a_set_that_cannot_be_bound_is_named():
    model = toy(40.0)
    bare = replace(model, params={**model.params, "demand": replace(model.params["demand"], source="")})
    report = stress(bare, replace(scenarios(2), full=scenarios(9)), solve_model(bare, EXACT, lent=lent()), lent=lent())
    assert "full" not in report.sets
    assert any("the full set was not played" in n for n in report.notes)


def test_stock_out_probability_is_a_share_per_sku(stressed):
    chances = stressed[2].stockout_probability
    assert set(chances) == {"A", "B"}
    assert all(0.0 <= p <= 1.0 for p in chances.values())


def test_attitudes_order_as_they_should():
    costs, weight = np.arange(1.0, 21.0), np.full(20, 0.05)
    assert attitude(costs, weight, "mean") < attitude(costs, weight, "p95") < attitude(costs, weight, "cvar95")
    assert attitude(costs, weight, "worst") == 20.0
    assert interval(costs[:1], 0.0) is None


def test_the_public_form_has_plain_lists(stressed):
    shape = stress_json(stressed[2])
    assert isinstance(shape["costs"]["full"], list)
    assert len(shape["gap_interval"]) == 2

"""Why a plan, why none, and ways out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dyocense_cli.artifacts.optimodel import Hints, Rule
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.binding import LARGE, relaxation
from dyocense_cli.kernel.explain.explain import explain
from dyocense_cli.kernel.explain.knobs import coefficients, knobs, setting, turned
from dyocense_cli.kernel.explain.shape import explanation_json
from dyocense_cli.kernel.explain.words import amount, quantity, sentence
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.plan.interpret import interpret
from tests.toys import EXACT, lent, toy, with_param

SHARE = Rule(
    "share",
    (),
    "sum(spend where supplier == 'S2') >= 0.9 * sum(spend)",
    origin="share",
    source="goal:/constraints/share",
    relax=2.0,
    intent="Buy from S2",
)
MANY_B = Rule("many_b", (), "sum(order where sku == 'B') >= 60", origin="many_b", source="goal:/constraints/many_b", relax=None)
SMALL_LOTS = Rule(
    "small_lots", ("sku", "supplier", "period"), "lots <= 2", origin="moq", source="goal:/limits/moq", limit="moq", where="price"
)


def explained(model):
    solution = solve_model(model, EXACT, lent=lent())
    plan = interpret(model, solution, check(model, solution))
    return solution, plan, explain(model, solution, plan, lent=lent())


@pytest.fixture(scope="module")
def tight():
    model = replace(toy(40.0), hints=Hints(("budget",), ("price", "lot")))
    return model, *explained(model)


def test_a_binding_budget_has_a_price_a_sentence_and_its_place(tight):
    rule = tight[3].binding[0]
    assert (rule.name, rule.source, rule.sentence) == ("budget", "goal:/limits/budget", "Spend 40 EUR of 40 EUR")
    assert rule.price > 0


def test_a_price_from_the_relaxation_is_said_to_be_one(tight):
    assert any("linear relaxation" in n for n in tight[3].notes)


def test_no_linear_relaxation_of_a_large_model_is_solved_and_a_note_says_so(tight):
    model, solution, _, _ = tight
    ground = lent().ground(model)
    more = LARGE + 1 - ground.n_cols
    wide = replace(
        ground, cost=np.pad(ground.cost, (0, more)), lower=np.pad(ground.lower, (0, more)), upper=np.pad(ground.upper, (0, more)),
        integrality=np.pad(ground.integrality, (0, more)), start=np.pad(ground.start, (0, more), mode="edge"),
    )  # fmt: skip
    held, said = relaxation(wide, solution, lent())
    assert held is solution
    assert said[0].startswith("the linear relaxation of 100,001 columns was not solved")
    assert relaxation(ground, solution, lent())[0].objective <= solution.objective


def test_dearer_prices_cost_more_and_a_looser_budget_saves(tight):
    by = {(s.name, s.change): s for s in tight[3].sensitivities}
    assert by["price", "+10 %"].delta > 0 > by["price", "-10 %"].delta
    assert by["budget", "40 -> 44"].delta <= 0
    assert all(s.resolved for s in tight[3].sensitivities)


def test_a_sensitivity_is_what_solving_the_changed_model_says(tight):
    model, solution, _, explanation = tight
    looser = solve_model(with_param(model, "budget_max", 44.0), EXACT, lent=lent())
    delta = next(s.delta for s in explanation.sensitivities if s.name == "budget")
    assert delta == pytest.approx(looser.objective - solution.objective)


def test_every_line_names_its_alternative(tight):
    _, _, plan, explanation = tight
    assert set(explanation.alternatives) == {s.line for s in plan.steps}
    for step in plan.steps:
        said = explanation.alternatives[step.line]
        assert ("next supplier is" in said) == (step.keys["sku"] == "A")
        assert ("no other supplier" in said) == (step.keys["sku"] == "B")


def test_leaving_a_line_out_never_saves_in_an_optimal_plan(tight):
    for said in tight[3].alternatives.values():
        if "(solved)" in said:
            assert "more (solved)" in said


def test_budget_and_service_are_named_as_the_conflict():
    _, _, explanation = explained(toy(20.0, service=0.9))
    conflict = explanation.conflicts[0]
    assert conflict.rules == ("budget", "service")
    assert conflict.sources == ("goal:/limits/budget", "goal:/limits/service")
    assert conflict.rows == ("budget", "service")
    assert conflict.proven
    assert "20 EUR" in conflict.sentences[0]


def test_ways_are_cheapest_first_with_their_setting():
    _, _, explanation = explained(toy(20.0, service=0.9))
    assert [[r.setting for r in w.relaxations] for w in explanation.ways] == [
        ["limits.service.min=0.5128"],
        ["limits.service.min=0.7179", "limits.budget.max=36"],
        ["limits.budget.max=65"],
    ]
    assert [w.cost for w in explanation.ways] == sorted(w.cost for w in explanation.ways)


def test_a_share_is_loosened_just_as_far_as_needed():
    model = replace(toy(200.0), rules=(*toy().rules, SHARE, MANY_B))
    _, _, explanation = explained(model)
    assert set(explanation.conflicts[0].rules) == {"room", "share", "many_b"}
    way = next(w for w in explanation.ways if w.relaxations[0].rule == "share")
    assert way.verified
    tighter = turned(next(k for k in knobs(model) if k.rule == "share"), way.relaxations[0].to + 0.01)
    assert solve_model(tighter, EXACT, lent=lent()).x is None


def test_a_switch_is_turned_off_with_one_setting():
    model = replace(toy(200.0), rules=(*toy().rules, SMALL_LOTS, replace(MANY_B, expr="sum(order where sku == 'B') >= 10")))
    _, _, explanation = explained(model)
    assert set(explanation.conflicts[0].rules) == {"moq", "many_b"}
    assert explanation.ways[0].relaxations[0].setting == "limits.moq=false"


def test_a_conflict_of_whole_numbers_alone_is_found():
    five = Rule("five", (), "sum(order where sku == 'A') >= 11", origin="five", source="goal:/constraints/five")
    four = Rule("four", (), "sum(order where sku == 'A') <= 14", origin="four", source="goal:/constraints/four")
    _, _, explanation = explained(replace(toy(500.0), rules=(*toy().rules, five, four)))
    assert explanation.conflicts[0].rules == ("five", "four")
    assert explanation.conflicts[0].proven


def test_a_second_independent_conflict_is_found_too():
    more = Rule("more", (), "sum(order where sku == 'A') >= 20", origin="more", source="goal:/constraints/more")
    less = Rule("less", (), "sum(order where sku == 'A') <= 10", origin="less", source="goal:/constraints/less")
    _, _, explanation = explained(replace(toy(20.0, service=0.9), rules=(*toy(20.0, service=0.9).rules, more, less)))
    pairs = [set(c.rules) for c in explanation.conflicts]
    assert {"more", "less"} in pairs
    assert len(pairs) == 2
    assert not pairs[0] & pairs[1]


def test_policy_is_never_suggested_for_loosening_but_its_price_is_told():
    denied = Rule("POL-V001", (), "sum(order where supplier == 'S1') <= 0", origin="POL-V001", source="policy:vendors", relax=None)
    solution, _, explanation = explained(replace(toy(60.0), rules=(*toy(60.0).rules, denied)))
    cost = next(s for s in explanation.sensitivities if s.name == "POL-V001")
    assert cost.delta < 0
    free = solve_model(toy(60.0), EXACT, lent=lent())
    assert cost.delta == pytest.approx(free.objective - solution.objective)
    assert all(k.rule != "POL-V001" for k in knobs(replace(toy(), rules=(*toy().rules, denied))))


def test_an_endless_gain_is_named():
    model = toy()
    endless = replace(model, rules=model.rules[1:2], terms=(replace(model.terms[0], expr="mean(0 - sum(stock))"),))
    _, _, explanation = explained(endless)
    assert explanation.unbounded_ray[0] == "stock[A,t1,0] can grow without end; each unit gains 0.5"


def test_knobs_know_which_way_they_loosen():
    by = {k.rule: k for k in knobs(toy())}
    assert coefficients(by["budget"])["budget"] == pytest.approx(1.0)
    assert coefficients(by["service"])["service"] < 0
    assert setting(by["service"], 0.875) == "limits.service.min=0.875"
    share = next(k for k in knobs(replace(toy(), rules=(*toy().rules, SHARE))) if k.rule == "share")
    assert coefficients(share) is None
    assert setting(share, 0.5).endswith("0.5 * sum(spend)")


def test_sentences_fill_their_slots():
    rule = replace(toy().rules[1], intent="Spend {activity} of {limit} in {period}; {slack} is left at {price}")
    assert sentence(rule, {"period": "t2"}, {"activity": 1234.5, "limit": 2000.0, "slack": 765.5, "price": 0.25}, currency="EUR") == (
        "Spend 1,234.50 EUR of 2,000 EUR in t2; 765.50 EUR is left at 0.25 EUR"
    )
    assert sentence(rule).startswith("Spend … of … in each period")
    assert (amount(0.123456), quantity(0.95, "fraction")) == ("0.1235", "95 %")


def test_the_public_form_names_places(tight):
    shape = explanation_json(tight[3], {"goal:/limits/budget": "goals/x.yaml:17:3"})
    assert shape["binding"][0]["source"] == "goals/x.yaml:17:3"
    _, _, none = explained(toy(20.0, service=0.9))
    assert explanation_json(none, {})["conflicts"][0]["proven_irreducible"] is True

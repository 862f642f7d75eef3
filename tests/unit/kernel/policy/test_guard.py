"""A finished plan and each suggested relaxation are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dyocense_cli.artifacts.plan import Explanation, Plan, Relaxation, Step, Way
from dyocense_cli.artifacts.policy import Principal, Verdict
from dyocense_cli.kernel.policy.guard import guard
from dyocense_cli.kernel.policy.judge import judged
from tests.unit.kernel.policy.world import GOAL, context_of, goal_of, pack_engine

PLAN = Plan(
    "OPTIMAL",
    "proved",
    900.0,
    900.0,
    0.0,
    currency="EUR",
    steps=(
        Step("PO-0001", {"sku": "MILK", "supplier": "V1", "period": "t1"}, 100.0, 1.2, 120.0, period="t1"),
        Step("PO-0002", {"sku": "MILK", "supplier": "V1", "period": "t2"}, 500.0, 1.2, 600.0, period="t2"),
        Step("PO-0003", {"sku": "RYE", "supplier": "V4", "period": "t2"}, 100.0, 2.0, 200.0, period="t2"),
    ),
)


def _guard(tmp_path: Path, data: dict[str, Any], *relaxations: Relaxation, plan: Plan = PLAN, text: str = GOAL) -> Verdict:
    engine = pack_engine(tmp_path, data)
    goal = goal_of(text)
    explanation = Explanation(ways=tuple(Way((r,), 1.0, verified=True) for r in relaxations))
    return guard(
        goal,
        context_of(goal),
        plan,
        explanation,
        Principal(),
        decide=engine.decide,
        snapshot="sha256:1",
        engine="opa_wasm 1",
        as_of="2026-11-28",
    )


def _caps(*caps: dict[str, Any]) -> dict[str, Any]:
    return {"spend": {"caps": {"*": [{"currency": "EUR", **c} for c in caps]}}}


def test_a_plan_that_keeps_the_rules_is_allowed(tmp_path: Path) -> None:
    verdict = _guard(
        tmp_path, _caps({"max": 920}, {"max": 800, "over": "period"}, {"max": 720, "category": "dairy"}, {"max": 200, "supplier": "V4"})
    )
    assert verdict.allow
    assert verdict.findings == ()


def test_an_order_from_a_denied_supplier_refuses_the_plan(tmp_path: Path) -> None:
    verdict = _guard(tmp_path, {"vendors": {"deny": [{"supplier": "V4", "reason": "recall"}]}})
    assert not verdict.allow
    assert verdict.denied == ("POL-V001",)
    assert verdict.findings[0].pointer == "/constraints/keep_v4/expression"


def test_each_kind_of_cap_is_held_against_the_spend(tmp_path: Path) -> None:
    verdict = _guard(
        tmp_path,
        _caps(
            {"max": 919},
            {"max": 799, "over": "period"},
            {"max": 719, "category": "dairy"},
            {"max": 199, "supplier": "V4", "over": "period"},
        ),
    )
    assert verdict.denied == ("POL-S001", "POL-S002", "POL-S003", "POL-S004")
    assert [f.message for f in verdict.findings] == [
        "the plan's spend is 920 EUR, over the spend cap of 919 EUR",
        "the spend of t2 is 800 EUR, over the cap of 799 EUR per period",
        "the spend on category dairy is 720 EUR, over the cap of 719 EUR",
        "the spend on supplier V4 in t2 is 200 EUR, over the cap of 199 EUR",
    ]


def test_a_spend_within_the_solvers_tolerance_is_within_the_cap(tmp_path: Path) -> None:
    assert _guard(tmp_path, _caps({"max": 919.9999})).allow


def test_nothing_held_is_nothing_to_refuse(tmp_path: Path) -> None:
    empty = Plan("INFEASIBLE", "proved", None, None, None)
    assert _guard(tmp_path, _caps({"max": 0}), plan=empty).allow


def test_each_relaxation_is_judged_under_its_setting(tmp_path: Path) -> None:
    small = Relaxation("budget", 4000.0, 4500.0, "EUR", "limits.budget.max=4500EUR")
    large = Relaxation("budget", 4000.0, 40000.0, "EUR", "limits.budget.max=40000EUR")
    hard = Relaxation("keep_v4", 10.0, 9.0, "EUR")
    policy = Relaxation("POL-S001", 5000.0, 5100.0, "EUR", "x")
    verdict = _guard(tmp_path, _caps({"max": 5000}), small, large, hard, policy)
    assert verdict.allow
    assert verdict.relaxations == {
        "keep_v4": False,
        "limits.budget.max=40000EUR": False,
        "limits.budget.max=4500EUR": True,
        "x": False,
    }
    assert {f.id for f in verdict.findings} == {"POL-R001", "POL-R002", "POL-R004"}
    assert "budget would move from 4,000 to 40,000; tier pro allows a change by 1 of it" in {f.message for f in verdict.findings}


def test_a_verdict_stands_beside_each_suggestion(tmp_path: Path) -> None:
    small = Relaxation("budget", 4000.0, 4500.0, "EUR", "limits.budget.max=4500EUR")
    large = Relaxation("budget", 4000.0, 40000.0, "EUR", "limits.budget.max=40000EUR")
    explanation = Explanation(ways=(Way((small, large), 1.0, verified=True),))
    verdict = _guard(tmp_path, {}, small, large)
    (way,) = judged(explanation, verdict).ways
    assert [r.allowed for r in way.relaxations] == [True, False]
    assert way.relaxations[0].verdict == ""
    assert way.relaxations[1].verdict == "POL-R002 budget would move from 4,000 to 40,000; tier pro allows a change by 1 of it"
    assert {f.severity for f in verdict.findings} == {"info"}
    for unasked in (None, Verdict(allow=True, evaluated=False)):
        assert judged(explanation, unasked) == explanation
    assert [r.allowed for r in judged(explanation, Verdict(allow=True)).ways[0].relaxations] == [False, False]


def test_a_verdict_that_forgets_a_relaxation_does_not_allow_it(tmp_path: Path) -> None:
    engine = pack_engine(tmp_path)
    goal = goal_of()
    one = Explanation(ways=(Way((Relaxation("budget", 1.0, 1.1, None),), 1.0, verified=True),))

    def forgetful(document: Any) -> Any:
        return engine.decide({**document, "relaxations": []})

    verdict = guard(goal, context_of(goal), PLAN, one, Principal(), decide=forgetful, snapshot="s")
    assert verdict.relaxations == {"budget": False}

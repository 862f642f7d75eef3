"""Laws of the difference of two plans."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.artifacts.plan import Plan, Step
from dyocense_cli.kernel.plan.diff import diff_plans, patch

LINES = st.lists(
    st.tuples(
        st.sampled_from("AB"), st.sampled_from(["S1", "S2"]), st.sampled_from(["t1", "t2", "t3"]), st.integers(1, 4), st.integers(1, 3)
    ),
    max_size=8,
    unique_by=lambda line: line[:3],
)


def _plan(lines: list[tuple[str, str, str, int, int]]) -> Plan:
    steps = tuple(
        Step(
            f"{sku}-{who}-{period}-{qty}-{price}",
            {"sku": sku, "supplier": who, "period": period},
            float(qty),
            float(price),
            float(qty * price),
            period,
        )
        for sku, who, period, qty, price in sorted(lines)
    )
    return Plan(
        "OPTIMAL", "proved", sum(s.cost or 0.0 for s in steps), None, None, steps, kpis={"total_cost": sum(s.cost or 0.0 for s in steps)}
    )


@given(LINES, LINES)
def test_the_difference_applied_to_the_old_plan_gives_the_new_one(old: list, new: list) -> None:
    before, after = _plan(old), _plan(new)
    assert patch(before, diff_plans(before, after)) == sorted(after.steps, key=lambda s: s.line)


@given(LINES, LINES)
def test_the_costs_of_the_changes_sum_to_the_difference_of_spend_and_kpi(old: list, new: list) -> None:
    before, after = _plan(old), _plan(new)
    found = diff_plans(before, after)
    spend = sum(s.cost or 0.0 for s in after.steps) - sum(s.cost or 0.0 for s in before.steps)
    assert math.isclose(found.spend, spend, abs_tol=1e-9)
    assert math.isclose(sum((b or 0.0) - (a or 0.0) for n, a, b in found.kpis if n == "total_cost"), spend, abs_tol=1e-9)
    assert 0.0 <= found.churn <= 1.0


@given(LINES)
def test_a_plan_does_not_differ_from_itself(lines: list) -> None:
    plan = _plan(lines)
    found = diff_plans(plan, plan)
    assert (found.changes, found.kpis, found.spend, found.churn) == ((), (), 0.0, 0.0)


def test_each_kind_of_change_has_its_name() -> None:
    old = _plan(
        [("A", "S1", "t1", 1, 1), ("A", "S1", "t2", 2, 1), ("A", "S2", "t1", 3, 1), ("B", "S1", "t1", 4, 1), ("B", "S2", "t3", 1, 1)]
    )
    new = _plan(
        [("A", "S1", "t1", 1, 2), ("A", "S1", "t3", 2, 1), ("A", "S2", "t1", 4, 1), ("B", "S1", "t1", 4, 1), ("B", "S2", "t1", 3, 1)]
    )
    found = diff_plans(old, new)
    assert [(c.what, c.keys["sku"], c.keys["supplier"]) for c in found.changes] == [
        ("repriced", "A", "S1"), ("moved", "A", "S1"), ("resized", "A", "S2"), ("removed", "B", "S2"), ("added", "B", "S2"),
    ]  # fmt: skip
    assert found.unchanged == 1

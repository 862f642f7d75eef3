"""Each line of a plan that changed has a cause: a row that touches it, another offer, the goal, a rule, or the rest."""

from __future__ import annotations

import pytest

from dyocense_cli.artifacts.plan import Step
from dyocense_cli.kernel.plan.diff import LineChange
from dyocense_cli.runner.causes import causes
from dyocense_cli.runner.changes import Change

ROW = Change("offers.csv row 3 price", "1", "2", {"sku": "A", "supplier": "S1"})
LEAD = Change("suppliers.csv row 1 lead_days", "2", "9", {"supplier": "S1", "region": "local"})
LIMIT = Change("limits.budget.max", "80 EUR", "70 EUR")


def line(sku: str, supplier: str) -> LineChange:
    return LineChange("added", None, Step("PO-0001", {"sku": sku, "supplier": supplier, "period": "t1"}, 1.0), 1.0)


@pytest.mark.parametrize(
    ("lines", "inputs", "binding", "said"),
    [
        ([line("A", "S1")], {"context": [LEAD, ROW]}, {}, ["offers.csv row 3 price 1 → 2 and 1 more"]),
        ([line("B", "S1")], {"context": [LEAD, ROW]}, {}, ["suppliers.csv row 1 lead_days 2 → 9"]),
        ([line("A", "S2")], {"context": [ROW]}, {}, ["another offer: offers.csv row 3 price 1 → 2"]),
        ([line("B", "S2"), line("B", "S1")], {"context": [LEAD]}, {}, ["another offer: suppliers.csv row 1 lead_days 2 → 9", "suppliers.csv row 1 lead_days 2 → 9"]),
        ([line("C", "S2")], {"context": [ROW], "goal": [LIMIT]}, {}, ["limits.budget.max 80 EUR → 70 EUR"]),
        ([line("C", "S2")], {"context": [ROW]}, {"newly": ["budget"]}, ["rule budget binds now"]),
        ([line("C", "S2")], {"context": [ROW]}, {"newly": [], "no_longer": ["storage"]}, ["rule storage no longer binds"]),
        ([line("C", "S2")], {"context": [ROW]}, {}, ["follows from the other changes"]),
    ],
)
def test_the_cause_of_a_line(lines: list[LineChange], inputs: dict[str, list[Change]], binding: dict[str, list[str]], said: list[str]) -> None:
    assert causes(lines, inputs, binding) == said

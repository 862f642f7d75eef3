"""Fronts between two aims."""

from __future__ import annotations

import pytest

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optimizer.pareto import pareto, pareto_json
from tests.toys import EXACT, lent, toy


@pytest.fixture(scope="module")
def front():
    return pareto(toy(200.0), ("cost", "shortage"), EXACT, lent=lent(), points=6)


def test_one_aim_rises_as_the_other_falls(front):
    costs, shortages = [p.values["cost"] for p in front], [p.values["shortage"] for p in front]
    assert len(front) >= 4
    assert costs == sorted(costs)
    assert shortages == sorted(shortages, reverse=True)


def test_ends_are_the_best_of_each_aim(front):
    assert front[0].values["cost"] == pytest.approx(0.0)
    assert front[-1].values["shortage"] == min(p.values["shortage"] for p in front)


def test_no_plan_breaks_its_cap(front):
    assert all(p.cap is None or p.values["shortage"] <= p.cap + 1e-6 for p in front)


def test_an_unknown_aim_names_the_known_ones():
    with pytest.raises(InputError, match="no term `co2`"):
        pareto(toy(), ("cost", "co2"), EXACT, lent=lent())


def test_no_front_without_a_plan():
    assert pareto(toy(1.0, service=1.0), ("cost", "shortage"), EXACT, lent=lent()) == ()


def test_programs_get_plain_values(front):
    assert pareto_json(front)[0]["cap"] is None

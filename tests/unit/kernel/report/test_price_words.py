"""What one unit of a rule is worth, in the direction in which loosening it goes."""

from __future__ import annotations

import pytest

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import BindingRule, Plan, Reached
from dyocense_cli.kernel.report.numbers import amount, is_share
from dyocense_cli.kernel.report.words import price_words
from tests.shop import shop


@pytest.fixture(scope="module")
def model() -> OptiModel:
    return shop(service=80.0, budget=400.0)


def bound(name: str, price: float, unit: str | None = "each") -> BindingRule:
    return BindingRule(name, 1.0, 1.0, 0.0, price, unit, name, f"goal:/limits/{name}")


def plan(**reached: Reached) -> Plan:
    return Plan("OPTIMAL", "proved", 1.0, 1.0, 0.0, currency="EUR", reached=reached)


def test_more_of_a_limit_and_less_of_a_demand_save(model: OptiModel) -> None:
    assert price_words(bound("budget", 0.31, "EUR"), model, plan()) == "one more EUR saves 0.31 EUR"
    asked = plan(service=Reached(0.8, 0.8, ">=", "fraction"))
    assert price_words(bound("service", 0.0758), model, asked) == "one unit less saves 0.0758 EUR"


def test_a_price_of_an_equality_may_cost(model: OptiModel) -> None:
    assert price_words(bound("balance", -2.5), model, plan()) == "one more unit costs 2.5 EUR"
    assert price_words(bound("balance", 0.0), model, plan()) == "a small change of the limit changes nothing"


@pytest.mark.parametrize(
    ("value", "text"), [(200.8, "200.80 EUR"), (12345.678, "12,345.68 EUR"), (0.035, "0.035 EUR"), (0.00001234567, "0.00001235 EUR"), (0.0, "0.00 EUR")]
)
def test_an_amount_has_the_digits_that_tell_something(value: float, text: str) -> None:
    assert amount(value, "EUR") == text


def test_a_share_is_told_by_its_name_and_range() -> None:
    assert is_share(0.878, "", "service")
    assert is_share(0.878, None, "fill_rate")
    assert not is_share(0.878, "", "inventory_turns")
    assert not is_share(1.2, "", "service")
    assert not is_share(0.5, "EUR", "service")

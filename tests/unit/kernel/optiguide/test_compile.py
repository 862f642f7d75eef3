"""Compiling small models."""

from __future__ import annotations

from pathlib import Path

from tests.compiling import compiled, context, scenarios

ROOT = Path(__file__).parents[4]


def papers() -> tuple[str, str]:
    return (ROOT / "goals/newsvendor.yaml").read_text(), (ROOT / "goals/models/newsvendor.yaml").read_text()


WORLD = context({
    "papers": {"paper": ["DAILY"], "cost": [0.6], "price": [1.5], "salvage": [0.1]},
    "outcomes": {"scenario": [0, 1, 2], "paper": ["DAILY"] * 3, "demand": [90, 100, 120]},
})
FUTURES = scenarios(probability=[0.25, 0.5, 0.25])


def test_the_mean_weighs_scenarios_by_probability() -> None:
    model = compiled(*papers(), WORLD, FUTURES)
    assert model.terms[0].expr == (
        "sum(cost * buy) + sum(probability * (-sum(price * sold, over=paper) - sum(salvage * (buy - sold), over=paper)), over=scenario)"
    )


def test_data_of_a_scenario_table_has_the_scenario_dim() -> None:
    model = compiled(*papers(), WORLD, FUTURES)
    assert model.params["demand"].dims == ("paper", "scenario")
    assert model.params["demand"].data.tolist() == [[90.0, 100.0, 120.0]]


def test_compiling_twice_gives_the_same_fingerprints() -> None:
    one, other = compiled(*papers(), WORLD, FUTURES), compiled(*papers(), WORLD, FUTURES)
    assert [r.fingerprint for r in one.rules] == [r.fingerprint for r in other.rules]
    assert all(r.fingerprint.startswith("sha256:") for r in one.rules)

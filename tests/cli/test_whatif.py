"""What-if, fronts and selectors through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dyocense_cli.artifacts.plan import Plan, Step
from dyocense_cli.cli.whatif import selected
from dyocense_cli.errors import UsageError
from tests.cli.project import dyocense, make_project

QUICK = ("--set", "forecast.num_scenarios=10", "--set", "forecast.reduce.to=4", "--set", "robust.aggregation=mean", "--quiet")


def a_plan() -> Plan:
    pairs = (("APPLE", "S1"), ("APRICOT", "S2"), ("BEAN", "S1"))
    steps = tuple(Step(f"PO-{i:04d}", {"sku": sku, "supplier": supplier}, 1.0) for i, (sku, supplier) in enumerate(pairs, 1))
    return Plan("OPTIMAL", "proved", 1.0, 1.0, 0.0, steps)


@pytest.mark.parametrize(
    ("selectors", "lines"),
    [
        (["sku:A*"], ["PO-0001", "PO-0002"]),
        (["sku:A* supplier:S1"], ["PO-0001"]),
        (["supplier:S1", "supplier:S2"], ["PO-0001", "PO-0002", "PO-0003"]),
        (["line:PO-0003"], ["PO-0003"]),
    ],
)
def test_selectors_keep_the_lines_they_match(selectors: list[str], lines: list[str]) -> None:
    assert [s.line for s in selected(a_plan(), selectors).steps] == lines


def test_a_selector_that_matches_nothing_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="no line matches sku:Z") as caught:
        selected(a_plan(), ["sku:Z"])
    assert caught.value.hints == ("there is APPLE, APRICOT, BEAN",)


def test_a_selector_of_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no selector `vendor:S1`") as caught:
        selected(a_plan(), ["vendor:S1"])
    assert caught.value.hints == ("use line:PATTERN, sku:PATTERN, supplier:PATTERN",)


def test_what_if_compares_two_runs_and_its_lines_add_up(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--what-if", "limits.service.min=80%", "--json", cwd=project)
    assert done.code == 0, done.err
    document = done.json
    assert {"path": "limits.service.min", "old": "85 %", "new": "80 %"} in document["inputs"]["goal"]
    assert document["objective"]["new"] <= document["objective"]["old"] * 1.03
    assert sum(line["cost"] for line in document["lines"]) == pytest.approx(document["spend"])
    same = dyocense("plan", "goals/dairy.yaml", *QUICK, "--what-if", "limits.service.min=85%", cwd=project)
    assert "nothing changes" in same.out


def test_what_if_compares_runs_of_the_store_that_out_names(tmp_path: Path) -> None:
    assert dyocense("init", ".", "--template", "custom", cwd=tmp_path).code == 0
    done = dyocense("plan", "goals/farm.yaml", "--quiet", "--out", "elsewhere", "--what-if", "robust.aggregation=worst", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "robust.aggregation" in done.out
    assert len(list((tmp_path / "elsewhere").glob("*/manifest.json"))) == 2


def test_no_plan_of_a_front_is_better_in_both_terms_than_another(tmp_path: Path) -> None:
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--pareto", "cost,co2", "--json", cwd=make_project(tmp_path))
    assert done.code == 0, done.err
    values = [(row["values"]["cost"], row["values"]["co2"]) for row in done.json["front"]]
    assert len(values) >= 2
    assert not [a for a in values for b in values if b[0] < a[0] and b[1] < a[1]]


def test_pareto_takes_two_terms(tmp_path: Path) -> None:
    done = dyocense("plan", "goals/dairy.yaml", "--pareto", "cost", cwd=make_project(tmp_path))
    assert done.code == 2
    assert "--pareto takes two objective terms, not `cost`" in done.err

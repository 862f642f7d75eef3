"""Golden files: written, read, compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.errors import InputError, UsageError
from dyocense_cli.runner.golden import Golden, compare_metrics, differences, dump, load, parse_metric

GOLDEN = Golden("goals/a.yaml", "sha256:" + "a" * 64, "OPTIMAL", {"total_cost": (100.0, 0.02), "service": (0.97, 0.01)}, ("DYO-X010 /limits",))


def test_a_golden_file_reads_back_as_it_was_written() -> None:
    assert load(dump(GOLDEN), file="a.golden.yaml") == GOLDEN


def test_each_kind_of_difference_is_told_with_both_values() -> None:
    found = Golden("goals/a.yaml", "sha256:" + "b" * 64, "FEASIBLE", {"total_cost": (103.0, 0.02)}, ("DYO-X011 /constraints",))
    told = [str(d) for d in differences(GOLDEN, found)]
    assert told == [
        "model fingerprint: expected sha256:aaaaaaaaaaaa…, found sha256:bbbbbbbbbbbb…",
        "status: expected OPTIMAL, found FEASIBLE",
        "KPI total_cost: expected 100 ± 2 %, found 103",
        "KPI service: expected 0.97, found nothing",
        "finding: expected none, found DYO-X011 /constraints",
        "finding: expected DYO-X010 /limits, found none",
    ]


@given(st.floats(1, 1e6), st.floats(-0.019, 0.019))
def test_a_kpi_within_its_tolerance_is_no_difference(value: float, drift: float) -> None:
    base = Golden("g", "s", "OPTIMAL", {"k": (value, 0.02)})
    assert differences(base, Golden("g", "s", "OPTIMAL", {"k": (value * (1 + drift), 0.02)})) == []


@pytest.mark.parametrize("text", ["", "[]", "goal: x", "goal: [", "goal: x\noptimodel_sha: y\nstatus: z\nkpis: {a: {value: x}}"])
def test_what_is_no_golden_file_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InputError, match="not a golden file") as caught:
        load(text, file="x.golden.yaml")
    assert caught.value.code == "DY2601"


@pytest.mark.parametrize(
    ("text", "old", "new", "holds"),
    [
        ("total_cost<=+1%", 100, 101, True),
        ("total_cost<=+1%", 100, 101.1, False),
        ("service>=-0.5%", 0.98, 0.976, True),
        ("service>=0", 0.98, 0.97, False),
        ("co2==2%", 50, 51, True),
        ("co2==2%", 50, 51.1, False),
        ("gone<0", 1, None, False),
    ],
)
def test_a_metric_holds_a_candidate_against_its_baseline(text: str, old: float, new: float | None, holds: bool) -> None:
    metric = parse_metric(text)
    candidate = {} if new is None else {metric.name: new}
    assert compare_metrics({metric.name: old}, candidate, (metric,))[0].holds is holds


def test_a_metric_of_another_form_is_refused() -> None:
    with pytest.raises(UsageError, match="not a metric: cost about 5"):
        parse_metric("cost about 5")

"""Bands of stock and demand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.kernel.report.charts import histogram, ticks
from dyocense_cli.kernel.report.fan import fans, weighted_quantiles
from tests.synthetic_run import synthetic


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12), st.data())
def test_weighted_quantiles_equal_repeating_by_weight(values: list[int], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    weights = np.array(counts) / sum(counts)
    got = weighted_quantiles(np.array(values, dtype=float), weights, (0.05, 0.5, 0.95))
    repeated = np.sort(np.repeat(values, counts))
    want = [repeated[int(np.ceil(level * len(repeated) - 1e-9)) - 1] for level in (0.05, 0.5, 0.95)]
    assert got.tolist() == want


def test_fans_hold_the_median_between_the_bands_and_list_the_dearest_first() -> None:
    case = synthetic(40)
    found = fans(case.held["optimodel"], case.values, case.held["scenario_set"], case.held["plan"])
    assert len(found) == 10
    assert [f.spend for f in found] == sorted((f.spend for f in found), reverse=True)
    for fan in found:
        assert fan.demand is not None
        assert fan.stock is not None
        assert np.all(np.diff(fan.demand, axis=0) >= 0)
        assert np.all(np.diff(fan.stock, axis=0) >= 0)
        assert fan.arrivals.sum() == 48 + 3 * 36


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_ticks_cover_the_range_with_few_marks(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert 1 <= len(marks) <= 8
    assert marks[0] <= low + 1e-6 * max(abs(low), 1)
    assert marks[-1] >= low + span - 1e-6 * max(abs(low + span), 1)


def test_a_histogram_of_equal_values_is_drawn() -> None:
    assert "<rect" in histogram([5.0] * 10, title="cost", unit="EUR")
    assert histogram([], title="cost", unit="EUR") == ""

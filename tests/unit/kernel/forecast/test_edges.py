"""What odd histories give: each row of the table in docs/concepts/forecast.md."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import InputError, UnsupportedError
from dyocense_cli.kernel.scenarios.sample import sample
from tests.forecasting import sample_request, text

START = np.datetime64("2026-03-02")


def rows_request(rows, *, skus=("A",), model="auto", h=4, extra=None, every="week", **kw):
    """Build a request from (sku, periods before the horizon, quantity) rows."""
    step = {"week": 7, "day": 1}[every]
    dates = [str(START - step * back) for _, back, _ in rows]
    columns = {"sku": text([s for s, _, _ in rows]) if rows else Column(np.zeros(0, dtype=np.int32), labels=()),
               "date": text(dates) if rows else Column(np.zeros(0, dtype=np.int32), labels=()),
               "quantity": Column(np.array([float(q) for _, _, q in rows]))}
    columns.update(extra or {})
    starts = tuple(str(START + step * k) for k in range(h))
    return ForecastRequest({"history": Table(columns, len(rows)), **kw.pop("tables", {})}, tuple(skus), ("main",),
                           tuple(f"t{k + 1}" for k in range(h)), starts, every, model, **kw)


def series(values, sku="A"):
    return [(sku, len(values) - k, v) for k, v in enumerate(values)]


def forecast(rows, **kw):
    made = BuiltinForecaster().forecast(rows_request(rows, **kw))
    drawn = sample(made, sample_request(200))
    return made, made.reports[0], drawn.tables["demand"].values[0, 0] if made.skus else None


def test_empty_history_is_poor_and_zero():
    _, report, paths = forecast([])
    assert (report.quality, report.reason, report.method) == ("poor", "no history", "nothing known")
    assert (paths == 0).all()


def test_no_history_takes_the_level_of_its_category_with_a_wide_spread():
    skus = Table({"sku": text(["A", "B", "C"]), "category": text(["x", "x", "y"])}, 3)
    rows = series([20] * 30, "B") + series([500] * 30, "C")
    made, report, paths = forecast(rows, skus=("A", "B", "C"), tables={"skus": skus})
    assert (report.quality, report.reason, report.method) == ("poor", "no history", "category level")
    assert paths.mean() == pytest.approx(20, rel=0.2)
    assert paths.std() > 10
    assert [r.quality for r in made.reports] == ["poor", "good", "good"]


def test_a_constant_series_is_forecast_as_that_constant():
    _, report, paths = forecast(series([7] * 40))
    assert report.quality == "good"
    assert (paths == 7).all()


def test_an_all_zero_series_stays_near_zero_and_never_above_two():
    _, report, paths = forecast(series([0] * 40))
    assert report.demand_class == "none"
    assert paths.mean() < 0.05
    assert paths.max() <= 2


def test_two_points_are_poor_and_take_their_average():
    _, report, paths = forecast(series([10, 20]))
    assert (report.quality, report.reason, report.method) == ("poor", "2 periods of history, 8 are needed", "own average")
    assert paths.mean() == pytest.approx(15, rel=0.15)


def test_huge_values_keep_their_scale():
    made, report, paths = forecast(series([1e12 + 1e10 * (k % 5) for k in range(40)]))
    assert report.quality == "good"
    assert paths.mean() == pytest.approx(1.02e12, rel=0.02)
    assert np.isfinite(made.quantiles).all()


def test_an_infinite_quantity_is_an_error_that_names_the_row():
    with pytest.raises(InputError, match="history has an infinite quantity for A") as caught:
        forecast(series([1, 2, float("inf"), 4]))
    assert (caught.value.code, caught.value.where.row) == ("DY2501", 3)


def test_gaps_hold_no_data_and_are_counted():
    rows = [r for r in series([10 if k % 2 else 0 for k in range(40)]) if r[1] not in (7, 8, 9)]
    _, report, _ = forecast(rows)
    assert (report.gaps, report.length, report.quality) == (3, 37, "good")
    assert report.notes == ("3 periods without a row hold no data",)


def test_a_list_of_sales_without_zeros_has_zeros_between():
    rows = [r for k, r in enumerate(series([5] * 60)) if k % 4 == 0]
    _, report, paths = forecast(rows)
    assert report.demand_class == "intermittent"
    assert paths.mean() == pytest.approx(1.25, abs=0.5)
    assert "no zero is recorded" in report.notes[0]


def test_rows_of_one_day_are_added_and_counted():
    rows = [*series([4] * 20), ("A", 3, 6)]
    made, report, _ = forecast(rows)
    assert report.notes == ("1 rows of a day that has another row; their quantities are added",)
    assert report.length == 20
    assert made.warnings == ()


def test_nan_quantities_hold_no_data():
    _, report, paths = forecast(series([float("nan") if k in (5, 6) else 9 for k in range(30)]))
    assert (report.length, report.gaps) == (28, 2)
    assert (paths == 9).all()


def test_negative_demand_counts_as_zero():
    _, report, paths = forecast(series([-3 if k == 10 else 5 for k in range(30)]))
    assert "1 periods with negative demand count as zero" in report.notes
    assert (paths >= 0).all()


@pytest.mark.parametrize("known", [0.0, float("nan")])
def test_a_zero_while_stock_was_zero_or_unknown_is_no_data(known):
    values = [0 if 10 <= k < 16 else 30 for k in range(40)]
    on_hand = Column(np.array([known if v == 0 else 100.0 for v in values]))
    _, report, paths = forecast(series(values), extra={"on_hand": on_hand})
    assert (report.stockouts, report.length, report.gaps) == (6, 34, 0)
    assert (paths == 30).all()


def test_a_history_that_ended_long_ago_is_poor_and_wider():
    rows = [("A", len_back + 20, 10 + len_back % 3) for len_back in range(1, 40)]
    _, report, _ = forecast(rows)
    assert (report.quality, report.reason) == ("poor", "history ends 20 periods before the horizon")


def test_half_a_week_of_days_is_no_week():
    # 24 days of 2 a day: three whole weeks and three days
    request = rows_request([("A", back, 2) for back in range(1, 25)], every="day")
    weekly = ForecastRequest(request.tables, ("A",), ("main",), ("t1",), ("2026-03-02",), "week", "auto")
    report = BuiltinForecaster().forecast(weekly).reports[0]
    assert report.length == 3


def test_upper_quantiles_far_above_anything_seen_are_capped_and_named():
    rng = np.random.default_rng(3)
    values = [float(v) for v in np.exp(rng.normal(0, 0.3, 30))]
    values[:12] = [v * 1e-6 for v in values[:12]]
    values[-3:] = [1e4, 1e-3, 1e4]
    made, _, _ = forecast(series(values), model="trend")
    top = made.state["grid"].max()
    assert top <= 10 * max(values) * 1.0001
    assert all("over ten times the largest past" in w for w in made.warnings)


def test_unknown_models_and_regressors_are_refused_with_the_near_name():
    with pytest.raises(InputError, match="no forecast model is named `seasonl`; did you mean `seasonal`"):
        forecast(series([1] * 10), model="seasonl")
    with pytest.raises(UnsupportedError, match="takes no regressors: promo"):
        forecast(series([1] * 10), regressors=("promo",))


@pytest.mark.parametrize("model", ["ses", "trend", "seasonal", "count", "naive", "hierarchy", "builtin:auto"])
def test_every_model_forecasts_a_plain_series(model):
    rng = np.random.default_rng(2)
    rows = series(rng.poisson(12, 60).tolist()) + series(rng.poisson(30, 60).tolist(), "B")
    made, report, paths = forecast(rows, skus=("A", "B"), model=model)
    assert report.quality == "good"
    assert paths.mean() == pytest.approx(rows[59][2] if model == "naive" else 12, rel=0.4)
    assert (np.diff(made.quantiles, axis=1) >= -1e-9).all()


def test_a_sku_sold_elsewhere_only_has_no_demand_here():
    rows = series([12 + k % 3 for k in range(40)])
    where = Column(np.zeros(40, dtype=np.int32), labels=("N",))
    request = rows_request(rows, skus=("A", "B"), extra={"location": where})
    request = dataclasses.replace(request, locations=("N", "S"))
    made = BuiltinForecaster().forecast(request)
    found = sample(made, sample_request(100)).tables["demand"].values
    assert [(r.method[:7], r.quality) for r in made.reports] == [("mixture", "good"), ("not sol", "good"), ("level o", "poor"), ("level o", "poor")]
    assert found[0, 0].mean() == pytest.approx(13, rel=0.1)
    assert (found[0, 1] == 0).all()
    assert found[1].mean() > 0

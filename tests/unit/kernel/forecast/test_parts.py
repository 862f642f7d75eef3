"""Calendars, shapes, seasons, classes, hierarchy, backtest, drift and charts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.context import Table
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.backtest import backtest, backtest_json
from dyocense_cli.kernel.forecast.calendar import Calendar
from dyocense_cli.kernel.forecast.classes import demand_classes
from dyocense_cli.kernel.forecast.drift import drift_check
from dyocense_cli.kernel.forecast.fan import fans_of, html_page, terminal_fan
from dyocense_cli.kernel.forecast.seasonal import seasonal_indices
from dyocense_cli.kernel.forecast.shapes import LEVELS, gamma_quantiles, mean_of, negative_binomial_quantiles
from dyocense_cli.kernel.forecast.smooth import Candidate, smooth
from dyocense_cli.kernel.scenarios.paths import forecast_paths
from tests.forecasting import history, right_aligned, some_series, text


@pytest.mark.parametrize(("every", "start", "day", "period"), [
    ("week", "2026-03-02", "2026-03-01", -1), ("week", "2026-03-02", "2026-03-08", 0), ("2 weeks", "2026-03-02", "2026-02-15", -2),
    ("month", "2026-03-01", "2026-02-28", -1), ("month", "2026-03-15", "2026-03-14", -1), ("month", "2026-01-01", "2024-12-31", -13),
    ("quarter", "2026-01-01", "2025-09-30", -2), ("day", "2026-03-02", "2026-03-01", -1),
])
def test_a_day_belongs_to_the_period_that_holds_it(every, start, day, period):
    calendar = Calendar.of(every, (start,))
    found = calendar.period_of(np.array([np.datetime64(day).astype(np.int64)]))[0]
    assert found == period
    first, after = calendar.days(period, period + 2)
    assert first <= np.datetime64(day).astype(np.int64) < after


def test_seasons_of_the_calendar_and_unknown_lengths():
    assert [Calendar.of(e, ("2026-01-01",)).season for e in ("day", "week", "2 weeks", "month", "quarter", "3 days")] == [7, 52, 26, 12, 4, 1]
    with pytest.raises(InputError, match="`fortnight` is no length of a period"):
        Calendar.of("fortnight", ("2026-01-01",))


@given(mean=st.floats(0.01, 30), extra=st.floats(1.01, 8))
def test_a_negative_binomial_has_its_mean_and_never_falls(mean, extra):
    q = negative_binomial_quantiles(np.array([mean]), np.array([mean * extra]))
    assert (np.diff(q) >= -1e-9).all()
    assert (q >= -0.5).all()
    assert mean_of(np.rint(q))[0] == pytest.approx(mean, rel=0.12, abs=0.02)


def test_negative_binomial_probabilities_are_the_textbooks():
    # mean 2, variance 4: r = 2, P(0) = (1/2)^2 = 0.25, P(1) = 0.25, P(2) = 0.1875 (Johnson, Kemp, Kotz, ch. 5)
    q = negative_binomial_quantiles(np.array([2.0]), np.array([4.0]))[0]
    assert np.interp(0.5, q, LEVELS) == pytest.approx(0.25, abs=0.01)
    assert np.interp(1.5, q, LEVELS) == pytest.approx(0.50, abs=0.01)
    assert np.interp(2.5, q, LEVELS) == pytest.approx(0.6875, abs=0.01)


def test_gamma_quantiles_have_their_mean_and_spread():
    q = gamma_quantiles(np.array([100.0]), np.array([900.0]))[0]
    assert mean_of(q[None])[0] == pytest.approx(100, rel=0.01)
    assert np.interp(0.95, LEVELS, q) == pytest.approx(153.1, rel=0.01)  # chi-square tables: gamma of shape 11.11


def test_a_clear_season_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    wave = 1 + 0.5 * np.sin(2 * np.pi * np.arange(96) / 12)
    y = np.stack([100 * wave * np.exp(0.05 * rng.standard_normal(96)), rng.poisson(100, 96)], axis=1)
    index = seasonal_indices(y, 12)
    assert index[:, 0] == pytest.approx(wave[:12], abs=0.08)
    assert np.abs(index[:, 1] - 1).max() < 0.1
    assert seasonal_indices(y[:20], 12).tolist() == np.ones((12, 2)).tolist()


def test_smoothing_is_the_textbook_recursion():
    # alpha 0.5 with the first values averaged: 10 -> 10, then 12 -> 11 (1/2), 8 -> 9.5 (max(1/2, 1/3))
    states = smooth(np.array([[10.0], [12.0], [8.0], [np.nan]]), (Candidate("x", 0.5),))
    assert states.level[:, 0, 0].tolist() == [0, 10, 11, 9.5, 9.5]


def test_demand_classes_are_those_of_syntetos_and_boylan():
    y = np.array([[5, 0, 1, 0, 0], [5, 0, 40, 0, 0], [6, 4, 2, 0, 0], [5, 0, 0, 30, 0], [5, 4, 60, 0, 0], [6, 0, 3, 0, 0], [5, 4, 1, 1, 0], [5, 0, 45, 0, 0]],
                 dtype=float)
    assert demand_classes(y) == ("smooth", "intermittent", "erratic", "lumpy", "none")


def two_level(seed=0, n=60):
    rng = np.random.default_rng(seed)
    common = np.exp(0.25 * rng.standard_normal(n))
    return {f"K{i}": rng.poisson((5 + 6 * i) * common) for i in range(6)}


def test_reconciled_forecasts_add_up_better_and_stay_in_order():
    series = two_level()
    request = right_aligned(series)
    skus = Table({"sku": text(list(series)), "category": text(["a", "a", "a", "b", "b", "b"])}, 6)
    request = dataclasses.replace(request, tables={**request.tables, "skus": skus})
    plain = BuiltinForecaster().forecast(request)
    tied = BuiltinForecaster().forecast(dataclasses.replace(request, model="hierarchy"))
    assert not (tied.mean == plain.mean).all()
    assert tied.mean == pytest.approx(plain.mean, rel=0.5)
    assert (np.diff(tied.quantiles, axis=1) >= -1e-9).all()


def test_backtest_compares_with_seasonal_naive_and_pools_with_intervals():
    request = right_aligned(two_level())
    found = backtest(request, {"this": BuiltinForecaster().forecast}, draw=lambda f: forecast_paths(f, count=100, seed=1, purpose="t"), origins=4)
    ours, naive = found.methods
    assert (found.origins, found.h, ours.name, naive.name) == (4, 4, "this", "seasonal naive")
    assert ours.pooled["crps"].value < naive.pooled["crps"].value
    assert found.ratios["seasonal naive"]["crps"].value < 1
    assert 0.8 <= ours.pooled["coverage_95"].value <= 1
    assert ours.joint["energy"] > 0
    assert np.isnan(naive.joint["energy"])
    assert len(backtest_json(found)["methods"][0]["series"]) == 6


def test_a_backtest_sees_nothing_of_what_it_forecasts():
    series = {k: v.copy() for k, v in two_level().items()}
    seen = []

    def spy(request):
        labels = request.tables["history"].columns["date"]
        seen.append((max(labels.text()), request.period_starts[0]))
        return BuiltinForecaster().forecast(request)

    backtest(right_aligned(series), {"spy": spy}, draw=lambda f: forecast_paths(f, count=20, seed=1, purpose="t"), origins=2)
    assert all(last < start for last, start in seen)


def test_a_short_history_cannot_be_backtested():
    with pytest.raises(InputError, match="a backtest needs 12 periods of history"):
        backtest(right_aligned({"A": np.arange(9)}), {}, draw=lambda f: f.mean, origins=1)


def later(series, extra):
    """Return the request one horizon later, with `extra` values appended to each series."""
    longer = {k: np.concatenate([v, extra[k]]) for k, v in series.items()}
    request = right_aligned(longer)
    shift = 7 * 4
    labels = tuple(str(np.datetime64(d) + shift) for d in request.tables["history"].columns["date"].labels)
    column = dataclasses.replace(request.tables["history"].columns["date"], labels=labels)
    table = dataclasses.replace(request.tables["history"], columns={**request.tables["history"].columns, "date": column})
    starts = tuple(str(np.datetime64(d) + shift) for d in request.period_starts)
    return dataclasses.replace(request, tables={"history": table}, period_starts=starts)


def test_drift_is_seen_when_demand_doubles_and_not_when_it_goes_on():
    rng = np.random.default_rng(8)
    series = {f"K{i}": rng.poisson(20, 60) for i in range(8)}
    request = right_aligned(series)
    made = BuiltinForecaster().forecast(request)
    same = drift_check(made, request.period_starts, later(series, {k: rng.poisson(20, 4) for k in series}))
    double = drift_check(made, request.period_starts, later(series, {k: rng.poisson(45, 4) for k in series}))
    assert (same[0].name, same[0].periods, same[0].drifted) == ("all", 32, False)
    assert same[0].spread == pytest.approx(1, abs=0.6)
    assert double[0].drifted
    assert double[0].bias > 1.5
    assert double[0].live_rmse > 3 * same[0].live_rmse
    unknown = drift_check(made, request.period_starts, request)
    assert (unknown[0].periods, unknown[0].drifted) == (0, False)


def test_a_terminal_fan_shows_history_and_bands():
    request = right_aligned(some_series(1))
    fan = fans_of(BuiltinForecaster().forecast(request), request)[0]
    chart = terminal_fan(fan).splitlines()
    assert len(chart) == 9
    assert {"•", "░", "█", "─", "│"} <= set("".join(chart))
    assert len({len(line) for line in chart[1:]}) == 1


def test_a_page_escapes_names():
    request = right_aligned({"<b>&": np.arange(30) % 5})
    page = html_page(fans_of(BuiltinForecaster().forecast(request), request), title="a < b")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&</b>" not in page
    assert "a &lt; b" in page


def test_row_order_of_the_history_is_irrelevant():
    series = {"A": np.arange(30) % 7, "B": np.arange(30) % 5}
    table = history(series)
    base = right_aligned(series)
    order = np.random.default_rng(0).permutation(table.n_rows)
    turned = Table({k: dataclasses.replace(c, values=c.values[order]) for k, c in base.tables["history"].columns.items()}, table.n_rows)
    one, two = (BuiltinForecaster().forecast(dataclasses.replace(base, tables={"history": t})) for t in (base.tables["history"], turned))
    assert one.state["grid"].tobytes() == two.state["grid"].tobytes()


def test_two_years_of_weeks_carry_last_years_shape_on():
    rng = np.random.default_rng(2)
    weeks = np.arange(130)
    wave = 1 + 0.6 * np.sin(2 * np.pi * weeks / 52)
    series = {"A": rng.poisson(80 * wave[:126]), "B": rng.poisson(80, 126)}
    made = BuiltinForecaster().forecast(right_aligned(series))
    assert made.mean[0] == pytest.approx(80 * wave[126:], rel=0.15)
    assert "last year" in made.reports[0].method
    assert made.mean[1] == pytest.approx(80, rel=0.12)
    short = BuiltinForecaster().forecast(right_aligned({k: v[-100:] for k, v in series.items()}))
    assert "last year" not in short.reports[0].method

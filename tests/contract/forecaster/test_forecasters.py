"""Every registered forecaster keeps the contract: sorted series, quantiles in order, state that paths can be drawn from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dyocense_cli.adapters import registry
from dyocense_cli.adapters.forecaster.library import normal_grid
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.errors import InputError, UnsupportedError
from dyocense_cli.kernel.scenarios.sample import sample
from tests.forecasting import right_aligned, sample_request, text

NAMES = [e.name for e in registry.ENTRIES if e.port == "forecaster"]


def make(name):
    return registry.load("forecaster", name)()


def small():
    rng = np.random.default_rng(3)
    series = {"B": rng.poisson(20, 60), "A": rng.poisson(0.4, 60), "C": rng.poisson(9, 3), "D": rng.gamma(5, 4, 60)}
    return right_aligned(series)


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_is_sorted_finite_in_order_and_can_be_sampled(name):
    forecaster = make(name)
    made = forecaster.forecast(small())
    assert made.skus == ("A", "B", "C", "D")
    assert made.mean.shape == (4, 4)
    assert made.quantiles.shape == (4, len(made.levels), 4)
    assert np.isfinite(made.quantiles).all()
    assert (np.diff(made.quantiles, axis=1) >= -1e-6).all()
    assert (made.quantiles >= 0).all()
    assert made.reports[2].quality == "poor"
    assert made.reports[1].method
    assert made.scores["rmse"] > 0
    drawn = sample(made, sample_request(100)).tables["demand"].values
    assert (drawn >= 0).all()
    assert (drawn[:3] == np.rint(drawn[:3])).all()
    assert drawn[1].mean() == pytest.approx(20, rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_regressors_are_used_or_refused_never_ignored(name):
    rng = np.random.default_rng(1)
    n, h = 80, 4
    promo = (rng.random(n + h) < 0.3).astype(float)
    promo[n:] = 1.0
    sales = np.concatenate([rng.poisson(20 + 40 * promo[:n]).astype(float), np.full(h, np.nan)])
    start = np.datetime64("2025-06-02")
    table = Table({"sku": text(["A"] * (n + h)), "date": text([str(start + 7 * (k - n)) for k in range(n + h)]), "quantity": Column(sales),
                   "promo": Column(promo)}, n + h)
    base = right_aligned({"A": np.arange(10)})
    request = dataclasses.replace(base, tables={"history": table}, regressors=("promo",))
    forecaster = make(name)
    if "regressors" not in forecaster.features:
        with pytest.raises(UnsupportedError, match="takes no regressors: promo"):
            forecaster.forecast(request)
        return
    made = forecaster.forecast(request)
    assert made.mean[0].mean() == pytest.approx(60, rel=0.15)
    assert "promo" in made.reports[0].method
    with pytest.raises(InputError, match="history has no column `price`"):
        forecaster.forecast(dataclasses.replace(request, regressors=("price",)))


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_model_is_refused_and_nothing_to_forecast_is_empty(name):
    forecaster = make(name)
    with pytest.raises(InputError, match=r"no (forecast )?model"):
        forecaster.forecast(dataclasses.replace(small(), model=f"{name}:prophecy"))
    empty = forecaster.forecast(dataclasses.replace(small(), skus=(), tables={}))
    assert (empty.skus, empty.mean.shape) == ((), (0, 4))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_request_gives_the_same_bytes(name):
    forecaster = make(name)
    one, two = forecaster.forecast(small()), forecaster.forecast(small())
    assert one.state["grid"].tobytes() == two.state["grid"].tobytes()
    assert one.reports == two.reports


def test_a_method_that_fails_falls_back_and_is_named(monkeypatch):
    module = __import__("dyocense_cli.adapters.forecaster.statsforecast", fromlist=["x"])

    def broken(*_args, **_kwargs):
        raise ValueError("did not converge")

    monkeypatch.setattr(module.sf.AutoETS, "forecast", broken)
    made = make("statsforecast").forecast(dataclasses.replace(small(), model="statsforecast:AutoETS"))
    assert made.reports[1].method == "naive"
    assert "the method failed: ValueError: did not converge" in made.reports[1].why
    assert any("the naive forecast stands in" in w for w in made.warnings)


@pytest.mark.parametrize("model", ["DynamicOptimizedTheta", "AutoCES", "AutoARIMA", "CrostonOptimized", "CrostonSBA", "ADIDA", "IMAPA"])
def test_the_methods_of_statsforecast_answer_by_name(model):
    request = dataclasses.replace(small(), model=f"statsforecast:{model}")
    made = make("statsforecast").forecast(request)
    assert made.reports[0].method == model
    assert made.mean[1].mean() == pytest.approx(20, rel=0.3)


def test_a_normal_grid_has_its_mean_at_the_middle():
    grid = normal_grid(np.array([5.0]), np.array([2.0]))
    assert grid[0, 28] == 5.0
    assert grid[0, -1] == pytest.approx(5 + 7)

"""Scores against values worked out by hand or by another route."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dyocense_cli.kernel.forecast.metrics import (
    Q,
    bootstrap_interval,
    coverage,
    crps,
    energy_score,
    mase_scale,
    pinball,
    quantiles_99,
    rmsse_scale,
    variogram_score,
)
from dyocense_cli.kernel.forecast.shapes import Z


def test_crps_of_a_standard_normal_is_the_closed_form():
    # Gneiting and Raftery (2007), eq. 21: y(2Φ(y) - 1) + 2φ(y) - 1/√π, at y = 0.7
    y = 0.7
    phi, cdf = math.exp(-y * y / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(-y / math.sqrt(2))
    shifted = np.broadcast_to(10 + Z, (1, 1, len(Z)))
    found = crps(np.array([[10 + y]]), quantiles_99(shifted, np.zeros(1, bool)))[0, 0]
    assert found == pytest.approx(y * (2 * cdf - 1) + 2 * phi - 1 / math.sqrt(math.pi), abs=0.01)


def test_crps_of_a_point_forecast_is_the_absolute_error():
    assert crps(np.array([7.0]), np.full((1, 99), 4.0))[0] == pytest.approx(3.0, rel=1e-12)


def test_pinball_charges_under_and_over_by_the_level():
    assert pinball(np.array([12.0, 8.0]), np.array([10.0, 10.0]), 0.9).tolist() == pytest.approx([1.8, 0.2])
    assert coverage(np.array([9.0, 10.0, 11.0]), np.full(3, 10.0)).tolist() == [1, 1, 0]


def test_mase_scale_is_the_mean_absolute_seasonal_difference():
    past = np.array([[1.0], [4.0], [2.0], [8.0]])
    assert mase_scale(past, 1)[0] == pytest.approx((3 + 2 + 6) / 3)
    assert mase_scale(past, 2)[0] == pytest.approx((1 + 4) / 2)
    assert rmsse_scale(past, 1)[0] == pytest.approx(math.sqrt((9 + 4 + 36) / 3))
    assert mase_scale(np.full((5, 1), 3.0), 1)[0] == 3.0
    assert math.isnan(mase_scale(np.zeros((5, 1)), 1)[0])


def test_energy_score_of_one_dimension_is_crps_and_it_prefers_the_truth():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((1, 40_000))
    exact = 2 / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi)  # at y = 0
    assert energy_score(np.zeros(1), draws) == pytest.approx(exact, abs=0.02)
    cov = np.array([[1.0, 0.9], [0.9, 1.0]])
    seen = rng.multivariate_normal([0, 0], cov, 300)
    right = rng.multivariate_normal([0, 0], cov, 400).T
    wrong = rng.standard_normal((2, 400))
    assert np.mean([variogram_score(y, right) for y in seen]) < np.mean([variogram_score(y, wrong) for y in seen])
    assert np.mean([energy_score(y, right) for y in seen]) < np.mean([energy_score(y, wrong) for y in seen])


def test_bootstrap_interval_holds_the_mean_and_leaves_nan_out():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    point, low, high = bootstrap_interval(values)
    assert point == 2.0
    assert low <= point <= high
    assert bootstrap_interval(values, against=2 * values)[0] == pytest.approx(0.5)
    assert all(math.isnan(v) for v in bootstrap_interval(np.array([np.nan])))


def test_whole_series_have_whole_quantiles():
    grid = np.broadcast_to(3 + 2 * Z, (2, 1, len(Z)))
    q = quantiles_99(grid, np.array([True, False]))
    assert (q[0] == np.rint(q[0])).all()
    assert q[0, 0, 49] == 3
    assert (q >= 0).all()
    assert len(Q) == 99

"""The built-in forecaster: all series at once, from history to the arrays that joint paths are drawn from."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet, SeriesReport
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.series import Batch, read_batch
from dyocense_cli.kernel.forecast.shapes import Z, gamma_quantiles, mean_of, negative_binomial_quantiles, quantile_at

__all__ = ["forecast_request"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def forecast_request(request: ForecastRequest) -> ForecastSet:
    """Forecast every series of a request."""
    batch = read_batch(request)
    grid = _grid(batch)
    n, h = batch.n, batch.h
    return ForecastSet(
        batch.skus,
        batch.locations,
        h,
        LEVELS,
        mean_of(grid),
        np.stack([quantile_at(grid, p) for p in LEVELS], axis=1),
        tuple(_report(batch, i) for i in range(n)),
        {
            "z": Z,
            "grid": grid.astype(np.float32),
            "integer": batch.integer,
            "scores": np.zeros((n, len(batch.days)), dtype=np.int16),
            "dates": batch.days.astype(np.int32),
            "common": np.zeros(n, dtype=np.float32),
            "memory": np.full(n, 0.1, dtype=np.float32),
        },
    )


def _grid(batch: Batch) -> np.ndarray:
    y = batch.y
    level = np.zeros(batch.n)
    started = np.zeros(batch.n, dtype=bool)
    var = np.zeros(batch.n)
    for row in y:
        seen = ~np.isnan(row)
        error = np.where(seen & started, row - level, 0.0)
        var = np.where(seen & started, 0.9 * var + 0.1 * error**2, var)
        level = np.where(seen, np.where(started, level + 0.15 * error, row), level)
        started |= seen
    steps = 1 + 0.15**2 * np.arange(batch.h)
    mean = np.repeat(level[:, None], batch.h, axis=1)
    variance = np.maximum(var[:, None] * steps, 0.01 * mean**2)
    gamma = gamma_quantiles(mean, variance)
    count = negative_binomial_quantiles(mean.ravel(), variance.ravel()).reshape(gamma.shape)
    return np.where(batch.integer[:, None, None], count, gamma)


def _report(batch: Batch, i: int) -> SeriesReport:
    length = int((~np.isnan(batch.y[:, i])).sum())
    poor = length < 8
    return SeriesReport(
        "ses",
        "only method",
        "none",
        "poor" if poor else "good",
        f"{length} periods of history" if poor else "",
        length,
        int(batch.gaps[i]),
        int(batch.stockouts[i]),
    )

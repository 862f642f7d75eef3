"""What forecasters that call a library share: series by series, fallbacks named, quantiles on the common grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.kernel.forecast.fit import Fitted, assemble
from dyocense_cli.kernel.forecast.series import Batch, read_batch
from dyocense_cli.kernel.forecast.shapes import Z, gamma_quantiles, negative_binomial_quantiles

__all__ = ["Answer", "forecast_by_series", "from_variance", "normal_grid", "refuse_regressors"]

_LEAST = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One series' forecast: quantiles (h, 57), one-step fitted values on the history it was given, and the method in words."""

    grid: np.ndarray
    fitted: np.ndarray
    method: str
    why: str = "named by the goal"


def refuse_regressors(name: str, request: ForecastRequest) -> None:
    """Refuse regressors, which a forecaster that cannot use them would silently ignore.

    Raises
    ------
    UnsupportedError
        DY4601 if any are asked for.
    """
    if request.regressors:
        raise UnsupportedError(
            "DY4601",
            f"forecaster `{name}` takes no regressors: " + ", ".join(request.regressors),
            hints="set `forecast.model: statsmodels`, or leave `forecast.regressors` out",
        )


def normal_grid(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return quantiles (h, 57) of normals."""
    return np.asarray(mean[:, None] + sd[:, None] * Z)


def from_variance(mean: np.ndarray, variance: float, *, whole: bool) -> np.ndarray:
    """Return quantiles (h, 57) around a point forecast: negative binomial for whole numbers, gamma otherwise."""
    m = np.maximum(mean, 1e-6)
    v = np.full(len(m), max(variance, 1e-9))
    return negative_binomial_quantiles(m, v) if whole else gamma_quantiles(m, v)


def forecast_by_series(
    request: ForecastRequest, run: Callable[[Batch, int, np.ndarray], Answer], *, config: dict[str, str | float | bool]
) -> ForecastSet:
    """Forecast each series with `run(batch, i, y)`; `y` has its gaps filled in a straight line and starts at its first value.

    A series that `run` fails on takes the naive forecast, and the report and a warning name the failure.
    """
    batch = read_batch(request)
    n, length = batch.n, len(batch.y)
    grid, mean = np.zeros((n, batch.h, len(Z))), np.zeros((batch.h, n))
    scores, rmse, origins = np.full((length, n), np.nan), np.zeros(n), np.zeros(n, dtype=np.int64)
    methods, whys, notes = [""] * n, [""] * n, []
    for i in range(n):
        known = np.flatnonzero(~np.isnan(batch.y[:, i]))
        if len(known) < _LEAST:
            continue  # the fallback for poor histories takes over
        first = int(known[0])
        y = np.interp(np.arange(first, length), known, batch.y[known, i])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = run(batch, i, y)
            whys[i] = answer.why
        except Exception as error:  # a library may fail in any way; the series falls back and says so
            answer = _naive(y, batch.h)
            whys[i] = f"the method failed: {type(error).__name__}: {error}"[:200]
            notes.append(f"{batch.skus[i]}: {whys[i]}; the naive forecast stands in")
        grid[i], methods[i] = answer.grid, answer.method
        mean[:, i] = answer.grid[:, len(Z) // 2]
        error_values = np.where(np.isnan(batch.y[first:, i]), np.nan, batch.y[first:, i] - answer.fitted)
        good = ~np.isnan(error_values)
        spread = float(np.sqrt(np.mean(error_values[good] ** 2))) if good.any() else 0.0
        scores[first:, i] = error_values / max(spread, 1e-12)
        rmse[i], origins[i] = spread, int(good.sum())
    fitted = Fitted(grid, mean, scores, np.full(n, 0.2), rmse, origins, tuple(methods), tuple(whys))
    return assemble(batch, fitted, config=config, warnings=tuple(notes))


def _naive(y: np.ndarray, h: int) -> Answer:
    sd = float(np.sqrt(np.mean(np.diff(y) ** 2)))
    return Answer(normal_grid(np.full(h, y[-1]), sd * np.sqrt(np.arange(1, h + 1))), np.concatenate([[np.nan], y[:-1]]), "naive")

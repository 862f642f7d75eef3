"""Has demand left the forecast? Live errors against what the forecast said they would be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.series import read_batch
from dyocense_cli.kernel.forecast.shapes import LEVELS, normal_levels

__all__ = ["Drift", "drift_check"]

_ALARM = 0.01


@dataclass(frozen=True, slots=True)
class Drift:
    """One series (or ``all``): periods seen, live and backtest RMSE in units, mean of the normal scores (bias, 0 if none), their mean
    square (spread, 1 if as forecast), share above the forecast p95, p-value, and whether it is below 1 % (Bonferroni over series)."""

    name: str
    periods: int
    live_rmse: float
    backtest_rmse: float
    bias: float
    spread: float
    above_p95: float
    p_value: float
    drifted: bool


def drift_check(forecast_set: ForecastSet, made_for: tuple[str, ...], request: ForecastRequest) -> tuple[Drift, ...]:
    """Compare a forecast, made for periods that start at `made_for`, with the history that a later request holds.

    Notes
    -----
    Each observation's place in its forecast distribution becomes a normal score (mid-rank for whole numbers). If nothing changed,
    scores have mean 0 and mean square 1; both are tested, the smaller p-value doubled. Scores of one series are taken as independent,
    which makes alarms a little too frequent for forecasts whose level drifts.
    """
    came = _observed(forecast_set, made_for, request)
    z = _scores(forecast_set, came)
    names = [s if loc == "main" else f"{s}@{loc}" for s, loc in zip(forecast_set.skus, forecast_set.locations, strict=True)]
    level = _ALARM / max(len(names), 1)
    error = came - forecast_set.mean
    back = [r.scores.get("rmse", 0.0) for r in forecast_set.reports]
    rows = [_row(name, z[i], error[i], back[i], level=level) for i, name in enumerate(names)]
    total_back = float(np.sqrt(np.mean(np.square(back)))) if back else 0.0
    return (_row("all", z.ravel(), error.ravel(), total_back, level=_ALARM), *rows)


def _observed(forecast_set: ForecastSet, made_for: tuple[str, ...], request: ForecastRequest) -> np.ndarray:
    """Return what came, (n, h), NaN where it is not known yet."""
    batch = read_batch(request)
    at = {int(d): row for row, d in enumerate(batch.days.tolist())}
    column = {pair: i for i, pair in enumerate(zip(batch.skus, batch.locations, strict=True))}
    out = np.full((len(forecast_set.skus), forecast_set.h), np.nan)
    for k, start in enumerate(made_for[: forecast_set.h]):
        row = at.get(int(np.datetime64(start[:10], "D").astype(np.int64)))
        for i, pair in enumerate(zip(forecast_set.skus, forecast_set.locations, strict=True)):
            if row is not None and pair in column:
                out[i, k] = batch.y[row, column[pair]]
    return out


def _scores(forecast_set: ForecastSet, came: np.ndarray) -> np.ndarray:
    grid, whole = forecast_set.state["grid"].astype(np.float64), forecast_set.state["integer"]
    out = np.full(came.shape, np.nan)
    for i, k in zip(*np.nonzero(~np.isnan(came)), strict=True):
        q = np.maximum.accumulate(grid[i, k])
        ends = (came[i, k] - 0.5, came[i, k] + 0.5) if whole[i] else (came[i, k], came[i, k])
        out[i, k] = normal_levels(np.array([sum(float(np.interp(e, q, LEVELS, left=0.0, right=1.0)) for e in ends) / 2]))[0]
    return out


def _row(name: str, z: np.ndarray, error: np.ndarray, back: float, *, level: float) -> Drift:
    z, error = z[~np.isnan(z)], error[~np.isnan(error)]
    n = len(z)
    if n == 0:
        return Drift(name, 0, 0.0, back, 0.0, 1.0, 0.0, 1.0, False)
    bias, spread = float(z.mean()), float((z * z).mean())
    # cube root of a chi-square over its degrees is nearly normal (Wilson and Hilferty 1931)
    wide = (spread ** (1 / 3) - (1 - 2 / (9 * n))) / math.sqrt(2 / (9 * n))
    p = min(1.0, 2 * min(math.erfc(abs(bias) * math.sqrt(n / 2)), 0.5 * math.erfc(wide / math.sqrt(2))))
    return Drift(name, n, float(np.sqrt((error**2).mean())), back, bias, spread, float((z > 1.6448536269514722).mean()), p, p < level)

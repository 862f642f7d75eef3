"""Rolling-origin backtest of any forecaster on the history of a goal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.calendar import Calendar
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
from dyocense_cli.kernel.forecast.series import read_batch
from dyocense_cli.kernel.forecast.shapes import Z

__all__ = ["Backtest", "Interval", "Scored", "backtest", "backtest_json", "seasonal_naive_grid"]

#: scores per series that are pooled, in the order they are shown
METRICS = ("crps", "mase", "rmsse", "pinball_50", "pinball_90", "pinball_95", "coverage_90", "coverage_95")
_LEAST_HISTORY = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """A mean over series with its 5 % and 95 % bootstrap limits."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one method: `series` metric -> float64 (n,), each scaled by the series' naive error; `pooled` metric -> interval;
    `joint` energy and variogram score of all series together, NaN where the method gives no joint paths; `rmse` in units."""

    name: str
    series: Mapping[str, np.ndarray]
    pooled: Mapping[str, Interval]
    joint: Mapping[str, float]
    rmse: float


@dataclasses.dataclass(frozen=True, slots=True)
class Backtest:
    """Scores of the forecaster (first) and of what it is compared with; `ratios` of CRPS and p95 pinball to each of the others."""

    skus: tuple[str, ...]
    locations: tuple[str, ...]
    origins: int
    h: int
    methods: tuple[Scored, ...]
    ratios: Mapping[str, Mapping[str, Interval]]


Forecast = Callable[[ForecastRequest], ForecastSet]
Draw = Callable[[ForecastSet], np.ndarray]


def backtest(request: ForecastRequest, forecasters: Mapping[str, Forecast], *, draw: Draw, origins: int = 3, seed: int = 0) -> Backtest:
    """Forecast from each of the last `origins` origins, a horizon apart, and score against what came.

    Parameters
    ----------
    request : ForecastRequest
        History and horizon of a goal; the horizon's length is kept, its start moves back.
    forecasters : mapping of name to callable
        The first is the one under test. ``seasonal naive`` is added.
    draw : callable
        Joint paths (n, h, s) of a forecast, for energy and variogram scores.

    Raises
    ------
    InputError
        DY2507 if no series has the history for one origin.
    """
    batch = read_batch(request)
    h, possible = batch.h, (len(batch.y) - _LEAST_HISTORY) // max(batch.h, 1)
    count = min(origins, possible)
    if count < 1 or batch.n == 0:
        raise InputError(
            "DY2507",
            f"a backtest needs {h + _LEAST_HISTORY} periods of history, there are {len(batch.y)}",
            hints="give a longer history, or a shorter horizon",
        )
    calendar = Calendar.of(request.every, request.period_starts)
    season = batch.season if 1 < batch.season <= 24 else 1
    kept: dict[str, list[dict[str, np.ndarray]]] = {}
    joint: dict[str, list[tuple[float, float]]] = {}
    for k in range(count):
        cut = len(batch.y) - h * (k + 1)
        past, came = batch.y[:cut], batch.y[cut : cut + h].T
        scale = mase_scale(past, season), rmsse_scale(past, season)
        earlier = _before(request, calendar, -h * (k + 1), h)
        for name, forecaster in forecasters.items():
            answer = forecaster(earlier)
            grid = answer.state["grid"].astype(np.float64)
            kept.setdefault(name, []).append(_score(came, quantiles_99(grid, batch.integer), answer.mean, scale))
            joint.setdefault(name, []).append(_joint(came, draw(answer), scale[0]))
        naive = seasonal_naive_grid(past, h, season)
        kept.setdefault("seasonal naive", []).append(_score(came, quantiles_99(naive, batch.integer), naive[..., len(Z) // 2], scale))
    methods = tuple(_scored(name, rows, joint.get(name, []), seed) for name, rows in kept.items())
    first = methods[0]
    ratios = {
        m.name: {key: Interval(*bootstrap_interval(first.series[key], seed=seed, against=m.series[key])) for key in ("crps", "pinball_95")}
        for m in methods[1:]
    }
    return Backtest(batch.skus, batch.locations, count, h, methods, ratios)


def _before(request: ForecastRequest, calendar: Calendar, first: int, h: int) -> ForecastRequest:
    """Return the request as it would have been asked before period `first`: no row of that period or later."""
    starts = tuple(str(d) for d in calendar.days(first, first + h).astype("datetime64[D]").tolist())
    table = request.tables["history"]
    column = table.columns["date"]
    early = np.array([label[:10] < starts[0] for label in column.labels or ()] + [False])
    rows = np.flatnonzero(early[column.values])
    history = Table({k: Column(c.values[rows], c.unit, c.labels) for k, c in table.columns.items()}, len(rows))
    return dataclasses.replace(request, tables={**request.tables, "history": history}, period_starts=starts)


def seasonal_naive_grid(past: np.ndarray, h: int, season: int) -> np.ndarray:
    """Return quantiles (n, h, 57) of the seasonal naive forecast: last season again, with a normal of the seasonal differences."""
    m = season if len(past) > season else 1
    filled = past.copy()
    for t in range(1, len(filled)):
        filled[t] = np.where(np.isnan(filled[t]), filled[t - 1], filled[t])
    filled = np.nan_to_num(filled)
    steps = np.arange(h)
    mean = filled[len(filled) - m + steps % m].T
    sd = np.sqrt(((filled[m:] - filled[:-m]) ** 2).mean(axis=0)) if len(filled) > m else np.zeros(filled.shape[1])
    return np.asarray(mean[:, :, None] + sd[:, None, None] * np.sqrt(1 + steps // m)[None, :, None] * Z)


def _score(came: np.ndarray, q: np.ndarray, mean: np.ndarray, scale: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Return scaled scores (n,) of one origin; periods without data are left out, a series without any is NaN."""
    known = ~np.isnan(came)
    y = np.where(known, came, 0.0)
    by = scale[0][:, None]
    found = {
        "crps": crps(y, q) / by,
        "mase": np.abs(y - q[..., 49]) / by,
        "rmsse": ((y - mean) / scale[1][:, None]) ** 2,
        "square": (y - mean) ** 2,
        "coverage_90": coverage(y, q[..., 89]),
        "coverage_95": coverage(y, q[..., 94]),
    }
    for level in (50, 90, 95):
        found[f"pinball_{level}"] = pinball(y, q[..., level - 1], float(Q[level - 1])) / by
    count = known.sum(axis=1)
    return {k: np.where(count > 0, np.where(known, v, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan) for k, v in found.items()}


def _joint(came: np.ndarray, paths: np.ndarray, scale: np.ndarray) -> tuple[float, float]:
    """Return energy and variogram score of the vector of all series, each over its scale, averaged over periods."""
    rows = np.flatnonzero(~np.isnan(came).any(axis=1) & ~np.isnan(scale))[:200]
    if len(rows) < 2:
        return float("nan"), float("nan")
    y, x = came[rows] / scale[rows, None], paths[rows] / scale[rows, None, None]
    steps = range(came.shape[1])
    return (
        sum(energy_score(y[:, t], x[:, t]) for t in steps) / len(steps),
        sum(variogram_score(y[:, t], x[:, t]) for t in steps) / len(steps),
    )


def _scored(name: str, rows: list[dict[str, np.ndarray]], joint: list[tuple[float, float]], seed: int) -> Scored:
    series = {key: _mean([r[key] for r in rows]) for key in (*METRICS, "square")}
    series["rmsse"] = np.sqrt(series["rmsse"])
    square = series.pop("square")
    pooled = {key: Interval(*bootstrap_interval(series[key], seed=seed)) for key in METRICS}
    energy = {key: float(np.mean([j[i] for j in joint])) if joint else float("nan") for i, key in enumerate(("energy", "variogram"))}
    return Scored(name, series, pooled, energy, float(np.sqrt(square[~np.isnan(square)].mean())) if (~np.isnan(square)).any() else 0.0)


def _mean(rows: list[np.ndarray]) -> np.ndarray:
    table = np.stack(rows)
    known = ~np.isnan(table)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, table, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def backtest_json(found: Backtest) -> dict[str, object]:
    """Return a backtest as a JSON document: pooled scores with intervals, scores per series, ratios to each peer."""
    methods = [
        {
            "name": m.name,
            "pooled": {k: dataclasses.asdict(v) for k, v in m.pooled.items()},
            "joint": dict(m.joint),
            "rmse": m.rmse,
            "series": [
                {"sku": s, "location": loc, **{k: float(v[i]) for k, v in m.series.items()}}
                for i, (s, loc) in enumerate(zip(found.skus, found.locations, strict=True))
            ],
        }
        for m in found.methods
    ]
    ratios = {name: {k: dataclasses.asdict(v) for k, v in r.items()} for name, r in found.ratios.items()}
    return {"origins": found.origins, "horizon": found.h, "methods": methods, "ratios": ratios}

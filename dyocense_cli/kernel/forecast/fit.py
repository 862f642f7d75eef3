"""The built-in forecaster: all series at once, from history to the arrays that joint paths are drawn from."""

from __future__ import annotations

import dataclasses

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.fallback import fall_back, poor_reasons
from dyocense_cli.kernel.forecast.guards import guard
from dyocense_cli.kernel.forecast.hierarchy import reconcile
from dyocense_cli.kernel.forecast.models import Model, model_of
from dyocense_cli.kernel.forecast.portfolio import Portfolio, fit_portfolio
from dyocense_cli.kernel.forecast.report import QUANTILE_LEVELS, pooled_rmse, series_reports
from dyocense_cli.kernel.forecast.series import Batch, read_batch
from dyocense_cli.kernel.forecast.shapes import mean_of, quantile_at
from dyocense_cli.kernel.forecast.state import sampling_state

__all__ = ["Fitted", "assemble", "fit_batch", "forecast_request"]

#: series fitted at once: the working set of one block stays in cache, and memory is bounded
_BLOCK = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted batch: `grid` (n, h, 57), `mean` (h, n), one-step `scores` (T, n), `persistence`, `rmse`, `origins` (n,), and what was
    chosen, in words, per series."""

    grid: np.ndarray
    mean: np.ndarray
    scores: np.ndarray
    persistence: np.ndarray
    rmse: np.ndarray
    origins: np.ndarray
    methods: tuple[str, ...]
    whys: tuple[str, ...]


def forecast_request(request: ForecastRequest) -> ForecastSet:
    """Forecast every series of a request.

    Raises
    ------
    InputError
        DY2501 … DY2506, see `series.read_batch` and `models.model_of`.
    """
    model = model_of(request.model)
    batch = read_batch(request)
    return assemble(
        batch,
        fit_batch(batch, model),
        config={"model": request.model, "every": request.every, "forecaster": "builtin"},
        with_sums=model.reconcile,
    )


def fit_batch(batch: Batch, model: Model) -> Fitted:
    """Fit a batch block by block; a series' result does not depend on the block it is in."""
    parts = [_fit_block(batch, slice(i, min(i + _BLOCK, batch.n)), model) for i in range(0, batch.n, _BLOCK)]
    if not parts:
        none = np.zeros(0)
        return Fitted(np.zeros((0, batch.h, 57)), np.zeros((batch.h, 0)), np.zeros((len(batch.y), 0)), none, none, none, (), ())
    return Fitted(
        np.concatenate([p.grid for p in parts]),
        np.concatenate([p.mean for p in parts], axis=1),
        np.concatenate([p.scores for p in parts], axis=1),
        np.concatenate([p.persistence for p in parts]),
        np.concatenate([p.rmse for p in parts]),
        np.concatenate([p.origins for p in parts]),
        tuple(m for p in parts for m in p.methods),
        tuple(w for p in parts for w in p.whys),
    )


def _fit_block(batch: Batch, part: slice, model: Model) -> Fitted:
    y, integer = batch.y[:, part], batch.integer[part]
    n = y.shape[1]
    if n == 1:  # a second column keeps sums along time in the order they have among many series
        y, integer = np.repeat(y, 2, axis=1), np.repeat(integer, 2)
    fitted = fit_portfolio(
        y,
        h=batch.h,
        season=1 if batch.season > 24 else batch.season,
        year=batch.season if batch.season >= 26 else 0,
        integer=integer,
        candidates=model.candidates,
        with_season=model.with_season,
        as_counts=model.as_counts,
    )
    m = fitted.mixture
    return Fitted(
        fitted.grid[:n],
        fitted.mean[:, :n],
        m.scores[:, :n],
        m.persistence[:n],
        m.rmse[:n],
        m.origins[:n],
        tuple(_method(fitted, i, batch.season) for i in range(n)),
        tuple(f"lowest error from {m.origins[i]} origins, 1 to {batch.h} ahead" for i in range(n)),
    )


def _method(fitted: Portfolio, i: int, season: int) -> str:
    weight = fitted.mixture.weight[:, i]
    order = np.argsort(-weight, kind="stable")
    parts = [f"{fitted.mixture.names[j]} {100 * weight[j]:.0f} %" for j in order.tolist() if weight[j] >= 0.15]
    words = ["mixture of " + ", ".join(parts) if parts else "even mixture"]
    if fitted.seasonal[i]:
        words.append(f"season of {season}")
    if fitted.rare[i] > 0:
        words.append(f"negative binomial {100 * fitted.rare[i]:.0f} %")
    return "; ".join(words)


def assemble(
    batch: Batch, fitted: Fitted, *, config: dict[str, str | float | bool], warnings: tuple[str, ...] = (), with_sums: bool = False
) -> ForecastSet:
    """Turn fitted marginals into a `ForecastSet`: fallbacks, guards, reconciliation, reports, sampling state."""
    grid, mean = fitted.grid.copy(), fitted.mean.copy()
    reasons = poor_reasons(batch)
    methods, borrowed = fall_back(batch, grid, mean, reasons)
    if with_sums:
        reconcile(batch, grid)
    names = tuple(s if loc == "main" else f"{s}@{loc}" for s, loc in zip(batch.skus, batch.locations, strict=True))
    known = ~np.isnan(batch.y)
    largest = np.where(known.any(axis=0), np.where(known, batch.y, 0.0).max(axis=0), np.nan)
    warnings += guard(grid, largest, names)
    integer = batch.integer & ~np.isin(np.arange(batch.n), borrowed)
    state = sampling_state(grid, integer=integer, scores=fitted.scores, days=batch.days, persistence=fitted.persistence)
    reports = series_reports(
        batch,
        reasons=reasons,
        methods=tuple(methods.get(i, m) for i, m in enumerate(fitted.methods)),
        whys=tuple("no row at this location" if batch.absent[i] else reasons[i] or w for i, w in enumerate(fitted.whys)),
        scores=fitted.scores,
        rmse=fitted.rmse,
    )
    quantiles = np.stack([quantile_at(grid, p) for p in QUANTILE_LEVELS], axis=1)
    return ForecastSet(
        batch.skus,
        batch.locations,
        batch.h,
        QUANTILE_LEVELS,
        mean_of(grid),
        quantiles,
        reports,
        state,
        scores={"rmse": pooled_rmse(reports)},
        warnings=warnings,
        config=config,
    )

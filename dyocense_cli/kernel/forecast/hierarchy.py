"""Reconcile SKU forecasts with forecasts of their sums: by category, by location, and in total.

Sums are often easier to forecast than their parts. Each sum is forecast as a series of its own; parts and sums are then moved, each in
proportion to its variance, to the nearest forecasts that add up.

Source: Wickramasuriya, Athanasopoulos, Hyndman, *Optimal forecast reconciliation using unbiased base forecasts*, JASA 114, 2019, with a
diagonal error covariance (WLS).
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.forecast.portfolio import fit_portfolio
from dyocense_cli.kernel.forecast.series import Batch
from dyocense_cli.kernel.forecast.shapes import MASS, mean_of

__all__ = ["reconcile", "sums_of"]


def sums_of(batch: Batch) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and membership (m, n) of the sums: total, each category, each location with more than one member."""
    groups: dict[str, np.ndarray] = {"total": np.ones(batch.n, dtype=bool)}
    for kind, labels in (("category", batch.categories), ("location", batch.locations)):
        column = np.array(labels)
        for label in sorted(set(labels) - {""}):
            member = column == label
            if 1 < member.sum() < batch.n:
                groups[f"{kind} {label}"] = member
    return tuple(groups), np.stack(list(groups.values())).astype(np.float64)


def reconcile(batch: Batch, grid: np.ndarray) -> None:
    """Move the quantiles (n, h, 57) of every series, in place, so that means add up to reconciled sums; spreads keep their ratio.

    Changes couple the series: with this model a series' paths depend on the others of its category and location.
    """
    if batch.n < 2:
        return
    _, member = sums_of(batch)
    y = np.where(np.isnan(batch.y).any(axis=1, keepdims=True) & np.isnan(batch.y), 0.0, batch.y)
    whole = (~np.isnan(batch.y)).all(axis=1)
    totals = np.where(whole[:, None], y @ member.T, np.nan)
    if whole.sum() < 8:
        return
    pad = np.repeat(totals[:, :1], max(0, 2 - totals.shape[1]), axis=1)
    sums = fit_portfolio(
        np.concatenate([totals, pad], axis=1),
        h=batch.h,
        season=1 if batch.season > 24 else batch.season,
        year=0,
        integer=np.zeros(totals.shape[1] + pad.shape[1], dtype=bool),
    ).grid[: len(member)]
    base, above = mean_of(grid), mean_of(sums)
    var, var_above = _variance(grid, base), _variance(sums, above)
    for k in range(batch.h):
        gap = above[:, k] - member @ base[:, k]
        spread = (member * var[:, k]) @ member.T + np.diag(var_above[:, k] + 1e-9)
        new = np.maximum(base[:, k] + var[:, k] * (member.T @ np.linalg.solve(spread, gap)), 0.0)
        grid[:, k] *= np.where(base[:, k] > 0, new / np.maximum(base[:, k], 1e-12), 1.0)[:, None]


def _variance(grid: np.ndarray, mean: np.ndarray) -> np.ndarray:
    return np.asarray(((np.maximum(grid, 0.0) - mean[..., None]) ** 2) @ MASS)

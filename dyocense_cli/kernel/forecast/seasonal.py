"""Seasonal indices: ratio to a centred moving average, shrunk towards 1 by how uncertain they are.

Sources: Makridakis, Wheelwright, Hyndman, *Forecasting*, 1998, ch. 3 (ratio to moving average); Miller and Williams, *Shrinkage
estimators of time series seasonal factors and their effect on forecasting accuracy*, International Journal of Forecasting 19, 2003.
"""

from __future__ import annotations

import numpy as np

__all__ = ["seasonal_indices"]

_LEAST = 0.05


def seasonal_indices(y: np.ndarray, season: int) -> np.ndarray:
    """Return multiplicative indices float64 (season, n) with mean 1; index j belongs to rows with (row - T) % season == j.

    `y` is (T, n), time-major, NaN where there is no data. A series has season only if it shows two full cycles and three
    sales per position on average; others get ones.
    """
    length, n = y.shape
    if season < 2 or length < 2 * season + 1:
        return np.ones((max(season, 1), n))
    trend = _centred_average(y, season)
    good = ~np.isnan(y) & (trend > 0)
    y0, trend = np.where(good, y, 0.0), np.where(good, trend, 0.0)
    index, noise = np.ones((season, n)), np.zeros((season, n))
    count = np.zeros((season, n))
    for j in range(season):
        rows = slice((length + j) % season, None, season)
        count[j] = good[rows].sum(axis=0)
        base = trend[rows].sum(axis=0)
        index[j] = np.where(base > 0, y0[rows].sum(axis=0) / np.where(base > 0, base, 1.0), 1.0)
        spread = ((y0[rows] - index[j] * trend[rows]) ** 2).sum(axis=0)
        level = base / np.maximum(count[j], 1)
        noise[j] = spread / np.maximum(count[j] - 1, 1) / np.maximum(level**2, 1e-300) / np.maximum(count[j], 1)
    index /= np.maximum(index.sum(axis=0) / season, 1e-12)
    enough = (count.min(axis=0) >= 2) & ((y > 0).sum(axis=0) >= 3 * season)
    return np.where(enough, _shrink(index, noise, season), 1.0)


def _shrink(index: np.ndarray, noise: np.ndarray, season: int) -> np.ndarray:
    """Pull indices towards 1 by the share of their variance that sampling explains (James and Stein)."""
    between = ((index - 1) ** 2).sum(axis=0) / (season - 1)
    share = (max(season - 3, 1) / (season - 1)) * (noise.sum(axis=0) / season) / np.maximum(between, 1e-12)
    return np.asarray(np.maximum(1 + np.clip(1 - share, 0.0, 1.0) * (index - 1), _LEAST))


def _centred_average(y: np.ndarray, season: int) -> np.ndarray:
    """Return the centred moving average over one season, NaN at the ends and where less than 3/4 of it is known."""
    length = len(y)
    weights = np.ones(season) if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    half = len(weights) // 2
    known = ~np.isnan(y)
    y0 = np.where(known, y, 0.0)
    total, seen = np.zeros_like(y), np.zeros_like(y)
    for j, w in enumerate(weights.tolist()):
        rows = slice(j, length - 2 * half + j)
        total[half : length - half] += w * y0[rows]
        seen[half : length - half] += w * known[rows]
    return np.asarray(np.where(seen >= 0.75 * season, total / np.maximum(seen, 1e-12), np.nan))

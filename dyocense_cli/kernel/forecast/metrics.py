"""Scores of probabilistic forecasts; smaller is better but for coverage.

Sources: Gneiting and Raftery, *Strictly proper scoring rules, prediction, and estimation*, JASA 102, 2007 (CRPS, energy score, pinball);
Hyndman and Koehler, *Another look at measures of forecast accuracy*, IJF 22, 2006 (MASE, RMSSE); Scheuerer and Hamill,
*Variogram-based proper scoring rules*, Monthly Weather Review 143, 2015.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dyocense_cli.kernel.forecast.shapes import LEVELS, Z

__all__ = [
    "Q",
    "bootstrap_interval",
    "coverage",
    "crps",
    "energy_score",
    "mase_scale",
    "pinball",
    "quantiles_99",
    "rmsse_scale",
    "variogram_score",
]

#: 0.01 … 0.99
Q: Final = np.arange(1, 100) / 100.0
_ZQ: Final = np.interp(Q, LEVELS, Z)


def quantiles_99(grid: np.ndarray, integer: np.ndarray) -> np.ndarray:
    """Return quantiles (n, h, 99) at 0.01 … 0.99 of grids (n, h, 57): not negative, whole where `integer` (n,)."""
    pos = (_ZQ - Z[0]) / (Z[1] - Z[0])
    k = np.minimum(pos.astype(int), len(Z) - 2)
    found = np.maximum(grid[..., k] * (1 - (pos - k)) + grid[..., k + 1] * (pos - k), 0.0)
    return np.asarray(np.where(integer[:, None, None], np.rint(found), found))


def pinball(y: np.ndarray, q: np.ndarray, level: float) -> np.ndarray:
    """Return the pinball loss of quantile forecasts `q` at `level`."""
    return np.asarray(np.maximum(level * (y - q), (level - 1) * (y - q)))


def crps(y: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score from 99 quantiles (..., 99): twice their mean pinball loss."""
    away = y[..., None] - q
    return np.asarray(2 * np.maximum(Q * away, (Q - 1) * away).mean(axis=-1))


def coverage(y: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return 1 where the observation is at or below its quantile."""
    return np.asarray((y <= q + 1e-9).astype(np.float64))


def mase_scale(past: np.ndarray, season: int) -> np.ndarray:
    """Return the mean absolute seasonal difference of histories (T, n), (n,); the mean level where it is zero, NaN where both are."""
    return _scale(past, season, np.abs)


def rmsse_scale(past: np.ndarray, season: int) -> np.ndarray:
    """Return the root mean square seasonal difference of histories (T, n), (n,)."""
    return np.asarray(np.sqrt(_scale(past, season, np.square)))


def _scale(past: np.ndarray, season: int, of: np.ufunc) -> np.ndarray:
    step = season if len(past) > season else 1
    away = of(past[step:] - past[:-step])
    known = ~np.isnan(away)
    scale = np.where(known, away, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    level = of(np.where(np.isnan(past), 0.0, past)).sum(axis=0) / np.maximum((~np.isnan(past)).sum(axis=0), 1)
    found = np.where(scale > 0, scale, level)
    return np.where(found > 0, found, np.nan)


def energy_score(y: np.ndarray, paths: np.ndarray) -> float:
    """Return the energy score of paths (d, s) for an observation (d,): the CRPS of vectors."""
    near = float(np.sqrt(((paths - y[:, None]) ** 2).sum(axis=0)).mean())
    half = paths.shape[1] // 2
    apart = float(np.sqrt(((paths[:, :half] - paths[:, half : 2 * half]) ** 2).sum(axis=0)).mean()) if half else 0.0
    return near - 0.5 * apart


def variogram_score(y: np.ndarray, paths: np.ndarray) -> float:
    """Return the variogram score of order 0.5 of paths (d, s), mean over pairs of coordinates: blind to level, keen on correlation."""
    d = len(y)
    seen = np.abs(y[:, None] - y[None, :]) ** 0.5
    total = np.zeros((d, d))
    for i in range(d):
        total[i] = (np.abs(paths[i] - paths) ** 0.5).mean(axis=1)
    return float(((seen - total) ** 2).sum() / max(d * (d - 1), 1))


def bootstrap_interval(
    values: np.ndarray, *, draws: int = 500, seed: int = 0, against: np.ndarray | None = None
) -> tuple[float, float, float]:
    """Return a mean, or the ratio of two means, with its 5 % and 95 % bootstrap limits over series; NaNs are left out."""
    ok = ~np.isnan(values) if against is None else ~(np.isnan(values) | np.isnan(against))
    values, base = values[ok], None if against is None else against[ok]
    if len(values) == 0:
        return float("nan"), float("nan"), float("nan")
    pick = np.random.default_rng(seed).integers(0, len(values), (draws, len(values)))
    means = values[pick].mean(axis=1)
    point = float(values.mean())
    if base is not None:
        means, point = means / np.maximum(base[pick].mean(axis=1), 1e-300), point / max(float(base.mean()), 1e-300)
    low, high = np.quantile(means, (0.05, 0.95)).tolist()
    return point, low, high

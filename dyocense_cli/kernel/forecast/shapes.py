"""Quantile functions on a fixed grid of normal levels: how every method states a marginal distribution.

`Z` holds 57 knots from -3.5 to 3.5; a marginal is its quantiles at levels Φ(z), and a value between knots is interpolated linearly,
which is exact for a normal. A whole-number variable N is stated as that of N + U - 1/2 with U uniform, so that rounding an
interpolated value gives N back.

Sources: Wilson and Hilferty, *The distribution of chi-square*, 1931; Johnson, Kemp, Kotz, *Univariate discrete distributions*, ch. 5.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["LEVELS", "Z", "gamma_quantiles", "mean_of", "negative_binomial_quantiles", "normal_levels", "quantile_at"]

Z: np.ndarray = np.linspace(-3.5, 3.5, 57)
#: Φ(Z)
LEVELS: np.ndarray = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in Z.tolist()])
#: probability that each knot stands for
MASS: np.ndarray = np.diff(np.concatenate([[0.0], 0.5 * (LEVELS[1:] + LEVELS[:-1]), [1.0]]))

_LARGEST_COUNT = 400
_SMALL_MEAN = 40.0


def gamma_quantiles(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return quantiles (..., 57) of a gamma distribution, by the cube of a normal; close to a normal where the spread is small."""
    c = np.minimum(variance / np.maximum(mean**2, 1e-24), 4.0)[..., None]
    return np.asarray(mean[..., None] * np.maximum(1 - c / 9 + Z * np.sqrt(c) / 3, 0.0) ** 3)


def negative_binomial_quantiles(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return quantiles (m, 57) of a negative binomial, Poisson where the variance is not above the mean; (m,) inputs.

    Means above 40 take the gamma's quantiles, which differ by less than the rounding.
    """
    variance = np.maximum(variance, mean * 1.0001)
    out = gamma_quantiles(mean, variance)
    small = np.flatnonzero(mean <= _SMALL_MEAN)
    for part in np.array_split(small, max(1, len(small) // 4096)):
        if len(part):
            out[part] = _inverse(_negative_binomial_pmf(mean[part], variance[part]))
    return out


def _negative_binomial_pmf(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return probabilities (K, m) of 0 .. K - 1, by recursion from log P(0)."""
    mean = np.maximum(mean, 1e-9)
    excess = np.maximum(variance - mean, 1e-6 * mean)
    r = mean**2 / excess
    q = mean / (mean + r)
    top = int(min(_LARGEST_COUNT, 8 + float((mean + 6 * np.sqrt(variance) + 3 * variance / mean).max())))
    p = np.exp(r * np.log1p(-q))
    rows = np.empty((top, len(mean)))
    for k in range(top):
        rows[k] = p
        p = p * (k + r) / (k + 1) * q
    return rows


def _inverse(pmf: np.ndarray) -> np.ndarray:
    """Return the quantiles (m, 57) of N + U - 1/2 from probabilities (K, m)."""
    top, m = pmf.shape
    cdf = np.minimum(np.cumsum(pmf, axis=0), 1.0).T
    shift = np.arange(m)[:, None] * 2.0
    at = np.searchsorted((cdf + shift).ravel(), (np.minimum(LEVELS, 1 - 1e-9) + shift).ravel()).reshape(m, -1) - np.arange(m)[:, None] * top
    at = np.clip(at, 0, top - 1)
    below = np.where(at > 0, np.take_along_axis(cdf, np.maximum(at - 1, 0), axis=1), 0.0)
    inside = np.maximum(np.take_along_axis(pmf.T, at, axis=1), 1e-300)
    return np.asarray(np.maximum(at - 0.5 + np.clip((LEVELS - below) / inside, 0.0, 1.0), -0.5))


def quantile_at(grid: np.ndarray, level: float) -> np.ndarray:
    """Return the quantile at `level` of grids (..., 57), never below zero."""
    z = float(np.interp(level, LEVELS, Z))
    pos = (z - Z[0]) / (Z[1] - Z[0])
    k = min(int(pos), len(Z) - 2)
    w = pos - k
    return np.asarray(np.maximum(grid[..., k] * (1 - w) + grid[..., k + 1] * w, 0.0))


def mean_of(grid: np.ndarray) -> np.ndarray:
    """Return the mean of grids (..., 57), values below zero counted as zero, summed in a fixed order."""
    total = np.zeros(grid.shape[:-1])
    for k in range(grid.shape[-1]):
        total += np.maximum(grid[..., k], 0.0) * MASS[k]
    return total


def normal_levels(rank: np.ndarray) -> np.ndarray:
    """Return Φ⁻¹ of levels in (0, 1), by interpolation in a fine table; ends at ±3.5."""
    return np.asarray(np.interp(rank, _FINE_LEVELS, _FINE_Z))


_FINE_Z = np.linspace(-3.5, 3.5, 701)
_FINE_LEVELS = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in _FINE_Z.tolist()])

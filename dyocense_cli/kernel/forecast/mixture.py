"""Weights of the candidates by their errors from every origin, and the spread and shape of the mixture's own errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.kernel.forecast.shapes import LEVELS, Z
from dyocense_cli.kernel.forecast.smooth import Candidate, smooth
from dyocense_cli.kernel.forecast.yearly import YEARLY, has_two_years, yearly_ahead

__all__ = ["Mixture", "mix"]

#: mean absolute deviation to standard deviation of a normal
_ROBUST = 1.2533
_LEAST_ERRORS = 3
_USUAL_MEMORY = 0.2
_MOST_MEMORY = 0.6


@dataclass(frozen=True, slots=True)
class Mixture:
    """A weighted forecast and what is known of its errors, on the scale of square roots.

    `names` of the candidates (a,) and their `weight` (a, n); `mean` and `sigma` (h, n); `shape` (n, 57): empirical quantiles of errors over
    their spread; `dispersion` (n,): variance per unit of mean; `origins` (n,): how many one-step errors there are; `scores` (T, n):
    one-step errors over their spread, NaN where there are none; `persistence` (n,): see `artifacts.forecast`; `rmse` (n,) of one-step
    errors, in units.
    """

    names: tuple[str, ...]
    weight: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    shape: np.ndarray
    dispersion: np.ndarray
    origins: np.ndarray
    scores: np.ndarray
    persistence: np.ndarray
    rmse: np.ndarray


def mix(
    y: np.ndarray,
    rows: np.ndarray,
    *,
    h: int,
    candidates: tuple[Candidate, ...],
    rare: np.ndarray,
    origin_weight: np.ndarray,
    sharpness: tuple[float, float],
    burn: np.ndarray,
    year: int,
    with_year: bool,
) -> Mixture:
    """Smooth, weigh and measure.

    `y` (T, n); `rows` (T + h, n) seasonal indices of its periods and of the horizon; `rare` (n,): squared errors decide;
    `origin_weight` (T + 1, n); `burn` (n,): first origin that counts; `year` periods
    per year, and whether last year's shape competes `with_year`.
    """
    length = len(y)
    flat = y / rows[:length]
    states = smooth(flat, candidates)
    ahead = [states.ahead(k) for k in range(1, h + 1)]
    known = ~np.isnan(y)
    long = has_two_years(y, year) if with_year else np.zeros(y.shape[1], dtype=bool)
    if long.any():
        extra = yearly_ahead(flat, states.level, candidates, h=h, year=year)
        ahead = [np.concatenate([a, e], axis=1) for a, e in zip(ahead, extra, strict=True)]
        burn = np.where(long, np.maximum(burn, known.argmax(axis=0) + year + 6), burn)
        candidates += YEARLY
    origin = np.arange(length + 1)[:, None]
    trusted = np.where(origin >= burn, origin_weight, 0.0)
    ok = [known[k:] & (trusted[: length - k] > 0) for k in range(h)]
    weights = [np.where(ok[k], trusted[: length - k], 0.0) for k in range(h)]
    usable = np.array([[c not in YEARLY] for c in candidates]) | long
    weight = _weigh(flat, ahead, weights, usable=usable, rare=rare, sharpness=sharpness)
    errors, raw, expected = [], [], []
    for k in range(h):
        forecast = (weight * ahead[k][: length - k]).sum(axis=1) * rows[k:length]
        target = np.where(known[k:], y[k:], 0.0)
        errors.append(np.where(ok[k], np.sqrt(target) - np.sqrt(forecast), 0.0))
        raw.append(np.where(ok[k], target - forecast, 0.0))
        expected.append(np.where(ok[k], forecast, 0.0))
    sigma, measured = _spread(errors, weights, ok)
    mean = np.stack([(weight * ahead[k][length]).sum(axis=0) * rows[length + k] for k in range(h)])
    scores = np.where(ok[0], errors[0] / np.maximum(measured[0], 1e-12), np.nan)
    rmse = np.sqrt((weights[0] * raw[0] ** 2).sum(axis=0) / np.maximum(weights[0].sum(axis=0), 1e-300))
    return Mixture(
        tuple(c.name for c in candidates),
        weight,
        mean,
        sigma,
        _shape(errors, weights, measured),
        _dispersion(raw, weights, expected),
        ok[0].sum(axis=0),
        scores,
        _persistence(errors, weights, measured),
        rmse,
    )


def _weigh(
    flat: np.ndarray,
    ahead: list[np.ndarray],
    weights: list[np.ndarray],
    *,
    usable: np.ndarray,
    rare: np.ndarray,
    sharpness: tuple[float, float],
) -> np.ndarray:
    """Return candidate weights (a, n) that sum to 1; 0 where a candidate is not `usable` (a, n)."""
    length, candidates = len(flat), ahead[0].shape[1]
    absolute, square = np.zeros((candidates, flat.shape[1])), np.zeros((candidates, flat.shape[1]))
    target = np.where(np.isnan(flat), 0.0, flat)
    for k, w in enumerate(weights):
        error = (ahead[k][: length - k] - target[k:, None]) * (w > 0)[:, None]
        total = np.maximum(w.sum(axis=0), 1e-12)
        absolute += (w[:, None] * np.abs(error)).sum(axis=0) / total
        square += np.sqrt((w[:, None] * error**2).sum(axis=0) / total)
    depth = np.sqrt(np.minimum((~np.isnan(flat)).sum(axis=0), 100) / 40)
    best = np.where(usable, absolute, np.inf).min(axis=0), np.where(usable, square, np.inf).min(axis=0)
    by_absolute = sharpness[0] * (absolute / np.maximum(best[0], 1e-12) - 1)
    by_square = sharpness[1] * (square / np.maximum(best[1], 1e-12) - 1)
    weight = np.exp(-np.clip(np.where(rare, by_square, by_absolute) * depth, 0.0, 700.0)) * usable
    return np.asarray(weight / weight.sum(axis=0))


def _spread(errors: list[np.ndarray], weights: list[np.ndarray], ok: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the spread per step, smoothed to a line that does not fall, and as measured; (h, n) each.

    A step with fewer than three errors takes the spread of the step before, a little wider.
    """
    measured: list[np.ndarray] = []
    for k, (e, w) in enumerate(zip(errors, weights, strict=True)):
        sd = _ROBUST * (w * np.abs(e)).sum(axis=0) / np.maximum(w.sum(axis=0), 1e-300)
        if k:
            sd = np.where(ok[k].sum(axis=0) >= _LEAST_ERRORS, sd, measured[-1] * 1.05)
        measured.append(sd)
    found = np.stack(measured)
    h = len(found)
    base = found.sum(axis=0) / h
    if h == 1:
        return found, found
    step = np.arange(h)[:, None] - (h - 1) / 2
    slope = np.maximum((step * (found - base)).sum(axis=0) / float((step**2).sum()), 0.0)
    return np.maximum(base + slope * step, 0.5 * base), found


def _shape(errors: list[np.ndarray], weights: list[np.ndarray], sigma: np.ndarray) -> np.ndarray:
    """Return weighted empirical quantiles (n, 57) of standardised errors of all steps; the normal's where fewer than three are known."""
    standard = np.concatenate([e / np.maximum(sigma[k], 1e-12) for k, e in enumerate(errors)])
    weight = np.concatenate(weights)
    order = np.argsort(np.where(weight > 0, standard, np.inf), axis=0, kind="stable")
    value, weight = np.take_along_axis(standard, order, axis=0), np.take_along_axis(weight, order, axis=0)
    total = weight.sum(axis=0)
    level = (np.cumsum(weight, axis=0) - weight / 2) / np.maximum(total, 1e-300)
    count = (weight > 0).sum(axis=0)
    m, n = level.shape
    level = np.where(weight > 0, level, 1.5).T
    at = np.searchsorted((level + 2.0 * np.arange(n)[:, None]).ravel(), (LEVELS + 2.0 * np.arange(n)[:, None]).ravel()).reshape(n, -1)
    at = np.clip(at - np.arange(n)[:, None] * m, 0, np.maximum(count - 1, 0)[:, None])
    before = np.maximum(at - 1, 0)
    low, high = np.take_along_axis(level, before, axis=1), np.take_along_axis(level, at, axis=1)
    part = np.clip((LEVELS - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    value = value.T
    found = np.take_along_axis(value, before, axis=1) * (1 - part) + np.take_along_axis(value, at, axis=1) * part
    return np.asarray(np.where((count >= _LEAST_ERRORS)[:, None], found, Z))


def _dispersion(raw: list[np.ndarray], weights: list[np.ndarray], expected: list[np.ndarray]) -> np.ndarray:
    """Return variance per unit of mean, averaged over steps, (n,)."""
    total = np.zeros(raw[0].shape[1])
    for e, w, f in zip(raw, weights, expected, strict=True):
        total += (w * e**2).sum(axis=0) / np.maximum((w * f).sum(axis=0), 1e-12)
    return np.asarray(total / len(raw))


def _persistence(errors: list[np.ndarray], weights: list[np.ndarray], sigma: np.ndarray) -> np.ndarray:
    """Return how much of a shock persists, (n,): the value at which the spread of the horizon's total is what its errors show."""
    h = len(errors)
    origins = len(errors[-1])
    if h == 1 or origins < 1:
        return np.zeros(errors[0].shape[1])
    full = np.ones_like(errors[-1], dtype=bool)
    total = np.zeros_like(errors[-1])
    for k, e in enumerate(errors):
        full &= weights[k][:origins] > 0
        total += e[:origins] / np.maximum(sigma[k], 1e-12)
    w = np.where(full, weights[-1], 0.0)
    ratio = (w * total**2).sum(axis=0) / np.maximum(w.sum(axis=0), 1e-300) / h
    trust = full.sum(axis=0) / (full.sum(axis=0) + 12.0 * h)
    grid = np.linspace(0, _MOST_MEMORY, 21)
    known = [_total_variance(m, h) for m in grid.tolist()]
    return np.asarray(np.interp(trust * ratio + (1 - trust) * _total_variance(_USUAL_MEMORY, h), known, grid))


def _total_variance(memory: float, h: int) -> float:
    """Return the variance of a total of `h` unit steps, over h, when shocks persist by `memory`."""
    rows = np.tril(np.full((h, h), memory), -1) + np.eye(h)
    rows /= np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return float((rows.sum(axis=0) ** 2).sum()) / h

"""The built-in method: a mixture of smoothing candidates for the mean, and of two shapes for the spread.

1. Seasonal indices are taken out; every candidate smooths every series (`smooth`).
2. From each origin each candidate forecasts 1 … h periods ahead; its weight falls with its absolute error (squared error for
   intermittent demand), recent origins counting more. This is rolling-origin cross-validation at every origin there is.
3. The mixture's own errors, on the scale of square roots where the spread of demand is nearly constant, give a spread per step and a
   shape, half normal and half their empirical distribution; for intermittent demand a negative binomial whose mean is a slow average
   takes its place by degrees, unless the mixture has moved far from that average.
4. With two years of weeks, last year's shape joins the candidates (`yearly`), and errors made at the same time of the year count more.

The constants of `Settings` were chosen on the tuning half of the public sets; see `docs/benchmarks/forecast.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.kernel.forecast.classes import demand_interval
from dyocense_cli.kernel.forecast.mixture import Mixture, mix
from dyocense_cli.kernel.forecast.seasonal import seasonal_indices
from dyocense_cli.kernel.forecast.shapes import LEVELS, Z, gamma_quantiles, negative_binomial_quantiles
from dyocense_cli.kernel.forecast.smooth import CANDIDATES, Candidate
from dyocense_cli.kernel.forecast.yearly import has_two_years

__all__ = ["Portfolio", "Settings", "fit_portfolio"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Tuned constants; periods are the series' own."""

    discount: float = 0.99  #: weight of an origin per period of age
    sharpness: float = 8.0  #: how fast a candidate's weight falls with its relative error
    sharpness_rare: float = 2.0
    yearly_floor: float = 0.5  #: weight of an origin at the other end of the year
    yearly_width: float = 0.08  #: of the bell by time of year, in years
    empirical: float = 0.5  #: share of the empirical shape
    inflation: float = 0.9  #: of the spread: robust scale of in-sample errors against the normal's
    inflation_small: float = 6.0  #: … and 1 + this / n
    parametric: float = 0.3  #: share of the gamma or negative binomial for regular demand
    rare_from: float = 1.2  #: demand interval at which demand begins to be treated as counts
    rare_full: float = 1.6
    count_memory: float = 0.95  #: discount of the slow average of counts; per day 0.98
    count_memory_day: float = 0.98
    disagreement: float = 1.2  #: spreads between slow average and mixture at which each has half the say


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What was fitted: quantile `grid` (n, h, 57), `mean` (h, n), the `mixture`, and whether a season was found (n,)."""

    grid: np.ndarray
    mean: np.ndarray
    mixture: Mixture
    seasonal: np.ndarray
    rare: np.ndarray  # (n,) 0 … 1: how far demand is treated as counts


def fit_portfolio(
    y: np.ndarray,
    *,
    h: int,
    season: int,
    year: int,
    integer: np.ndarray,
    candidates: tuple[Candidate, ...] = CANDIDATES,
    settings: Settings | None = None,
    with_season: bool = True,
    as_counts: bool = False,
) -> Portfolio:
    """Fit all series of `y` (T, n), time-major, NaN where there is no data, and forecast `h` periods.

    Parameters
    ----------
    y : float64 (T, n)
        Demand; each column ends on the period before the horizon. n ≥ 2, so that sums run in one order however many series there are.
    h, season, year : int
        Steps; periods per season (1 = none); periods per year (0 = of no use).
    integer : bool (n,)
        Series of whole numbers.
    candidates, with_season, as_counts
        Which smoothing constants compete; whether seasons are looked for; whether all demand is treated as counts.
    """
    s = settings or Settings()
    length = len(y)
    index = seasonal_indices(y, season) if with_season else np.ones((max(season, 1), y.shape[1]))
    rows = index[(np.arange(length + h) - length) % len(index)]
    adi = demand_interval(y)
    rare = np.ones_like(adi) if as_counts else np.clip((adi - s.rare_from) / (s.rare_full - s.rare_from), 0.0, 1.0)
    mixture = mix(
        y,
        rows,
        h=h,
        candidates=candidates,
        rare=adi >= 1.32,
        origin_weight=_origin_weights(y, year, s),
        sharpness=(s.sharpness, s.sharpness_rare),
        burn=_burn_in(y, season),
        year=year,
        with_year=with_season and any(c.level == 0.16 and not c.trend for c in candidates),
    )
    level, dispersion = _counts(y, rows, s.count_memory_day if season == 7 else s.count_memory)
    slow = rare / (1 + _distance(mixture.mean / rows[length:], level, dispersion, s.disagreement) ** 4)
    mean = slow * level * rows[length:] + (1 - slow) * mixture.mean
    phi = rare * dispersion + (1 - rare) * mixture.dispersion
    observed = (~np.isnan(y)).sum(axis=0)
    mean_counts = np.maximum(mean, 0.3 / (observed + 1))
    shape = _parametric(mean_counts, phi * mean_counts, integer & ((phi >= 1) | (rare > 0)))
    spread = s.inflation * (1 + s.inflation_small / np.maximum(np.minimum(observed, 1 / (1 - s.discount)), 4))
    own = _around(mean, mixture.sigma * spread, s.empirical * mixture.shape + (1 - s.empirical) * Z)
    share = (s.parametric + (1 - s.parametric) * rare)[:, None, None]
    return Portfolio(share * shape + (1 - share) * own, mean, mixture, np.asarray((np.abs(index - 1) > 1e-9).any(axis=0)), rare)


def _burn_in(y: np.ndarray, season: int) -> np.ndarray:
    """Return the first row from which a series' errors count, int64 (n,): a quarter or fifth of its own length in."""
    length = len(y)
    known = ~np.isnan(y)
    start = np.where(known.any(axis=0), known.argmax(axis=0), length)
    own = length - start
    burn = np.minimum(own // 4, 2 * season) if season > 1 else own // 5
    return np.asarray(start + np.maximum(burn, 4))


def _origin_weights(y: np.ndarray, year: int, s: Settings) -> np.ndarray:
    """Return the weight of each origin, (T + 1, n) by periods known: age, and time of year where two years are known."""
    length, n = y.shape
    age = length - np.arange(length + 1)
    weight = np.repeat((s.discount**age)[:, None], n, axis=1)
    if year >= 26 and length >= 2 * year:
        apart = age % year
        apart = np.minimum(apart, year - apart)
        bell = s.yearly_floor + (1 - s.yearly_floor) * np.exp(-0.5 * (apart / (year * s.yearly_width)) ** 2)
        weight = np.where(has_two_years(y, year), weight * bell[:, None], weight)
    return weight


def _counts(y: np.ndarray, rows: np.ndarray, memory: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a slow average of de-seasonalised demand and the variance per unit of mean about the long average, (n,) each."""
    length = len(y)
    known = ~np.isnan(y)
    y0 = np.where(known, y, 0.0)
    age = np.arange(length - 1, -1, -1.0)[:, None]
    recent, longer = memory**age * known, 0.99**age * known
    flat = y0 / rows[:length]
    average = (longer * flat).sum(axis=0) / np.maximum(longer.sum(axis=0), 1e-12)
    level = ((recent * flat).sum(axis=0) + average) / (recent.sum(axis=0) + 1)
    expected = average * rows[:length]
    squares = (longer * np.where(known, (y0 - expected) ** 2, 0.0)).sum(axis=0)
    return level, squares / np.maximum((longer * expected).sum(axis=0), 1e-12)


def _distance(flat: np.ndarray, level: np.ndarray, dispersion: np.ndarray, unit: float) -> np.ndarray:
    """Return how many times `unit` standard deviations of counts the mixture's mean (h, n) is from the slow level (n,)."""
    mean = np.zeros_like(level)
    for row in flat:
        mean += row / len(flat)
    sd = np.sqrt(np.maximum(dispersion * level, 1e-9))
    return np.asarray(np.minimum(np.abs(mean - level) / (unit * sd), 1e6))


def _parametric(mean: np.ndarray, variance: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return quantiles (n, h, 57): negative binomial where `counts` (n,), gamma elsewhere; other inputs (h, n)."""
    out = gamma_quantiles(mean.T, variance.T)
    if counts.any():
        m, v = mean.T[counts], variance.T[counts]
        out[counts] = negative_binomial_quantiles(m.ravel(), v.ravel()).reshape(*m.shape, len(LEVELS))
    return out


def _around(mean: np.ndarray, sigma: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return quantiles (n, h, 57) of (sqrt(mean) + sigma · shape)², zero below zero; mean and sigma (h, n), shape (n, 57)."""
    root = np.sqrt(np.maximum(mean, 0.0)).T[:, :, None] + sigma.T[:, :, None] * shape[:, None, :]
    return np.asarray(np.maximum(root, 0.0) ** 2)

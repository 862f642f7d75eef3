"""Last year's shape: how demand went from this time of last year on, applied to today's level.

With little more than two years of weeks, indices per week of the year are mostly noise. The change from the weeks before this time of
last year to the weeks around the target is known at every origin without looking ahead, so it competes with other candidates fairly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dyocense_cli.kernel.forecast.smooth import Candidate

__all__ = ["YEARLY", "has_two_years", "yearly_ahead"]

#: (candidate whose level is taken, power of the change); a power of 1/2 shrinks the change towards none
_USED: Final = ((0.16, 0.5), (0.16, 1.0))
YEARLY: Final[tuple[Candidate, ...]] = tuple(
    Candidate(f"last year {'half ' if power < 1 else ''}level {alpha:g}", alpha) for alpha, power in _USED
)

_BACK: Final = 4  # periods before this time of last year that the change starts from
_AROUND: Final = 1  # periods on each side of the target that are averaged
_SMALL: Final = 0.05  # of the mean, added above and below so that a change from nothing stays finite


def has_two_years(y: np.ndarray, year: int) -> np.ndarray:
    """Return which series (n,) of `y` (T, n) reach back two years or more."""
    known = ~np.isnan(y)
    first = np.where(known.any(axis=0), known.argmax(axis=0), len(y))
    return np.asarray((len(y) - first >= 2 * year) & (year >= 26))


def yearly_ahead(y: np.ndarray, levels: np.ndarray, candidates: tuple[Candidate, ...], *, h: int, year: int) -> list[np.ndarray]:
    """Return forecasts (T + 1, 2, n) of 1 … h periods ahead from every origin; origins before a year and four weeks give the level.

    `y` (T, n); `levels` (T + 1, a, n): the states of `candidates`.
    """
    known = ~np.isnan(y)
    total = np.concatenate([np.zeros((1, y.shape[1])), np.cumsum(np.where(known, y, 0.0), axis=0)])
    count = np.concatenate([np.zeros((1, y.shape[1])), np.cumsum(known, axis=0)])
    small = _SMALL * total[-1] / np.maximum(count[-1], 1) + 1e-12
    start = _window(total, count, -year - _BACK, -year)
    index = [next(i for i, c in enumerate(candidates) if c.level == alpha and not c.trend) for alpha, _ in _USED]
    found = []
    for k in range(1, h + 1):
        target = _window(total, count, k - 1 - _AROUND - year, k + _AROUND - year)
        change = np.where(np.isnan(start) | np.isnan(target), 1.0, (target + small) / (start + small))
        shapes = {0.5: np.sqrt(change), 1.0: change}
        found.append(np.stack([levels[:, i] * shapes[power] for i, (_, power) in zip(index, _USED, strict=True)], axis=1))
    return found


def _window(total: np.ndarray, count: np.ndarray, low: int, high: int) -> np.ndarray:
    """Return the mean of rows t + low … t + high - 1 for every origin t, (T + 1, n); NaN where it begins before the first row."""
    t = np.arange(len(total))
    a, b = np.clip(t + low, 0, len(total) - 1), np.clip(t + high, 0, len(total) - 1)
    seen = count[b] - count[a]
    mean = (total[b] - total[a]) / np.maximum(seen, 1)
    return np.where((seen > 0) & (t + low >= 0)[:, None], mean, np.nan)

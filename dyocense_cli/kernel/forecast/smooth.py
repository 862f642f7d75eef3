"""Exponential smoothing for all series and all parameter sets at once: levels and trends after every period.

Sources: Gardner, *Exponential smoothing: the state of the art, part II*, International Journal of Forecasting 22, 2006; Hyndman, Koehler,
Ord, Snyder, *Forecasting with exponential smoothing*, 2008, ch. 2 (damped trend, ETS(A,Ad,N)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CANDIDATES", "Candidate", "States", "smooth"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Smoothing constants of level and trend, and the damping of the trend; `trend` 0 is simple exponential smoothing."""

    name: str
    level: float
    trend: float = 0.0
    damping: float = 1.0


#: A grid coarse enough that its members differ, fine enough that a mixture of them is any constant between.
CANDIDATES: tuple[Candidate, ...] = (
    *(Candidate(f"level {a:g}", a) for a in (0.03, 0.08, 0.16, 0.3, 0.5, 0.8)),
    Candidate("trend 0.1", 0.1, 0.05, 0.95),
    Candidate("trend 0.2", 0.2, 0.1, 0.9),
    Candidate("trend 0.4", 0.4, 0.1, 0.9),
    Candidate("trend 0.7", 0.7, 0.1, 0.85),
)


@dataclass(frozen=True, slots=True)
class States:
    """Level and trend after t periods, float64 (T + 1, a, n) each; `damping` (a, 1)."""

    level: np.ndarray
    trend: np.ndarray
    damping: np.ndarray

    def ahead(self, steps: int) -> np.ndarray:
        """Return forecasts (T + 1, a, n) of `steps` periods ahead from every origin, never negative."""
        reach = np.zeros_like(self.damping)
        for k in range(1, steps + 1):
            reach += self.damping**k
        return np.asarray(np.maximum(self.level + self.trend * reach, 0.0))


def smooth(y: np.ndarray, candidates: tuple[Candidate, ...]) -> States:
    """Run every candidate over every series.

    `y` is (T, n) with NaN where there is no data; such a period moves no state but the trend's reach. The first periods are averaged
    (the constant is at least 1/(t + 1)), so that no starting value has to be guessed.
    """
    length, n = y.shape
    alpha, beta, phi = (np.array([[getattr(c, f)] for c in candidates]) for f in ("level", "trend", "damping"))
    levels, trends = np.zeros((length + 1, len(candidates), n)), np.zeros((length + 1, len(candidates), n))
    level, trend, seen = levels[0].copy(), trends[0].copy(), np.zeros(n)
    for t in range(length):
        known = ~np.isnan(y[t])
        expected = level + phi * trend
        error = np.where(known, y[t] - expected, 0.0)
        level = expected + np.maximum(alpha, 1 / (seen + 1)) * error
        trend = phi * trend + np.where(seen >= 3, alpha * beta, 0.0) * error
        seen = seen + known
        levels[t + 1], trends[t + 1] = level, trend
    return States(levels, trends, phi)

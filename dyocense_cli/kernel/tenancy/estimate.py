"""How long a solve will take: a log-linear quantile fitted on finished runs, held to a prior that a handful of them outvotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack

from dyocense_cli.defaults import default

__all__ = ["PRIOR", "Estimator", "Finished", "Size", "fit_estimator", "predict", "scaled"]


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a model: variables and constraints over all scenarios, and scenarios; all ≥ 1."""

    variables: int
    constraints: int
    scenarios: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: its size and real solver seconds."""

    size: Size
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimator:
    """Coefficients of log seconds on (1, log variables, log constraints, log scenarios); `runs` it was fitted on."""

    coef: tuple[float, float, float, float]
    quantile: float
    runs: int = 0


#: 0.5 s for 1,000 variables and constraints, growing with the power 0.9 of the size: between LP and small MIP, as benchmarked.
PRIOR: Final = Estimator((-6.9, 0.45, 0.45, 0.05), 0.8)
_FLOOR_S: Final = 0.01


def _features(sizes: Sequence[Size]) -> np.ndarray:
    raw = np.array([(s.variables, s.constraints, s.scenarios) for s in sizes], dtype=np.float64).reshape(-1, 3)
    return np.hstack([np.ones((len(sizes), 1)), np.log(np.maximum(raw, 1.0))])


def scaled(size: Size, scenarios: int) -> Size:
    """Return the size with another number of scenarios: what grows with them grows in proportion."""
    factor = scenarios / max(1, size.scenarios)
    return Size(max(1, round(size.variables * factor)), max(1, round(size.constraints * factor)), scenarios)


def predict(estimator: Estimator, size: Size, *, time_limit_s: float, coef_tier: float = 1.0) -> float:
    """Return predicted solver seconds, between 10 ms and the time limit.

    Parameters
    ----------
    coef_tier : float
        Factor of the tier: threads and limits differ between tiers; 1.0 where they do not.
    """
    seconds = float(np.exp(_features([size])[0] @ np.array(estimator.coef))) * coef_tier
    return min(max(seconds, _FLOOR_S), time_limit_s)


def fit_estimator(runs: Sequence[Finished]) -> Estimator:
    """Fit the quantile of log seconds by linear programming, with a price on leaving the prior.

    Laws: without runs it is the prior; slopes are ≥ 0, so a larger model never costs less; with many runs about `quantile` of them lie
    below the fit. The price is that of so many runs a factor e away from the prior, so that a few runs move the level and no single one
    does; it also settles slopes that the runs cannot tell apart.

    Source: Koenker and Bassett, *Regression quantiles*, Econometrica 46, 1978, the linear programme of section 3; the price is the L1
    penalty of Koenker, *Quantile regression for longitudinal data*, J. Multivariate Analysis 91, 2004.
    """
    if not runs:
        return PRIOR
    quantile = float(default("estimate.quantile"))  # type: ignore[arg-type]  # a number by its table
    price = float(default("estimate.prior_runs"))  # type: ignore[arg-type]  # a number by its table
    x, prior = _features([r.size for r in runs]), np.array(PRIOR.coef)
    y = np.log(np.maximum([r.seconds for r in runs], _FLOOR_S))
    n, centre = len(runs), np.concatenate([[0.0], x[:, 1:].mean(axis=0)])
    about = csr_array(x - centre)  # the level is moved at the typical size, whatever the slopes do
    # unknowns: how far each coefficient is above and below the prior's, how far each run is above and below the fit
    cost = np.concatenate([np.full(8, quantile * price), np.full(n, quantile), np.full(n, 1.0 - quantile)])
    bounds = [(0, None)] * 4 + [(0, None), *((0, float(p)) for p in prior[1:])] + [(0, None)] * (2 * n)
    rows = hstack([about, -about, eye_array(n), -eye_array(n)], format="csr")
    found = linprog(cost, A_eq=rows, b_eq=y - x @ prior, bounds=bounds, method="highs")
    if found.x is None:
        return PRIOR
    moved = found.x[:4] - found.x[4:8]
    a, b, c, d = (float(v) for v in prior + moved - np.array([moved @ centre, 0.0, 0.0, 0.0]))
    return Estimator((a, b, c, d), quantile, n)

"""How long a solve will take: a log-linear quantile fitted on finished runs, a prior before there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linprog

from dyocense_cli.defaults import default

__all__ = ["PRIOR", "Estimator", "Finished", "Size", "fit_estimator", "predict"]


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
    raw = np.array([(s.variables, s.constraints, s.scenarios) for s in sizes], dtype=np.float64)
    return np.hstack([np.ones((len(sizes), 1)), np.log(np.maximum(raw, 1.0))])


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
    """Fit the quantile of log seconds by linear programming; the prior while there are too few runs.

    Laws: slopes are ≥ 0, so a larger model never costs less; about `quantile` of the runs lie below the fit.

    Source: Koenker and Bassett, *Regression quantiles*, Econometrica 46, 1978, the linear programme of section 3.
    """
    quantile = float(default("estimate.quantile"))  # type: ignore[arg-type]  # a number by its table
    if len(runs) < int(default("estimate.min_runs")):  # type: ignore[arg-type]  # a number by its table
        return PRIOR
    x = _features([r.size for r in runs])
    y = np.log(np.maximum([r.seconds for r in runs], _FLOOR_S))
    n = len(runs)
    eye = np.eye(n)
    cost = np.concatenate([np.zeros(4), np.full(n, quantile), np.full(n, 1.0 - quantile)])
    bounds = [(None, None), (0, None), (0, None), (0, None)] + [(0, None)] * (2 * n)
    found = linprog(cost, A_eq=np.hstack([x, eye, -eye]), b_eq=y, bounds=bounds, method="highs")
    if found.x is None:
        return PRIOR
    a, b, c, d = (float(v) for v in found.x[:4])
    return Estimator((a, b, c, d), quantile, n)

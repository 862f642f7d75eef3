"""Guards on what leaves the forecaster: finite, not negative, and no upper quantile far beyond anything seen."""

from __future__ import annotations

import numpy as np

__all__ = ["guard"]

_TIMES = 10.0


def guard(grid: np.ndarray, largest: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """Cap quantiles (n, h, 57) at ten times the largest past value (n,), in place, and say where that was needed.

    A series whose quantiles are not finite takes its largest past value as every quantile; it is named too. Series without a past
    (NaN) have no cap.
    """
    warnings = []
    broken = ~np.isfinite(grid).all(axis=(1, 2))
    for i in np.flatnonzero(broken).tolist():
        grid[i] = np.nan_to_num(largest[i])
        warnings.append(f"{names[i]}: the method gave no finite quantiles; the largest past value stands in for them")
    cap = np.where(np.isnan(largest), np.inf, np.maximum(_TIMES * largest, 1.0))
    over = (grid[:, :, -1] > cap[:, None]).any(axis=1)
    for i in np.flatnonzero(over).tolist():
        top = float(grid[i, :, -1].max())
        warnings.append(f"{names[i]}: an upper quantile of {top:.6g} is over ten times the largest past {largest[i]:.6g}; it is capped")
    np.minimum(grid, cap[:, None, None], out=grid)
    return tuple(warnings)

"""What sampling needs of a forecast: integer scores by date, the share of common shocks, persistence."""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.forecast.shapes import Z

__all__ = ["sampling_state"]

_SCALE = 64.0
_DOUBT = 10.0


def sampling_state(
    grid: np.ndarray, *, integer: np.ndarray, scores: np.ndarray, days: np.ndarray, persistence: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the arrays of `ForecastSet.state`.

    Parameters
    ----------
    grid : float64 (n, h, 57)
    scores : float64 (T, n)
        One-step errors over their spread, NaN where there are none; centred and clipped to ±3.5 here.
    days : int64 (T,)
    persistence : float64 (n,)

    Notes
    -----
    The common share is m / (m + 10) for m scores: a correlation from few dates is shrunk towards none. Each row depends on its own
    series only.
    """
    known = ~np.isnan(scores)
    count = known.sum(axis=0)
    values = np.where(known, scores, 0.0)
    centre = values.sum(axis=0) / np.maximum(count, 1)
    centred = np.clip(np.where(known, values - centre, 0.0), -3.5, 3.5)
    return {
        "z": Z,
        "grid": np.ascontiguousarray(grid, dtype=np.float32),
        "integer": integer,
        "scores": np.ascontiguousarray(np.rint(centred * _SCALE).astype(np.int16).T),
        "dates": days.astype(np.int32),
        "common": np.where(count >= 4, count / (count + _DOUBT), 0.0).astype(np.float32),
        "memory": persistence.astype(np.float32),
    }

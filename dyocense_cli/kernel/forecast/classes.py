"""Demand classes, and what in a history is unlike the rest of it.

Source: Syntetos, Boylan, Croston, *On the categorization of demand patterns*, Journal of the Operational Research Society 56, 2005.
"""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["ADI_CUT", "CV2_CUT", "demand_classes", "demand_interval", "outliers"]

ADI_CUT: Final = 1.32
CV2_CUT: Final = 0.49


def demand_interval(y: np.ndarray) -> np.ndarray:
    """Return periods per period with a sale, float64 (n,); the number of periods where nothing was ever sold."""
    known = (~np.isnan(y)).sum(axis=0)
    return np.asarray(known / np.maximum((y > 0).sum(axis=0), 1))


def demand_classes(y: np.ndarray) -> tuple[str, ...]:
    """Return smooth, erratic, intermittent, lumpy, or none (nothing sold) for each series of `y` (T, n)."""
    sold = y > 0
    count = np.maximum(sold.sum(axis=0), 1)
    mean = np.where(sold, y, 0.0).sum(axis=0) / count
    cv2 = np.where(sold, (y - mean) ** 2, 0.0).sum(axis=0) / count / np.maximum(mean**2, 1e-300)
    rare = demand_interval(y) >= ADI_CUT
    names = np.array([["smooth", "erratic"], ["intermittent", "lumpy"]])
    found = names[rare.astype(int), (cv2 >= CV2_CUT).astype(int)]
    return tuple(np.where(sold.any(axis=0), found, "none").tolist())


def outliers(standard_errors: np.ndarray) -> np.ndarray:
    """Return how many one-step errors (T, n) of a series are more than 4.5 robust standard deviations from 0, int64 (n,)."""
    return np.asarray((np.abs(np.nan_to_num(standard_errors)) > 4.5).sum(axis=0))

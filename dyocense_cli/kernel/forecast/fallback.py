"""Poor or no history: the series' own average, or the level of its category, with a wide spread and the reason said."""

from __future__ import annotations

import numpy as np

from dyocense_cli.defaults import default
from dyocense_cli.kernel.forecast.series import Batch
from dyocense_cli.kernel.forecast.shapes import gamma_quantiles, negative_binomial_quantiles

__all__ = ["BORROWED", "fall_back", "poor_reasons"]

#: methods whose level comes from other series
BORROWED = frozenset({"category level", "level of all", "nothing known"})

_WIDER = 1.5
_LEAST_CV = 0.5
_CV_OF_NOTHING = 1.0


def poor_reasons(batch: Batch) -> tuple[str, ...]:
    """Return why each history is poor, empty where it is not."""
    need = int(str(default("forecast.min_history")))
    known = ~np.isnan(batch.y)
    count = known.sum(axis=0)
    silent = np.where(count > 0, known[::-1].argmax(axis=0), 0)
    stale = max(batch.h, 4, batch.season if batch.season < 52 else 0)
    reasons = []
    for i in range(batch.n):
        if batch.absent[i]:
            reasons.append("")
        elif count[i] == 0:
            reasons.append("no history")
        elif count[i] < need:
            reasons.append(f"{count[i]} periods of history, {need} are needed")
        elif silent[i] > stale:
            reasons.append(f"history ends {silent[i]} periods before the horizon")
        else:
            reasons.append("")
    return tuple(reasons)


def fall_back(batch: Batch, grid: np.ndarray, mean: np.ndarray, reasons: tuple[str, ...]) -> tuple[dict[int, str], list[int]]:
    """Overwrite the forecasts of poor series in place: `grid` (n, h, 57), `mean` (h, n).

    Returns
    -------
    methods, borrowed : dict of int to str, list of int
        What was used, by series; the series whose level is of their category (these alone depend on other series).

    Notes
    -----
    A series with some history takes its average, and 1.5 times its spread or half its level, whichever is more. One without takes the
    mean level of the good series of its category (of all, if there is none) with a spread as large as the level. One whose
    history ended early keeps its forecast, 1.5 times as wide. A SKU that is sold at other locations and has no row at this one is not
    sold here: zero.
    """
    borrowed: list[int] = []
    need = int(str(default("forecast.min_history")))
    grid[batch.absent], mean[:, batch.absent] = 0.0, 0.0
    methods = dict.fromkeys(np.flatnonzero(batch.absent).tolist(), "not sold here")
    good = np.array([not r for r in reasons], dtype=bool) & ~batch.absent
    for i in np.flatnonzero(~good & ~batch.absent).tolist():
        own = batch.y[:, i][~np.isnan(batch.y[:, i])]
        if len(own) >= need:
            centre = grid[i, :, [28]].T
            grid[i] = np.maximum(centre + _WIDER * (grid[i] - centre), -0.5)
            methods[i] = "wider"
            continue
        if len(own):
            level, cv = float(own.mean()), _WIDER * max(_LEAST_CV, float(own.std() / max(own.mean(), 1e-12)))
            methods[i] = "own average"
        else:
            level, methods[i] = _level_of_category(batch, mean, good, i)
            cv = _CV_OF_NOTHING
            borrowed.append(i)
        m = np.full(1, max(level, 0.0))
        shape = negative_binomial_quantiles if batch.integer[i] and level > 0 else gamma_quantiles
        grid[i] = shape(m, (cv * m) ** 2)
        mean[:, i] = level
    return methods, borrowed


def _level_of_category(batch: Batch, mean: np.ndarray, good: np.ndarray, i: int) -> tuple[float, str]:
    same = good & np.array([c == batch.categories[i] for c in batch.categories])
    if batch.categories[i] and same.any():
        return float(mean[:, same].mean()), "category level"
    if good.any():
        return float(mean[:, good].mean()), "level of all"
    return 0.0, "nothing known"

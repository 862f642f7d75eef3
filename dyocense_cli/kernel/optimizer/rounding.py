"""A first plan by rounding the linear relaxation, with what does not fit carried to the next period.

Reformulates a mixed-integer program into linear programs with integers fixed · Needs general integers that may be raised from
zero · Creates a feasible plan or nothing · Keeps every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.optimodel.programs import with_slacks

__all__ = ["Semi", "carried", "elastic", "general", "semicontinuous", "with_bounds"]

_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Semi:
    """What small rows say of integer columns: least positive value and greatest value, float64[n_cols] each."""

    least: np.ndarray
    most: np.ndarray


def with_bounds(ground: GroundModel, lower: np.ndarray, upper: np.ndarray) -> GroundModel:
    """Return the program with other column bounds."""
    return replace(ground, lower=lower, upper=upper)


def _entries(ground: GroundModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and values sorted by row, then column."""
    columns = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    order = np.argsort(ground.index, kind="stable")
    return ground.index[order], columns[order], ground.value[order]


def semicontinuous(ground: GroundModel) -> Semi:
    """Read ``x ≥ least·y`` (two entries, y binary) and ``a·x ≤ most`` (one entry) off the rows.

    Returns
    -------
    Semi
        least 1 and most the column's upper bound where no row says more.
    """
    rows, columns, values = _entries(ground)
    first = np.searchsorted(rows, np.arange(ground.n_rows))
    count = np.bincount(rows, minlength=ground.n_rows)
    least, most = np.ones(ground.n_cols), ground.upper.copy()
    whole = ground.integrality.astype(bool)
    single = first[count == 1]
    a, c, up = values[single], columns[single], ground.row_upper[rows[single]]
    keep = (a > 0) & np.isfinite(up) & whole[c]
    np.minimum.at(most, c[keep], np.floor(up[keep] / a[keep] + 1e-9))
    pair = first[count == 2]
    for x, y in ((pair, pair + 1), (pair + 1, pair)):
        fits = (values[x] > 0) & (values[y] < 0) & (ground.row_lower[rows[x]] == 0) & np.isinf(ground.row_upper[rows[x]])
        fits &= whole[columns[x]] & whole[columns[y]] & (ground.upper[columns[y]] == 1)
        np.maximum.at(least, columns[x][fits], np.ceil(-values[y][fits] / values[x][fits] - 1e-9))
    return Semi(least, most)


def carried(model: OptiModel, ground: GroundModel, x: np.ndarray, semi: Semi) -> np.ndarray:
    """Round general integers of a relaxed solution; what is rounded off is carried along the ordered dimension.

    Parameters
    ----------
    x : float64[n_cols]
        Solution of the relaxation.

    Returns
    -------
    float64[n_cols]
        Values of all columns; general integers are zero or at least their least positive value, the rest as in `x`.
    """
    out = x.copy()
    for block in general(ground):
        at = slice(block.start, block.stop)
        coords = coordinates(block, ground.dims)
        axis = next((i for i, d in enumerate(block.dims) if d in model.ordered), None)
        groups = np.zeros(at.stop - at.start, dtype=np.int64)
        if axis is None:
            groups, step = np.arange(groups.size), np.zeros_like(groups)
        else:
            step = coords[axis].astype(np.int64)
            for i, d in enumerate(block.dims):
                groups = groups if i == axis else groups * len(ground.dims[d]) + coords[i]
            groups = np.unique(groups, return_inverse=True)[1]
        out[at] = _carry(x[at], groups, step, semi.least[at], semi.most[at])
    return out


def general(ground: GroundModel) -> Iterator[Block]:
    """Yield the column blocks of integers that are not binaries."""
    for block in ground.columns:
        at = slice(block.start, block.stop)
        if block.stop > block.start and ground.integrality[block.start] and bool((ground.upper[at] > 1).any()):
            yield block


def _carry(x: np.ndarray, groups: np.ndarray, step: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    carry = np.zeros(int(groups.max()) + 1 if groups.size else 0)
    for t in np.unique(step):
        now = np.flatnonzero(step == t)
        carry[groups[now]] += x[now]
        open_ = carry[groups[now]]
        near = np.where(open_ >= least[now], np.round(open_), np.where(open_ > 0.5 * least[now], least[now], 0.0))
        out[now] = np.where(open_ > _TINY, np.minimum(near, most[now]), 0.0)
        carry[groups[now]] -= out[now]
    return out


def elastic(ground: GroundModel) -> GroundModel:
    """Return the program that pays 1 per unit by which a row is broken, and nothing else.

    Creates two columns per row, after the model's own: surplus, then shortfall.
    """
    scale = np.maximum(1.0, np.minimum(np.abs(np.nan_to_num(ground.row_lower, posinf=0, neginf=0)), 1e3))
    free = replace(ground, sense="min", offset=0.0, cost=np.zeros(ground.n_cols))
    ones = np.ones(ground.n_rows)
    return with_slacks(free, np.tile(np.arange(ground.n_rows), 2), np.concatenate([ones, -ones]), np.tile(1.0 / scale, 2))

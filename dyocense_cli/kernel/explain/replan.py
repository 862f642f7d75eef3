"""What the plan would become after a change: present whole numbers kept, then those freed that the change concerns, in counted work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.optimodel.programs import with_integers_fixed, with_slacks
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import pivots

__all__ = ["concerned", "line_columns", "replanned", "within"]

#: columns up to which labels are planned anew together, and whole numbers that are freed then at most
_SMALL: Final = 5_000
_FREE: Final = 150
#: whole numbers that are freed at most where the present ones cannot stand
_FREE_TO_REPAIR: Final = 300
#: labels that are planned anew, one after another, where the present whole numbers stand, and at most where they cannot
_LABELS: Final = 4
_LABELS_TO_REPAIR: Final = 200
#: part of a whole number by which the linear relaxation must differ from the plan for the plan to be doubted
_APART: Final = 0.1
_LIMITS: Final = SolveLimits(gap=1e-4, nodes=20, work=20.0, duals=False)
#: for a label that has no plan to start from
_TO_REPAIR: Final = replace(_LIMITS, nodes=200, work=200.0)
_TOLERANCE: Final = 1e-6
#: what all of a shared row's limit costs, in plans
_DEAR: Final = 10.0


def replanned(changed: GroundModel, plan: np.ndarray, linear: np.ndarray, lent: Lent, *, dim: str | None, seed: int) -> Solution | None:
    """Return a plan of a changed model, found from the present one; None where none was found.

    Parameters
    ----------
    changed : GroundModel
        The changed model.
    plan, linear : float64[n_cols]
        The present plan over its columns, 0 where it has none, and the changed model's linear relaxation.
    dim : str, optional
        The dim whose labels are planned anew (a SKU): those on which plan and relaxation differ most, or which the change breaks.

    Notes
    -----
    Whole numbers on which plan and relaxation agree stay (relaxation induced neighbourhoods: Danna, Rothberg and Le Pape, 2005).
    """
    whole = changed.integrality.astype(bool)
    at = np.clip(np.where(whole, np.round(plan), plan), changed.lower, changed.upper)
    kept: Solution = lent.solve(with_integers_fixed(changed, at), SolveLimits(work=pivots(changed), duals=False))
    apart = np.where(whole, np.abs(linear - at), 0.0)
    if kept.x is not None and dim is not None and changed.n_cols > _SMALL:
        return _polished(changed, kept, apart, lent, dim=dim, seed=seed)
    if kept.x is not None:
        return _better(changed, kept, _freed(changed, at, apart, _FREE, lent, seed=seed, start=kept.x))
    x, apart = _repaired(changed, at, apart, lent, dim=dim, seed=seed)
    kept = lent.solve(with_integers_fixed(changed, x), SolveLimits(work=pivots(changed), duals=False))
    if kept.x is not None:
        return _better(changed, kept, _freed(changed, x, apart, _FREE, lent, seed=seed, start=kept.x))
    found = _freed(changed, x, apart, _FREE_TO_REPAIR, lent, seed=seed)
    return found if found.x is not None else None


def _repaired(
    changed: GroundModel, at: np.ndarray, apart: np.ndarray, lent: Lent, *, dim: str | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Plan the labels of which the change breaks rows anew, one after another while all others stand as they do by then.

    A label that has no plan by itself takes from what others share (a service level, a budget); then all labels in turn give it back.
    Returns the plan and `apart`, in which whole numbers of labels that have no plan at all come first: they are freed together.
    """
    whole, broken = changed.integrality.astype(bool), _broken(changed, at)
    x, left = at, np.array(apart)
    left[whole & broken] += 1.0
    if dim is None:
        return x, left
    for label in _labels(changed, broken, dim)[:_LABELS_TO_REPAIR]:
        mine, free = concerned(changed, dim, label)
        found = within(changed, x, free, lent, seed=seed, moves=mine)
        if found.x is None:
            found = within(changed, x, free, lent, seed=seed, moves=mine, elastic=True)
        x = x if found.x is None else found.x
        left[free] = left[free] + 1.0 if found.x is None else 0.0
    for label in changed.dims[dim][:_LABELS_TO_REPAIR]:
        if not _wrong(changed, x).any():
            break
        mine, free = concerned(changed, dim, label)
        found = within(changed, x, free, lent, seed=seed, moves=mine, elastic=True)
        x = x if found.x is None else found.x
    return x, left


def _freed(
    changed: GroundModel, at: np.ndarray, apart: np.ndarray, most: int, lent: Lent, *, seed: int, start: np.ndarray | None = None
) -> Solution:
    """Plan those whole numbers anew, of all labels together, on which the relaxation differs most."""
    free = np.argsort(-apart, kind="stable")[:most]
    return within(changed, at, np.isin(np.arange(at.size), free[apart[free] > _APART]), lent, seed=seed, start=start)


def _better(changed: GroundModel, kept: Solution, found: Solution) -> Solution:
    """Return what is found where it is better than what is kept."""
    if found.objective is None or kept.objective is None:
        return kept
    return found if (found.objective - kept.objective) * (1.0 if changed.sense == "min" else -1.0) < 0 else kept


def _polished(changed: GroundModel, kept: Solution, apart: np.ndarray, lent: Lent, *, dim: str, seed: int) -> Solution:
    """Plan the labels of `dim` on which the relaxation differs most anew, one after another; never worse than what is kept."""
    labels = changed.dims[dim]
    differ = np.zeros(len(labels))
    for block in changed.columns:
        if dim in block.dims:
            places = coordinates(block, changed.dims)[block.dims.index(dim)]
            differ += np.bincount(places, weights=apart[block.start : block.stop], minlength=len(labels))
    for place in np.argsort(-differ, kind="stable")[:_LABELS].tolist():
        assert kept.x is not None
        if differ[place] <= _APART:
            break
        mine, free = concerned(changed, dim, labels[place])
        found = within(changed, kept.x, free, lent, seed=seed, start=kept.x, moves=mine)
        kept = _better(changed, kept, found)
    return kept


def within(
    ground: GroundModel,
    plan: np.ndarray,
    free: np.ndarray,
    lent: Lent,
    *,
    seed: int,
    start: np.ndarray | None = None,
    moves: np.ndarray | None = None,
    elastic: bool = False,
) -> Solution:
    """Return the best plan in which only the `free` whole numbers (bool[n_cols]) move, as far as it is found in counted work.

    With `moves` (bool[n_cols]) all other columns stand as in `plan`, whole or not: rows without such a column hold as they do there,
    and `elastic` rows, those shared with other columns, may be broken at a high price.
    """
    fixed = with_integers_fixed(ground, plan)
    part = replace(
        ground,
        lower=np.where(free, ground.lower, fixed.lower),
        upper=np.where(free, ground.upper, fixed.upper),
        integrality=np.where(free, ground.integrality, 0).astype(ground.integrality.dtype),
    )
    if moves is not None:
        return _alone(part, moves, plan, lent, seed=seed, start=start, elastic=elastic)
    limits = replace(_LIMITS, seed=seed)
    answer: Solution = lent.solve(part, limits if free.any() else replace(limits, work=pivots(part), nodes=None), start=start)
    return answer


def _alone(
    part: GroundModel, moves: np.ndarray, plan: np.ndarray, lent: Lent, *, seed: int, start: np.ndarray | None, elastic: bool
) -> Solution:
    """Solve over some columns alone, the others in the right-hand sides; the answer is over all columns."""
    column = np.repeat(np.arange(part.n_cols), np.diff(part.start))
    stands = np.where(moves, 0.0, plan)
    carried = np.bincount(part.index, weights=part.value * stands[column], minlength=part.n_rows)
    kept = moves[column]
    used = np.bincount(part.index[kept], minlength=part.n_rows) > 0
    place = np.cumsum(used) - 1
    width = np.bincount(column[kept], minlength=part.n_cols)[moves]
    small = replace(
        part,
        offset=part.offset + float(part.cost @ stands),
        cost=part.cost[moves],
        lower=part.lower[moves],
        upper=part.upper[moves],
        integrality=part.integrality[moves],
        row_lower=(part.row_lower - carried)[used],
        row_upper=(part.row_upper - carried)[used],
        start=np.concatenate([[0], np.cumsum(width)]).astype(part.start.dtype),
        index=place[part.index[kept]].astype(part.index.dtype),
        value=part.value[kept],
        columns=(),
        rows=(),
    )
    if elastic:
        small = _elastic(small, np.unique(place[part.index[~kept & used[part.index]]]), float(part.cost @ plan))
    whole = bool(small.integrality.any())
    counted = replace(_LIMITS if start is not None else _TO_REPAIR, seed=seed)
    limits = counted if whole else SolveLimits(work=pivots(part), duals=False)
    answer: Solution = lent.solve(small, limits, start=None if start is None else start[moves])
    if answer.x is None:
        return answer
    x = plan.copy()
    x[moves] = answer.x[: int(moves.sum())]
    return replace(answer, x=x)


def _elastic(small: GroundModel, rows: np.ndarray, objective: float) -> GroundModel:
    """Add two columns to each of some rows that make up for what is missing; a tenth of a row's limit costs as much as the whole plan."""
    limit = np.where(np.isfinite(small.row_upper), small.row_upper, small.row_lower)[rows]
    price = _DEAR * (1.0 + abs(objective)) / np.maximum(1.0, np.abs(np.where(np.isfinite(limit), limit, 1.0)))
    cost = np.repeat(price, 2) * (1.0 if small.sense == "min" else -1.0)
    return with_slacks(small, np.repeat(rows, 2), np.tile([1.0, -1.0], rows.size), cost)


def concerned(ground: GroundModel, dim: str, label: str, shared: tuple[str, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Return what a label of a dim concerns: its columns and those without the dim; and which whole numbers of them are free.

    Both are bool[n_cols]. Free are those of the label, and of families with other dims of `shared` only.
    """
    mine, free = np.ones(ground.n_cols, dtype=bool), np.zeros(ground.n_cols, dtype=bool)
    place = ground.dims[dim].index(label)
    for block in ground.columns:
        here = slice(block.start, block.stop)
        if dim in block.dims:
            mine[here] = free[here] = coordinates(block, ground.dims)[block.dims.index(dim)] == place
        elif block.dims and set(block.dims) <= set(shared):
            free[here] = True
    return mine, free & ground.integrality.astype(bool)


def line_columns(ground: GroundModel, keys: Mapping[str, str]) -> np.ndarray:
    """Return the whole-number columns that an order line with these labels stands for, bool[n_cols]."""
    found = np.zeros(ground.n_cols, dtype=bool)
    for block in ground.columns:
        if set(keys) <= set(block.dims):
            places = coordinates(block, ground.dims)
            here = np.ones(places.shape[1], dtype=bool)
            for dim, label in keys.items():
                here &= places[block.dims.index(dim)] == ground.dims[dim].index(label)
            found[block.start : block.stop] = here
    return found


def _labels(ground: GroundModel, columns: np.ndarray, dim: str) -> list[str]:
    """Return the labels of `dim` that some columns (bool[n_cols]) have, in order."""
    found = np.zeros(len(ground.dims[dim]), dtype=bool)
    for block in ground.columns:
        if dim in block.dims:
            found[coordinates(block, ground.dims)[block.dims.index(dim)][columns[block.start : block.stop]]] = True
    return [ground.dims[dim][place] for place in np.flatnonzero(found).tolist()]


def _broken(ground: GroundModel, x: np.ndarray) -> np.ndarray:
    """Return the columns of rows that whole numbers alone break, bool[n_cols]."""
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    mixed = np.zeros(ground.n_rows, dtype=bool)
    mixed[ground.index[ground.integrality[column] == 0]] = True
    found = np.zeros(ground.n_cols, dtype=bool)
    found[column[(_wrong(ground, x) & ~mixed)[ground.index]]] = True
    return found


def _wrong(ground: GroundModel, x: np.ndarray) -> np.ndarray:
    """Return the rows that a plan breaks, bool[n_rows]."""
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    held = np.bincount(ground.index, weights=ground.value * x[column], minlength=ground.n_rows)
    allowed = _TOLERANCE * (1.0 + np.abs(held))
    return np.asarray((held < ground.row_lower - allowed) | (held > ground.row_upper + allowed))

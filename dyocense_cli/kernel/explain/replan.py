"""What the plan would become after a change: present whole numbers kept, then those freed that the change concerns, in counted work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.optimodel.programs import relaxed, with_integers_fixed
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["concerned", "line_columns", "replanned", "within"]

#: whole numbers that are freed at most: enough to exchange between labels, few enough for a second
_FREE: Final = 150
#: the same where the present ones cannot stand
_FREE_TO_REPAIR: Final = 300
#: part of a whole number by which the linear relaxation must differ from the plan for the plan to be doubted
_APART: Final = 0.1
_LIMITS: Final = SolveLimits(time_s=30.0, gap=1e-4, nodes=20, work=20.0, duals=False)
_TOLERANCE: Final = 1e-6


def replanned(changed: GroundModel, plan: np.ndarray, linear: np.ndarray, lent: Lent, *, dim: str | None, seed: int) -> Solution | None:
    """Return a plan of a changed model, found from the present one; None where none was found.

    Parameters
    ----------
    changed : GroundModel
        The changed model.
    plan, linear : float64[n_cols]
        The present plan over its columns, 0 where it has none, and the changed model's linear relaxation.
    dim : str, optional
        The dim whose labels are planned anew where the present whole numbers break rows (a SKU).

    Notes
    -----
    Whole numbers on which plan and relaxation agree stay (relaxation induced neighbourhoods: Danna, Rothberg and Le Pape, 2005).
    """
    whole = changed.integrality.astype(bool)
    at = np.clip(np.round(plan), changed.lower, changed.upper)
    kept: Solution = lent.solve(with_integers_fixed(changed, at), SolveLimits(time_s=30.0, duals=False))
    apart = np.where(whole, np.abs(linear - at), 0.0)
    if kept.x is None:
        broken = _broken(changed, at)
        apart[whole & _alike(changed, broken, dim)] += 1.0
        apart[whole & broken] += 1.0
    free = np.argsort(-apart, kind="stable")[: _FREE if kept.x is not None else _FREE_TO_REPAIR]
    found = within(changed, at, whole & np.isin(np.arange(whole.size), free[apart[free] > _APART]), lent, seed=seed, start=kept.x)
    better = 1.0 if changed.sense == "min" else -1.0
    if kept.objective is None or (found is not None and found.objective is not None and better * (found.objective - kept.objective) < 0):
        return found
    return kept


def within(
    ground: GroundModel, plan: np.ndarray, free: np.ndarray, lent: Lent, *, seed: int, start: np.ndarray | None = None
) -> Solution | None:
    """Return the best plan in which only the `free` whole numbers (bool[n_cols]) move; None where none was found in counted work."""
    fixed = with_integers_fixed(ground, plan)
    part = replace(
        ground,
        lower=np.where(free, ground.lower, fixed.lower),
        upper=np.where(free, ground.upper, fixed.upper),
        integrality=np.where(free, ground.integrality, 0).astype(ground.integrality.dtype),
    )
    answer: Solution = lent.solve(part if free.any() else relaxed(part), replace(_LIMITS, seed=seed), start=start)
    return answer if answer.x is not None else None


def concerned(ground: GroundModel, dim: str, label: str, shared: tuple[str, ...]) -> np.ndarray:
    """Return the whole numbers of a label of a dim, and those of families without the dim but with others of `shared`, bool[n_cols]."""
    found = np.zeros(ground.n_cols, dtype=bool)
    place = ground.dims[dim].index(label)
    for block in ground.columns:
        if dim in block.dims:
            found[block.start : block.stop] = coordinates(block, ground.dims)[block.dims.index(dim)] == place
        elif block.dims and set(block.dims) <= set(shared):
            found[block.start : block.stop] = True
    found &= ground.integrality.astype(bool)
    return found


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


def _alike(ground: GroundModel, columns: np.ndarray, dim: str | None) -> np.ndarray:
    """Return the columns that share a label of `dim` with some columns, bool[n_cols]."""
    found = columns.copy()
    blocks = [(b, coordinates(b, ground.dims)[b.dims.index(dim)]) for b in ground.columns if dim is not None and dim in b.dims]
    labels = np.unique(np.concatenate([at[columns[b.start : b.stop]] for b, at in blocks])) if blocks else np.zeros(0, dtype=int)
    for block, at in blocks:
        found[block.start : block.stop] |= np.isin(at, labels)
    return found


def _broken(ground: GroundModel, x: np.ndarray) -> np.ndarray:
    """Return the columns of rows that whole numbers alone break, bool[n_cols]."""
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    mixed = np.zeros(ground.n_rows, dtype=bool)
    mixed[ground.index[ground.integrality[column] == 0]] = True
    held = np.bincount(ground.index, weights=ground.value * x[column], minlength=ground.n_rows)
    allowed = _TOLERANCE * (1.0 + np.abs(held))
    wrong = ~mixed & ((held < ground.row_lower - allowed) | (held > ground.row_upper + allowed))
    found = np.zeros(ground.n_cols, dtype=bool)
    found[column[wrong[ground.index]]] = True
    return found

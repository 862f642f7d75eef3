"""Programs that a ground model holds: its relaxation, what is left when its whole numbers stand, and rows that may be broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel

__all__ = ["relaxed", "with_integers_fixed", "with_slacks"]


def relaxed(ground: GroundModel) -> GroundModel:
    """Return the linear relaxation: no column has to be whole."""
    return replace(ground, integrality=np.zeros_like(ground.integrality))


def with_integers_fixed(ground: GroundModel, x: np.ndarray) -> GroundModel:
    """Return the linear program in which every integer column stands at its rounded value in `x` (float64[n_cols])."""
    whole = ground.integrality.astype(bool)
    at = np.round(x)
    fixed = replace(ground, lower=np.where(whole, at, ground.lower), upper=np.where(whole, at, ground.upper))
    return relaxed(fixed)


def with_slacks(ground: GroundModel, rows: np.ndarray, value: np.ndarray, cost: np.ndarray) -> GroundModel:
    """Return the program with continuous columns from 0 up after its own, each with one entry: `value` in row `rows`, at `cost`."""
    extra = rows.size
    return replace(
        ground,
        cost=np.concatenate([ground.cost, cost]),
        lower=np.concatenate([ground.lower, np.zeros(extra)]),
        upper=np.concatenate([ground.upper, np.full(extra, np.inf)]),
        integrality=np.concatenate([ground.integrality, np.zeros(extra, ground.integrality.dtype)]),
        start=np.concatenate([ground.start, ground.start[-1] + 1 + np.arange(extra, dtype=ground.start.dtype)]),
        index=np.concatenate([ground.index, rows.astype(ground.index.dtype)]),
        value=np.concatenate([ground.value, value]),
    )

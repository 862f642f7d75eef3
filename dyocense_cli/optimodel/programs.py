"""Linear programs that a ground model holds: its relaxation, and what is left when its whole numbers stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel

__all__ = ["relaxed", "with_integers_fixed"]


def relaxed(ground: GroundModel) -> GroundModel:
    """Return the linear relaxation: no column has to be whole."""
    return replace(ground, integrality=np.zeros_like(ground.integrality))


def with_integers_fixed(ground: GroundModel, x: np.ndarray) -> GroundModel:
    """Return the linear program in which every integer column stands at its rounded value in `x` (float64[n_cols])."""
    whole = ground.integrality.astype(bool)
    at = np.round(x)
    fixed = replace(ground, lower=np.where(whole, at, ground.lower), upper=np.where(whole, at, ground.upper))
    return relaxed(fixed)

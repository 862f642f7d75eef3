"""Small GroundModels written as dense rows."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel

INF = np.inf


def ground(cost, rows=(), *, lower=None, upper=None, integer=(), sense="min", offset=0.0) -> GroundModel:
    """Return a model from its costs and rows of (coefficients, low, high); variables are ≥ 0 unless bounds are given."""
    n = len(cost)
    dense = np.array([r[0] for r in rows], dtype=float).reshape(len(rows), n)
    columns = [np.flatnonzero(dense[:, j]) for j in range(n)]
    start = np.concatenate([[0], np.cumsum([c.size for c in columns])]).astype(np.int32) if n else np.zeros(1, np.int32)
    index = np.concatenate([*columns, np.zeros(0, int)]).astype(np.int32)
    value = np.concatenate([*(dense[c, j] for j, c in enumerate(columns)), np.zeros(0)])
    integrality = np.zeros(n, np.uint8)
    integrality[list(integer)] = 1
    return GroundModel(
        sense,
        offset,
        np.array(cost, dtype=float),
        np.zeros(n) if lower is None else np.array(lower, dtype=float),
        np.full(n, INF) if upper is None else np.array(upper, dtype=float),
        integrality,
        np.array([r[1] for r in rows], dtype=float),
        np.array([r[2] for r in rows], dtype=float),
        start,
        index,
        value,
        (),
        (),
        {},
    )

"""Ground a small OptiModel by probing: put unit vectors into its expressions. Slow, exact, and nothing like the real grounder."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.evaluate import Evaluator, bounds, existing, split_columns


def ground_by_probing(model: OptiModel) -> GroundModel:
    """Return the model's arrays: column j of A is what the rows gain from x = e_j."""
    idle = Evaluator(model, {})
    there = {v.name: existing(model, v, idle) for v in model.vars}
    n = sum(int(t.sum()) for t in there.values())

    def at(x):
        here = Evaluator(model, split_columns(model, x))
        rows = {r.name: here.rows(r) for r in model.rules}
        return np.concatenate([(r.left - r.right)[r.exists] for r in rows.values()] or [np.zeros(0)]), here.objective()[0], rows

    constant, offset, rows = at(np.zeros(n))
    dense, cost = np.zeros((constant.size, n)), np.zeros(n)
    for j in range(n):
        unit = np.zeros(n)
        unit[j] = 1.0
        activity, objective, _ = at(unit)
        dense[:, j], cost[j] = activity - constant, objective - offset
    op = np.concatenate([np.full(int(r.exists.sum()), {"<=": 0, ">=": 1, "==": 2}[r.op]) for r in rows.values()] or [np.zeros(0, int)])
    limits = [bounds(model, v, idle) for v in model.vars]
    inside = [np.argwhere(there[v.name]).T for v in model.vars]
    lower = np.concatenate([low[there[v.name]] for v, (low, _) in zip(model.vars, limits, strict=True)])
    upper = np.concatenate([high[there[v.name]] for v, (_, high) in zip(model.vars, limits, strict=True)])
    whole = np.concatenate([np.full(c.shape[1], v.type in ("int", "bool")) for v, c in zip(model.vars, inside, strict=True)])
    per_column = [np.flatnonzero(dense[:, j]) for j in range(n)]
    return GroundModel(
        model.sense,
        offset,
        cost,
        lower,
        upper,
        whole.astype(np.uint8),
        np.where(op == 0, -np.inf, -constant),
        np.where(op == 1, np.inf, -constant),
        np.concatenate([[0], np.cumsum([c.size for c in per_column])]).astype(np.int32),
        np.concatenate([*per_column, np.zeros(0, int)]).astype(np.int32),
        np.concatenate([*(dense[c, j] for j, c in enumerate(per_column)), np.zeros(0)]),
        _blocks([(v.name, v.dims, c) for v, c in zip(model.vars, inside, strict=True)]),
        _blocks([(r.name, r.dims, np.argwhere(rows[r.name].exists).T) for r in model.rules]),
        dict(model.dims),
    )


def _blocks(families) -> tuple[Block, ...]:
    found, start = [], 0
    for name, dims, coords in families:
        size = coords.shape[1] if dims else 1
        found.append(Block(name, dims, start, start + size, coords.astype(np.int32)))
        start += size
    return tuple(found)

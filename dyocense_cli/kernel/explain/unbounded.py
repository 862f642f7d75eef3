"""Why a model has no best plan: a direction in which it improves for ever, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.explain.words import amount
from dyocense_cli.optimodel.members import member_name
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import pivots

__all__ = ["ray"]

_SHOWN = 10


def ray(ground: GroundModel, lent: Lent) -> tuple[str, ...]:
    """Return which columns grow without end and what each unit gains, the largest first.

    Notes
    -----
    The best direction of the recession cone in a unit box: every finite limit of a row or column becomes 0.
    """

    def cone(values: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(values), 0.0, values)

    direction = replace(
        ground,
        offset=0.0,
        lower=np.maximum(cone(ground.lower), -1.0),
        upper=np.minimum(cone(ground.upper), 1.0),
        row_lower=cone(ground.row_lower),
        row_upper=cone(ground.row_upper),
        integrality=np.zeros_like(ground.integrality),
    )
    answer: Solution = lent.solve(direction, SolveLimits(gap=0.0, work=pivots(ground), duals=False))
    if answer.x is None:
        return ()
    said = []
    for block in ground.columns:
        held = answer.x[block.start : block.stop]
        for at in np.flatnonzero(np.abs(held) > 1e-7).tolist():
            price = float(ground.cost[block.start + at])
            text = f"{member_name(block, at, ground.dims)} can {'grow' if held[at] > 0 else 'fall'} without end"
            said.append((-abs(price * held[at]), text + (f"; each unit gains {amount(abs(price))}" if price else "")))
    return tuple(text for _, text in sorted(said)[:_SHOWN])

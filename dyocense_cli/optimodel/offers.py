"""The offers behind the lines of a plan: where there is one, and its price."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.optimodel import Steps
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.named import Named

__all__ = ["has_breaks", "offers"]


def has_breaks(evaluator: Evaluator, steps: Steps) -> bool:
    """Say whether a line's price depends on more than the line's dims: on the price break that its quantity reaches."""
    return steps.price is not None and bool(set(evaluator.value(steps.price).dims) - set(steps.dims))


def offers(evaluator: Evaluator, steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """Return where there is an offer (bool) and its price, both over the steps' dims; with price breaks, the least price of the offer."""
    assert steps.price is not None
    offered, price = evaluator.condition(steps.price), evaluator.value(steps.price)
    breaks = tuple(i for i, d in enumerate(price.dims) if d not in steps.dims)
    if breaks:
        dims = tuple(d for d in price.dims if d in steps.dims)
        least = np.where(offered.data, price.data, np.inf).min(axis=breaks)
        offered = Named(dims, np.asarray(offered.data.any(axis=breaks)))
        price = Named(dims, np.where(offered.data, least, 0.0))
    return offered.over(steps.dims, evaluator.sizes), price.over(steps.dims, evaluator.sizes)

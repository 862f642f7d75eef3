"""Recompute the bound that exact programs of blocks claim at prices of the rules they share.

The prices are put into the model's expressions by `adjoint`; what columns outside the blocks must cost and the priced right-hand
sides are recomputed. The least cost of a block is its solver's word: held here to what the plan itself pays in the block, which no
true least cost exceeds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.check.adjoint import Weigher
from dyocense_cli.kernel.check.certificate import Unprovable, check_sign, least_outside
from dyocense_cli.optimodel.evaluate import split_columns

__all__ = ["recompute_branched"]


def recompute_branched(model: OptiModel, certificate: Mapping[str, np.ndarray], x: np.ndarray) -> float:
    """Return the bound that the certificate proves, in the sense of minimisation.

    Raises
    ------
    Unprovable
        If a price has the wrong sign, a column outside the blocks is not priced out, a rule that joins blocks has no price, or a
        block's least cost is beyond what the plan `x` pays in it.
    """
    try:
        return _proved(model, certificate, x)
    except Unprovable:
        raise
    except (LookupError, TypeError, ValueError, StopIteration) as unfit:  # whatever a certificate says is only data
        raise Unprovable("its names or shapes are not the model's") from unfit


def _proved(model: OptiModel, certificate: Mapping[str, np.ndarray], x: np.ndarray) -> float:
    dim = next(key for key in certificate if key.startswith("branched:dim:")).removeprefix("branched:dim:")
    least = certificate["branched:least"]
    if least.shape != (len(model.dims[dim]),):
        raise Unprovable("it does not tell a least cost for each block")
    weigher = Weigher(model)
    weigher.objective()
    priced = set()
    for key in sorted(certificate):
        if key.startswith("branched:price:"):
            name = key.removeprefix("branched:price:")
            priced.add(name)
            check_sign(model, name, certificate[key])
            weigher.rule(name, certificate[key])
    for rule in model.rules:
        if rule.name not in priced and dim not in rule.dims:
            raise Unprovable(f"`{rule.name}` joins blocks and has no price")
    inside = {v.name for v in model.vars if dim in v.dims}
    paid, values = np.zeros(least.size), split_columns(model, x)
    for var in model.vars:
        if var.name in inside:
            other = tuple(i for i, d in enumerate(var.dims) if d != dim)
            paid += np.nansum(weigher.gradient[var.name] * values[var.name], axis=other)
    beyond = np.flatnonzero(least > paid + 1e-6 * (1.0 + np.abs(paid)))
    if beyond.size:
        raise Unprovable(f"the least cost of {model.dims[dim][int(beyond[0])]} is beyond what the plan pays for it")
    return float(least.sum() + weigher.constant + least_outside(model, weigher, inside))

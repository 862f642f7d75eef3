"""Plans that use a few shared rows least while all other rows hold: what a limit would have to be, and whether it can be kept.

Reformulates a block form into one whose only cost is the use of the lifted rows · Needs rows without columns outside the blocks ·
Creates no columns · Keeps the blocks and every other row without such columns.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays, prepare
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.pool import row_steps, without_costs
from dyocense_cli.kernel.optimizer.decompose.price import priced
from dyocense_cli.kernel.optimizer.decompose.shared import NO_ROW

__all__ = ["exceeded", "lifted", "plain_rows", "restored"]


def exceeded(form: BlockForm, used: np.ndarray, *, keep: np.ndarray) -> np.ndarray:
    """Return the weights [n_rows] of rows that `used` is over: 1 for the largest limit, others by size; 0 elsewhere and where `keep`."""
    over = (used > form.rhs + 1e-9 * (1.0 + np.abs(form.rhs))) & plain_rows(form) & ~keep
    size = np.maximum(np.abs(form.rhs), 1e-9)
    return np.where(over, size[over].max(initial=0.0) / size, 0.0)


def plain_rows(form: BlockForm) -> np.ndarray:
    """Return which rows are ≤ rows of the blocks alone."""
    out = np.zeros(form.n_rows, dtype=bool)
    for c in form.couplings:
        out[c.offset : c.offset + c.size] = not c.equal and not c.master[0].size
    return out


def lifted(arrays: Arrays, weights: np.ndarray) -> Arrays:
    """Return the arrays of the form whose cost is ``weights · use`` and in which rows of positive weight have no limit."""
    form = arrays.form
    costs = priced(form, weights, own=0.0)
    couplings, at = [], 0
    for c in form.couplings:
        if c.equal or c.master[0].size:
            continue
        here = slice(c.offset, c.offset + c.size)
        couplings.append(replace(c, rhs=np.where(weights[here] > 0, NO_ROW, c.rhs), offset=at))
        at += c.size
    none = np.zeros(0)
    lean = replace(form, cx=costs.c, cy=costs.fo, cpos=costs.ph, cneg=costs.pb, couplings=tuple(couplings), master_cost=none,
                   master_lower=none, master_upper=none, offset=0.0)
    return replace(prepare(lean, threads=arrays.threads), step=row_steps(without_costs(arrays), weights))


def restored(form: BlockForm, weights: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Return prices of the lifted form as prices of all rows of `form`, the lifted rows priced by their weights."""
    out, at = weights.copy(), 0
    for c in form.couplings:
        if c.equal or c.master[0].size:
            continue
        out[c.offset : c.offset + c.size] += prices[at : at + c.size]
        at += c.size
    return out

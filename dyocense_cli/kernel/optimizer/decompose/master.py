"""Columns that belong to no block: what they must be for given use of the shared rows, and which prices they allow.

A risk measure lowered to rows is the common case: one threshold column in every scenario row and one excess column of its
own in each (conditional value at risk), or the threshold alone (worst case). Its best value has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.price import master_reduced

__all__ = ["Master", "Settled", "analyse", "dual_part", "project", "settle"]


@dataclass(frozen=True, slots=True)
class Master:
    """Dense matrix [n_rows, n_columns] of the master columns, upper limits of prices from columns alone in a row (`cap`),
    the columns that tie several prices (`ties`), and whether the closed form applies (`closed`)."""

    matrix: np.ndarray
    cap: np.ndarray
    ties: np.ndarray
    closed: bool
    free_price: np.ndarray


@dataclass(frozen=True, slots=True)
class Settled:
    """Best master columns for given use: cost, values, prices of the rows (a subgradient), and the worst excess over a row."""

    cost: float
    values: np.ndarray
    prices: np.ndarray
    excess: float


def analyse(form: BlockForm) -> Master:
    """Sort the master columns by what they ask of prices."""
    n, m = form.n_rows, form.master_cost.size
    matrix = np.zeros((n, m))
    free = np.zeros(n, dtype=bool)
    for c in form.couplings:
        rows, cols, coef = c.master
        np.add.at(matrix, (c.offset + rows, cols), coef)
        free[c.offset : c.offset + c.size] = c.equal
    count = (matrix != 0).sum(axis=0)
    cap = np.full(n, np.inf)
    for j in np.flatnonzero((count == 1) & np.isposinf(form.master_upper)):
        r = int(np.flatnonzero(matrix[:, j])[0])
        if matrix[r, j] < 0:
            cap[r] = min(cap[r], form.master_cost[j] / -matrix[r, j])
    unbounded = np.isposinf(form.master_upper) | np.isneginf(form.master_lower)
    ties = np.flatnonzero((count > 1) & unbounded)
    return Master(matrix, cap, ties, _is_closed(form, matrix, count, ties, free), free)


def _is_closed(form: BlockForm, matrix: np.ndarray, count: np.ndarray, ties: np.ndarray, free: np.ndarray) -> bool:
    """Say whether the columns are one threshold (or none) and one excess column at most per row, all with coefficient -1."""
    if matrix.shape[1] == 0:
        return True
    if np.any(form.master_cost < 0):  # a column that earns has no least value
        return False
    touched = (matrix != 0).any(axis=1)
    single = count == 1
    return bool(
        ties.size == 1
        and (single.sum() + 1) == matrix.shape[1]
        and np.all(matrix[touched, ties[0]] == -1.0)
        and np.all(matrix[matrix != 0] == -1.0)
        and not free[touched].any()
        and np.all((matrix[:, single] != 0).sum(axis=1) <= 1)
        and np.all(form.master_lower[single] == 0)
        and np.all(np.isposinf(form.master_upper))
    )


def settle(form: BlockForm, master: Master, used: np.ndarray) -> Settled:
    """Choose the master columns for `used` rows by the closed form (see the module); needs ``master.closed``."""
    slack = form.rhs - used
    n, m = master.matrix.shape
    values = np.zeros(m)
    prices = np.zeros(n)
    free_rows = ~(master.matrix != 0).any(axis=1) if m else np.ones(n, dtype=bool)
    scale = 1.0 + np.abs(used)
    over = np.where(master.free_price, np.abs(slack), -slack) / scale
    excess = float(np.max(over[free_rows], initial=0.0))
    if m == 0:
        return Settled(0.0, values, prices, excess)
    tie = int(master.ties[0])
    rows = np.flatnonzero(~free_rows)
    loss = -slack[rows]
    price_cap = master.cap[rows]
    order = np.argsort(-loss, kind="stable")
    upto = np.cumsum(price_cap[order])
    at = int(np.searchsorted(upto, form.master_cost[tie] - 1e-12))
    threshold = loss[order[min(at, order.size - 1)]]
    threshold = max(threshold, form.master_lower[tie])
    taken = np.minimum(price_cap[order], np.maximum(form.master_cost[tie] - (upto - price_cap[order]), 0.0))
    taken = np.where(loss[order] >= threshold, taken, 0.0)
    prices[rows[order]] = np.where(np.isfinite(taken), taken, form.master_cost[tie])
    values[tie] = threshold
    for j in np.flatnonzero((master.matrix != 0).sum(axis=0) == 1):
        r = int(np.flatnonzero(master.matrix[:, j])[0])
        values[j] = max(-slack[r] - threshold, 0.0)
    return Settled(float(form.master_cost @ values), values, prices, excess)


def dual_part(form: BlockForm, prices: np.ndarray) -> float:
    """Return the least of reduced cost · column over the columns' bounds; -inf where a price is outside its set."""
    reduced = master_reduced(form, prices)
    reduced = np.where(np.abs(reduced) <= 1e-9 * (1.0 + np.abs(form.master_cost)), 0.0, reduced)
    bound = np.where(reduced > 0, form.master_lower, form.master_upper)
    return float(np.sum(np.where(reduced == 0, 0.0, reduced * np.where(reduced == 0, 0.0, bound))))


def project(form: BlockForm, master: Master, prices: np.ndarray) -> np.ndarray:
    """Return prices near `prices` that every unbounded master column allows; exact when one column ties prices."""
    box_low = np.where(master.free_price, -np.inf, 0.0)
    p = np.clip(prices, box_low, master.cap)
    for _ in range(1 if master.ties.size <= 1 else 50):
        for j in master.ties:
            p = _onto(p, master.matrix[:, j], cost=float(form.master_cost[j]), low=box_low, high=master.cap,
                      below=bool(np.isneginf(form.master_lower[j])), above=bool(np.isposinf(form.master_upper[j])))
    return np.asarray(p)


def _onto(p: np.ndarray, a: np.ndarray, *, cost: float, low: np.ndarray, high: np.ndarray, below: bool, above: bool) -> np.ndarray:
    """Project onto ``cost + a·p ≥ 0`` (column unbounded above), ``≤ 0`` (below) or both, within the box, by bisection on the shift."""
    reduced = cost + a @ p
    if (reduced >= 0 or not above) and (reduced <= 0 or not below):
        return p

    def shifted(m: float) -> np.ndarray:
        return np.asarray(np.clip(p + m * a, low, high))

    sign = 1.0 if reduced < 0 else -1.0
    far = 1.0
    while sign * (cost + a @ shifted(sign * far)) < 0 and far < 1e12:
        far *= 2.0
    near = 0.0
    for _ in range(60):
        mid = 0.5 * (near + far)
        if sign * (cost + a @ shifted(sign * mid)) < 0:
            near = mid
        else:
            far = mid
    return shifted(sign * far)

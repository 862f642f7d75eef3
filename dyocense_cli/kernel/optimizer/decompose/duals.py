"""Prices of the shared rows by a preconditioned Polyak step, and multipliers of each block's own row by cutting planes.

Any prices give a bound, so nothing here needs to converge; better prices give a better bound and better plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.blocks import Answer, Arrays, bounds, dual_value, plans
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.master import Master, dual_part, project
from dyocense_cli.kernel.optimizer.decompose.price import priced, usage

__all__ = ["Dual", "Proof", "improve", "prove", "row_multipliers"]


@dataclass(frozen=True, slots=True)
class Dual:
    """Prices [n_rows] and multipliers `kappa` [S] with the Lagrangian value of the formula there."""

    value: float
    prices: np.ndarray
    kappa: np.ndarray


@dataclass(frozen=True, slots=True)
class Proof:
    """A proven `bound`, the blocks' shares of it [S], and marks [S] of what each share rests on."""

    bound: float
    shares: np.ndarray
    marks: np.ndarray


def _scales(form: BlockForm, master: Master, answer: Answer, used: np.ndarray) -> np.ndarray:
    """Return what one step of each row's price should weigh: cost per unit of the row over the row's size, squared norm aside."""
    S, _, T, W = form.shape
    spent = {"x": float(np.abs(form.cx * answer.x).sum()), "y": float(np.abs(form.cy * (answer.x > 0)).sum())}
    pos, neg = np.maximum(answer.u, 0), np.maximum(-answer.u, 0)
    spent["pos"] = float(np.abs(np.broadcast_to(form.cpos, (S, T, W)) * pos).sum())
    spent["neg"] = float(np.abs(np.broadcast_to(form.cneg, (S, T, W)) * neg).sum())
    total = max(sum(spent.values()), 1e-12)
    out = np.ones(form.n_rows)
    for c in form.couplings:
        here = slice(c.offset, c.offset + c.size)
        size = np.maximum(np.abs(form.rhs[here]), np.abs(used[here]).max(initial=0.0))
        worth = total if any(p.target in {"x", "y"} for p in c.parts) else max(spent["pos"] + spent["neg"], 1e-3 * total)
        # a row whose every unit were priced at worth/size would charge what its blocks cost today
        out[here] = 0.3 * worth / np.maximum(float(np.abs(used[here]).sum()), 1e-9) / np.maximum(size, 1e-9)
    for j in master.ties:  # prices that a column ties add up to its cost
        rows = np.flatnonzero(master.matrix[:, j])
        out[rows] = 0.3 * abs(form.master_cost[j]) / max(float(np.abs(used[rows]).max()), 1e-9)
    return out


def improve(
    arrays: Arrays, master: Master, start: Dual, iterations: int, *, scale: np.ndarray | None = None, reach: float | None = None
) -> tuple[Dual, Answer]:
    """Raise the Lagrangian value from `start`; return the best prices and the last plans.

    The step is Polyak's, ``(target - value) / |g|²`` in a diagonal metric, with target = best · (1 + d); d shrinks after three
    failures. The direction is smoothed, and rows whose price is zero and that are not overused stay out of the norm.
    Multipliers of block rows move by the sign of their violation with a step that shrinks when the sign turns. `scale` [n_rows]
    is the metric (from the first plans if None), `reach` the least distance of the target (where values are near 0).
    """
    form = arrays.form
    prices, kappa = start.prices.copy(), start.kappa.copy()
    best = start
    rhs = form.rhs
    smooth: np.ndarray | None = None
    ahead, fails, last_value = 4e-3, 0, -np.inf
    move = 0.3 * arrays.step
    sign = np.zeros(kappa.size)
    answer = None
    for _ in range(iterations):
        answer = plans(arrays, priced(form, prices), kappa)
        value = dual_value(answer.value, form, prices, dual_part(form, prices))
        used = usage(form, answer.x, answer.u)
        if value > best.value:
            best = Dual(value, prices.copy(), kappa.copy())
        if arrays.has_row and not form.no_backlog:
            turn = np.sign(answer.owed - arrays.limit)
            move = np.where(turn * sign < 0, 0.55 * move, 1.15 * move)
            sign = turn
            kappa = np.maximum(kappa + move * turn, 0.0)
        if value > last_value * (1 + 1e-6) or last_value == -np.inf:
            last_value, fails = value, 0
        else:
            fails += 1
            if fails >= 3:
                ahead, fails = max(0.6 * ahead, 2e-5), 0
                if best.value > value + 3 * ahead * abs(best.value):
                    prices = best.prices.copy()
        if rhs.size == 0:
            continue
        if scale is None:
            scale = _scales(form, master, answer, used)
        gradient = used - rhs
        smooth = gradient if smooth is None else 0.6 * gradient + 0.4 * smooth
        far = ahead * max(abs(best.value), reach or 0.0)
        prices = _step(form, master, prices, smooth=smooth, scale=scale, room=best.value + far - value)
    if answer is None:
        answer = plans(arrays, priced(form, best.prices), best.kappa)
    return best, answer


def _step(form: BlockForm, master: Master, prices: np.ndarray, *, smooth: np.ndarray, scale: np.ndarray, room: float) -> np.ndarray:
    direction = smooth.copy()
    for j in master.ties:  # along the tie the price total cannot move
        rows = np.flatnonzero(master.matrix[:, j])
        held = rows[prices[rows] > 1e-9]
        direction[rows] -= direction[held].mean() if held.size else 0.0
    active = np.where((prices > 0) | (direction > 0) | master.free_price, direction, 0.0)
    norm = float(np.sum(scale * active * active))
    length = min(room / max(norm, 1e-12), 5.0)
    return project(form, master, prices + length * scale * active)


def row_multipliers(arrays: Arrays, prices: np.ndarray, kappa: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Maximise each block's value over its own multiplier at fixed prices by cutting planes (Kelley), all blocks side by side.

    Returns the best multipliers [S] and the formula values there.
    """
    form = arrays.form
    costs = priced(form, prices)
    if not arrays.has_row or form.no_backlog:
        return kappa, plans(arrays, costs, kappa).value
    k = np.maximum(kappa, 1e-3 * arrays.step)
    best, value = k.copy(), np.full(k.size, -np.inf)
    low = np.full((3, k.size), np.nan)  # multiplier, value, slope of the last cut from below
    high = low.copy()
    for _ in range(rounds):
        answer = plans(arrays, costs, k)
        slope = answer.owed - arrays.limit
        up = answer.value > value
        value[up], best[up] = answer.value[up], k[up]
        cut = np.stack([k, answer.value, slope])
        rising = slope > 0
        low = np.where(rising & ~(k < low[0]), cut, low)
        high = np.where(~rising & ~(k > high[0]), cut, high)
        both = ~np.isnan(low[0]) & ~np.isnan(high[0])
        spread = np.where(both, low[2] - high[2], 1.0)
        cross = (high[1] - low[1] + low[2] * low[0] - high[2] * high[0]) / np.where(spread == 0, 1.0, spread)
        k = np.maximum(np.where(both, cross, np.where(rising, 1.6 * k + 0.02 * arrays.step, 0.6 * k)), 0.0)
    return best, value


def prove(arrays: Arrays, prices: np.ndarray, kappa: np.ndarray, known: Mapping[int, float] | None = None) -> Proof:
    """Return the proven bound at these prices and multipliers; blocks that rest on nothing new have the value `known` for their mark."""
    form = arrays.form
    values, marks = bounds(arrays, priced(form, prices), kappa, known)
    return Proof(dual_value(values, form, prices, dual_part(form, prices)), values, marks)

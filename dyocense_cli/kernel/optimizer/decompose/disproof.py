"""Where insertion found no plan: prove that there is none, or say which rules the nearest plan exceeds.

If at some prices every choice of plans overuses the shared rows by more than the rows allow (a positive Lagrangian value with no
costs but the prices), no plan exists, and the prices are the proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays
from dyocense_cli.kernel.optimizer.decompose.duals import Dual, improve, prove, row_multipliers
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.master import Master
from dyocense_cli.kernel.optimizer.decompose.pool import Pool, generate, row_steps, without_costs
from dyocense_cli.kernel.optimizer.decompose.squeeze import plain_rows
from dyocense_cli.ports import Solve

__all__ = ["disproof", "disprove", "nearest_rows"]


def disproof(
    arrays: Arrays, master: Master, solve: Solve, pool: Pool, kappa: np.ndarray, *, seed: int, rounds: int, stop: Callable[[], bool]
) -> Dual | None:
    """Return prices and multipliers that rule out any plan, None where none were found; the pool grows.

    The program over whole plans counts only shortfall; while it stays above 0 its prices are tried as a proof after every round.
    """
    form = arrays.form
    penalty = np.where(plain_rows(form), 1.0 / np.maximum(np.abs(form.rhs), 1e-9), np.inf)
    proof: list[Dual] = []

    def watch(value: float, prices: np.ndarray) -> bool:
        if value <= 1e-9:
            return True
        found = disprove(arrays, prices, kappa)
        if found is not None:
            proof.append(found)
        return bool(proof) or stop()

    if pool.block:
        short = generate(pool, master, solve, penalty=penalty, own=0.0, kappa=kappa, rounds=rounds, seed=seed, watch=watch)
        if short.value > 1e-9 and not proof:
            proof += [p for p in [_disprove_harder(arrays, master, short.prices, kappa)] if p is not None]
    return proof[0] if proof else None


def disprove(arrays: Arrays, prices: np.ndarray, kappa: np.ndarray) -> Dual | None:
    """Return a proof that no plan keeps every row, if these prices are one."""
    only = np.where(plain_rows(arrays.form), prices, 0.0)
    free = without_costs(arrays)
    scale = row_steps(free, only)
    free = replace(free, step=scale)
    multipliers, _ = row_multipliers(free, only, np.minimum(kappa, scale), 8)
    value = prove(free, only, multipliers).bound
    tolerance = 1e-7 * (1.0 + float(np.abs(only * arrays.form.rhs).sum()))
    return Dual(value, only, multipliers) if value > tolerance else None


def _disprove_harder(arrays: Arrays, master: Master, start: np.ndarray, kappa: np.ndarray) -> Dual | None:
    """Raise the Lagrangian value without costs from `start` and try its prices as a proof."""
    form = arrays.form
    only = np.where(plain_rows(form), start, 0.0)
    free = without_costs(arrays)
    steps = row_steps(free, only)
    free = replace(free, step=steps)
    reach = float(np.abs(only * form.rhs).sum())
    first = Dual(-np.inf, only, np.minimum(kappa, steps))
    metric = np.where(plain_rows(form), 1.0 / np.maximum(np.abs(form.rhs), 1e-9) ** 2, 0.0)
    best, _ = improve(free, master, first, 150, scale=metric, reach=reach)
    return disprove(arrays, best.prices, best.kappa)


def nearest_rows(form: BlockForm, used: np.ndarray) -> list[tuple[str, float, float]]:
    """Return (rule, what its tightest row would need, its limit) for each rule that `used` exceeds, worst first."""
    out = []
    rhs = form.rhs
    for c in form.couplings:
        if c.master[0].size:
            continue
        over = (used - rhs)[c.offset : c.offset + c.size] / np.maximum(np.abs(c.rhs), 1e-9)
        worst = int(np.argmax(over))
        if over[worst] > 1e-9:
            out.append((float(over[worst]), c.name, float(c.sign * used[c.offset + worst]), float(c.sign * rhs[c.offset + worst])))
    return [(name, need, limit) for _, name, need, limit in sorted(out, reverse=True)]

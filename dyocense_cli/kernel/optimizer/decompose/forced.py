"""Where insertion found no plan: prove that none exists, or pick whole plans that use the exceeded rows least and go on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays, positions
from dyocense_cli.kernel.optimizer.decompose.disproof import disproof, disprove
from dyocense_cli.kernel.optimizer.decompose.duals import Dual, prove
from dyocense_cli.kernel.optimizer.decompose.master import Master, analyse, settle
from dyocense_cli.kernel.optimizer.decompose.pool import Combined, Pool, combine, replanned
from dyocense_cli.kernel.optimizer.decompose.price import usage
from dyocense_cli.kernel.optimizer.decompose.primal import Found, evaluate, insertion, room_of
from dyocense_cli.kernel.optimizer.decompose.samplelp import relaxation
from dyocense_cli.kernel.optimizer.decompose.squeeze import exceeded, lifted, restored
from dyocense_cli.ports import Solve, SolveLimits

__all__ = ["Effort", "Forced", "force"]

#: Passes that use the exceeded rows least, each of which gives plans to pick from.
SQUEEZES = 20
#: Rounds of plan generation, and nodes of a program that picks one plan per block.
ROUNDS = 25
NODES = 200
SUPPORTED = 500
#: Relative excess over a row up to which it counts as kept.
KEPT = 1e-9


@dataclass(frozen=True, slots=True)
class Effort:
    """How to solve small programs: `price` finds prices of a form, `limits` of the programs, `stop` is asked between steps."""

    solve: Solve
    price: Callable[[Arrays, Master], Dual]
    limits: Callable[[], SolveLimits]
    stop: Callable[[], bool]
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class Forced:
    """Lots [S, A, T] `plans` to go on from, at `prices`; or `proof` that no plan exists. `least` is the least that any plan uses of the one
    exceeded row, None where several are; `support` (bool[S, A, T]) the orders that some plan has; `tried` says what was done."""

    plans: tuple[np.ndarray, ...]
    prices: np.ndarray
    tried: tuple[str, ...] = ()
    proof: Dual | None = None
    least: float | None = None
    support: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 1), dtype=bool))


def force(arrays: Arrays, master: Master, dual: Dual, seen: list[np.ndarray], effort: Effort) -> Forced:
    """Return plans that keep the shared rows or nearly so, or a proof that none does; the last of `seen` is the nearest so far."""
    form, pool = arrays.form, Pool(arrays)
    for x in [*seen, *(replanned(arrays, scale * dual.prices, dual.kappa) for scale in (0.0, 1.0))]:  # at least one plan of each block
        pool.add(x)
    proof = disproof(arrays, master, effort.solve, pool, dual.kappa, seed=effort.limits().seed, rounds=ROUNDS, stop=effort.stop)
    if proof is not None or effort.stop() or not pool.block:
        return Forced((), dual.prices, proof=proof)
    weights = exceeded(form, usage(form, seen[-1], positions(arrays, seen[-1])), keep=room_of(form).capped)
    lean = _squeeze(arrays, master, weights, pool, effort) if weights.any() else Forced((), dual.prices)
    if lean.proof is not None or effort.stop() or any(_excess(arrays, master, x) <= KEPT for x in lean.plans):
        return lean
    picked = _pick(pool, master, dual, effort, start=lean.plans[0] if lean.plans else None)
    words = (*lean.tried, f"one plan per block picked out of {len(pool.block)}")
    support = np.zeros(form.cx.shape, dtype=bool)
    np.maximum.at(support, np.array(pool.block), np.array(pool.lots) > 0)
    return Forced((*lean.plans, *([] if picked.x is None else [picked.x])), picked.prices, words, None, lean.least, support)


def supported(arrays: Arrays, effort: Effort, support: np.ndarray, start: np.ndarray) -> np.ndarray | None:
    """Return lots of the program in which only orders of `support` may be placed, branched on from `start`; None where it has none.

    What prices cannot tell (which of two setups to keep in a full period), a program over few setups can.
    """
    form = arrays.form
    model = relaxation(form, integer=True, tighten=False)
    n = form.cx.size
    upper = model.upper.copy()
    upper[: 2 * n] = np.where(np.tile((support | (start > 0)).ravel(), 2), upper[: 2 * n], 0.0)
    begin = np.full(model.n_cols, np.nan)
    begin[: 2 * n] = np.concatenate([start.ravel(), (start > 0).ravel()])
    answer = effort.solve(replace(model, upper=upper), replace(effort.limits(), nodes=SUPPORTED), start=begin)
    return None if answer.x is None else np.rint(answer.x[:n]).astype(np.int32).reshape(form.cx.shape)


def _excess(arrays: Arrays, master: Master, x: np.ndarray) -> float:
    return evaluate(arrays, partial(settle, arrays.form, master), x)[3]


def _squeeze(arrays: Arrays, whole: Master, weights: np.ndarray, pool: Pool, effort: Effort) -> Forced:
    """Use the rows of positive weight least, all others kept; every plan met on the way joins the pool."""
    form, lean = arrays.form, lifted(arrays, weights)
    master = analyse(lean.form)
    dual = effort.price(lean, master)
    bound = prove(lean, dual.prices, dual.kappa).bound
    proof = disprove(arrays, restored(form, weights, dual.prices), dual.kappa)
    if proof is not None:
        return Forced((), dual.prices, proof=proof)
    own, prices = Pool(lean), restored(form, weights, dual.prices)

    def guard(found: Found) -> bool:
        own.add(found.last)
        return effort.stop()

    found = insertion(lean, master, partial(settle, lean.form, master), dual, bound, passes=SQUEEZES, gap=0.0, rng=effort.rng, guard=guard)
    x = found.x
    for nodes in (1, NODES):
        if not own.block or effort.stop() or _excess(arrays, whole, x) <= KEPT:
            break
        picked = _pick(own, master, dual, effort, start=x, nodes=nodes)
        x = x if picked.x is None else picked.x
    pool.take(own)
    rows = np.flatnonzero(weights)
    used = float(usage(form, x, positions(arrays, x))[rows] @ weights[rows])
    names = sorted({c.name for c in form.couplings if weights[c.offset : c.offset + c.size].any()})
    what = " and ".join(f"`{n}`" for n in names)
    words = f"{found.passes} passes and {len(own.block)} plans for the least use of {what}: {used:,.6g}, none below {bound:,.6g}"
    return Forced((x,), prices, (words,), None, bound if rows.size == 1 else None)


def _pick(pool: Pool, master: Master, dual: Dual, effort: Effort, *, start: np.ndarray | None, nodes: int = NODES) -> Combined:
    return combine(pool, master, effort.solve, prices=dual.prices, kappa=dual.kappa, limits=replace(effort.limits(), nodes=nodes),
                   rounds=ROUNDS, watch=lambda _value, _prices: effort.stop(), start=start)

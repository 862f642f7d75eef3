"""All blocks at once: kernel-ready arrays, and evaluation at given prices in one or more threads.

Each block's result lands in its own slot, so the number of threads changes no bit of any result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import numpy as np

from dyocense_cli.kernel.optimizer.decompose import sweep
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.price import Costs

__all__ = ["Arrays", "Answer", "bounds", "dual_value", "plans", "positions", "prepare"]


@dataclass(frozen=True, slots=True)
class Arrays:
    """Contiguous arrays of a form: `n` states per block of the plan program, `limit` and `kw` of the block's own service row
    (zeros where there is none), `step` the scale of that row's multiplier."""

    form: BlockForm
    n: np.ndarray
    n_bound: np.ndarray
    kw: np.ndarray
    limit: np.ndarray
    step: np.ndarray
    has_row: bool
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Plans at given prices: formula `value` [S] less kappa·limit, lots `x`, positions `u`, backlog in the service row `owed` [S]."""

    value: np.ndarray
    x: np.ndarray
    u: np.ndarray
    owed: np.ndarray


def prepare(form: BlockForm, *, threads: int = 1) -> Arrays:
    """Return the arrays that the kernels need of a form."""
    S, _, T, W = form.shape
    need = np.maximum(np.ceil(form.net.max(axis=(1, 2)) - 1e-9), 0).astype(np.int64)
    exists = form.qmax >= form.qmin
    margin = np.where(exists, form.qmin, 0).max(axis=(1, 2)).astype(np.int64)
    weight = np.ones((S, T, W)) if form.no_backlog else np.ascontiguousarray(np.broadcast_to(form.kw, (S, T, W)), dtype=float)
    limit = np.zeros(S) if form.limit is None else np.ascontiguousarray(form.limit, dtype=float)
    has_row = form.no_backlog or form.limit is not None
    return Arrays(form, need + margin + 2, need + margin + 2, weight, limit, _steps(form, weight), has_row, threads)


def _steps(form: BlockForm, weight: np.ndarray) -> np.ndarray:
    """Return the scale of each block's multiplier: what a lot owed costs, else what it costs to buy, per unit of the row."""
    S, _, T, W = form.shape
    per_row = np.maximum(weight.mean(axis=(1, 2)), 1e-12)
    exists = form.qmax >= form.qmin
    buy = np.where(exists, form.cx, 0.0).sum(axis=(1, 2)) / np.maximum(exists.sum(axis=(1, 2)), 1)
    owed = np.broadcast_to(form.cneg, (S, T, W)).mean(axis=(1, 2))
    if form.no_backlog:
        order = np.where(exists, form.cy, 0.0).max(axis=(1, 2))
        return np.asarray(np.maximum(10.0 * (np.abs(buy) + order) + 10.0 * W * owed, 1.0) / per_row)
    return np.asarray(np.maximum(np.maximum(owed, 0.1 * np.abs(buy) / W), 1e-9) / per_row)


def _spread(work: Callable[[int, int], None], size: int, threads: int) -> None:
    parts = min(threads, size)
    if parts <= 1:
        work(0, size)
        return
    edges = [size * i // parts for i in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        for done in [pool.submit(work, lo, hi) for lo, hi in pairwise(edges)]:
            done.result()


def plans(arrays: Arrays, costs: Costs, kappa: np.ndarray) -> Answer:
    """Solve every block by the plan program."""
    form = arrays.form
    S, A, T, W = form.shape
    out = Answer(np.empty(S), np.zeros((S, A, T), np.int32), np.empty((S, T, W)), np.empty(S))

    def work(lo: int, hi: int) -> None:
        sweep.plan_blocks(lo, hi, arrays.n, costs.c, costs.fo, form.qmin, form.qmax, form.net, costs.ph, costs.pb, arrays.kw, form.lead,
                          kappa, arrays.limit, out.value, out.x, out.u, out.owed)

    _spread(work, S, arrays.threads)
    return out


def bounds(arrays: Arrays, costs: Costs, kappa: np.ndarray, known: Mapping[int, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return float64[S], a value no plan of each block can beat at these prices less kappa·limit, and uint64[S], marks of all it rests on.

    A block whose mark is `known` has the value known for it and is not computed.
    """
    known = known or {}
    form = arrays.form
    inputs = (arrays.n_bound, costs.c, costs.fo, form.qmin, form.qmax, form.net, costs.ph, costs.pb, arrays.kw, form.lead, kappa,
              arrays.limit)
    marks = _marks(inputs)
    value = np.array([known.get(mark, np.nan) for mark in marks.tolist()])
    open_ = np.flatnonzero(np.isnan(value))

    def work(lo: int, hi: int) -> None:
        for run in np.split(open_[lo:hi], np.flatnonzero(np.diff(open_[lo:hi]) > 1) + 1):
            if run.size:
                sweep.bound_blocks(run[0], run[-1] + 1, *inputs, value)

    _spread(work, open_.size, arrays.threads)
    return value, marks


def _marks(inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return uint64[S]: a digest of what each block is bounded from."""
    out = np.empty(inputs[0].size, np.uint64)
    for s in range(out.size):
        digest = blake2b(digest_size=8)
        for array in inputs:
            digest.update(np.ascontiguousarray(array[s]).tobytes())
        out[s] = int.from_bytes(digest.digest(), "little")
    return out


def positions(arrays: Arrays, x: np.ndarray) -> np.ndarray:
    """Return u[S, T, W] of lots `x`."""
    form = arrays.form
    S, _, T, W = form.shape
    u = np.empty((S, T, W))
    sweep.recourse_blocks(0, S, x, form.net, form.lead, u)
    return u


def dual_value(blocks: np.ndarray, form: BlockForm, prices: np.ndarray, master: float) -> float:
    """Return the Lagrangian value: blocks + master - prices·rhs + offset."""
    return float(blocks.sum() - prices @ form.rhs + master + form.offset)

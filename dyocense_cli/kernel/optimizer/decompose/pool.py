"""A restricted program over plans of the pool: pick one plan per block so that the shared rows hold.

Where a shared row truly binds, prices alone leave every block on one side of it; picking among whole plans does not. The pool
grows by re-planning blocks at the prices of the program's relaxation, in which shortfalls cost a penalty, as in column generation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.kernel.optimizer.decompose import sweep
from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays, positions
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm, sum_to_rows
from dyocense_cli.kernel.optimizer.decompose.master import Master, project
from dyocense_cli.kernel.optimizer.decompose.price import priced
from dyocense_cli.ports import Solve, SolveLimits

__all__ = ["Combined", "Pool", "block_usage", "combine", "generate", "replanned", "row_steps", "without_costs"]

#: Times that blocks are re-planned at varied prices before plans are picked.
VARIED = 30


@dataclass(slots=True)
class Pool:
    """Plans per block: `block` and `cost` per column, `use` (sparse [n_rows] each), `lots`."""

    arrays: Arrays
    block: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    use: list[sparse.csr_matrix] = field(default_factory=list)
    lots: list[np.ndarray] = field(default_factory=list)
    seen: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def add(self, x: np.ndarray) -> int:
        """Add each block's plan of `x` [S, A, T] that keeps the block's own row and is new; return how many."""
        form = self.arrays.form
        u = positions(self.arrays, x)
        owed = np.einsum("stw,stw->s", np.maximum(-u, 0), self.arrays.kw)
        kept = owed <= self.arrays.limit * (1 + 1e-9) + 1e-9 if self.arrays.has_row else np.ones(x.shape[0], dtype=bool)
        fresh = [s for s in range(x.shape[0]) if kept[s] and (s, x[s].tobytes()) not in self.seen]
        if not fresh:
            return 0
        use = sparse.csr_matrix(block_usage(form, x, u))
        cost = _own_costs(form, x, u)
        for s in fresh:
            self.seen[s, x[s].tobytes()] = len(self.block)
            self.block.append(s)
            self.cost.append(float(cost[s]))
            self.use.append(use[s])
            self.lots.append(x[s].copy())
        return len(fresh)

    def take(self, other: Pool) -> None:
        """Add the plans of another pool over the same blocks."""
        layers: list[np.ndarray] = []
        depth = np.zeros(self.arrays.form.shape[0], dtype=np.int64)
        for s, lots in zip(other.block, other.lots, strict=True):
            if depth[s] == len(layers):
                layers.append(layers[-1].copy() if layers else np.zeros(self.arrays.form.cx.shape, np.int32))
            layers[depth[s]][s] = lots
            depth[s] += 1
        for layer in layers:
            self.add(layer)


def block_usage(form: BlockForm, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return float64[S, n_rows]: what each block uses of the shared rows."""
    S = form.shape[0]
    out = np.zeros((S, form.n_rows))
    values = {"x": x.astype(float), "y": (x > 0).astype(float), "pos": np.maximum(u, 0.0), "neg": np.maximum(-u, 0.0)}
    for c in form.couplings:
        for part in c.parts:
            if part.target == "one":
                continue
            own = replace(part, rows=part.rows + (np.arange(S) * c.size)[:, None, None, None])
            out[:, c.offset : c.offset + c.size] += sum_to_rows(values[part.target], own, S * c.size).reshape(S, c.size)
    return out


def _own_costs(form: BlockForm, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    total = (form.cx * x).sum(axis=(1, 2)) + (form.cy * (x > 0)).sum(axis=(1, 2))
    return np.asarray(total + (form.cpos * np.maximum(u, 0)).sum(axis=(1, 2)) + (form.cneg * np.maximum(-u, 0)).sum(axis=(1, 2)))


@dataclass(frozen=True, slots=True)
class Combined:
    """Lots [S, A, T] that break the rows least and cost little, the relaxation's prices, and its value (penalties included)."""

    x: np.ndarray | None
    prices: np.ndarray
    value: float


def _program(pool: Pool, master: Master, *, penalty: np.ndarray, own: float = 1.0, integer: bool = False) -> GroundModel:
    """Return the program: plan columns, master columns, shortfall columns (none where `penalty` is not finite)."""
    form = pool.arrays.form
    S, n, k, m = form.shape[0], form.n_rows, len(pool.block), form.master_cost.size
    short = np.flatnonzero(np.isfinite(penalty))
    use = sparse.vstack(pool.use).T
    pick = sparse.coo_matrix((np.ones(k), (np.array(pool.block), np.arange(k))), shape=(S, k))
    slack = sparse.coo_matrix((-np.ones(short.size), (short, np.arange(short.size))), shape=(n, short.size))
    none = [sparse.csr_matrix((S, m)), sparse.csr_matrix((S, short.size))]
    matrix = sparse.csc_matrix(sparse.bmat([[use, sparse.csr_matrix(master.matrix), slack], [pick, *none]]))
    matrix.sort_indices()
    rhs, equal = form.rhs, master.free_price
    size = k + m + short.size
    whole = np.zeros(size, np.uint8)
    whole[:k] = integer
    return GroundModel(
        "min", own * form.offset, np.concatenate([own * np.array(pool.cost), own * form.master_cost, penalty[short]]),
        np.concatenate([np.zeros(k), form.master_lower, np.zeros(short.size)]),
        np.concatenate([np.ones(k), form.master_upper, np.full(short.size, np.inf)]), whole,
        np.concatenate([np.where(equal, rhs, -np.inf), np.ones(S)]), np.concatenate([rhs, np.ones(S)]),
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data, (Block("x", (), 0, size),),
        (Block("rows", (), 0, n + S),), {},
    )


def _penalties(form: BlockForm, prices: np.ndarray) -> np.ndarray:
    """Return what a unit over each row costs: well above any price it can have; rows with master columns may not break."""
    out = np.full(form.n_rows, np.inf)
    for c in form.couplings:
        rate = 1e-9
        for part in c.parts:
            base = {"x": form.cx, "y": form.cy, "pos": form.cpos, "neg": form.cneg}.get(part.target)
            if base is not None and np.any(part.coef):
                rate = max(rate, float(np.abs(base).max()) / float(np.abs(part.coef[part.coef != 0]).mean()))
        here = slice(c.offset, c.offset + c.size)
        out[here] = np.inf if c.equal or c.master[0].size else 20.0 * np.maximum(rate, prices[here].max(initial=0.0))
    return out


def generate(
    pool: Pool, master: Master, solve: Solve, *, penalty: np.ndarray, own: float, kappa: np.ndarray, rounds: int, seed: int,
    watch: Callable[[float, np.ndarray], bool],
) -> Combined:
    """Solve the program's relaxation and re-plan all blocks at its prices, `rounds` times or until nothing is new.

    `own` 0 leaves out the blocks' costs, so that only shortfall counts. `watch` is told value and prices and may end it.
    """
    form = pool.arrays.form
    arrays = pool.arrays if own else without_costs(pool.arrays)
    prices, value = np.zeros(form.n_rows), np.inf
    for _ in range(rounds):
        answer = solve(_program(pool, master, penalty=penalty, own=own), SolveLimits(threads=1, seed=seed))
        if answer.row_dual is None or answer.objective is None:
            break
        value = answer.objective
        prices = np.where(master.free_price, -answer.row_dual[: form.n_rows], np.maximum(-answer.row_dual[: form.n_rows], 0.0))
        if watch(value, prices) or pool.add(replanned(arrays, prices, kappa)) == 0:
            break
    return Combined(None, prices, value)


def combine(
    pool: Pool, master: Master, solve: Solve, *, prices: np.ndarray, kappa: np.ndarray, limits: SolveLimits, rounds: int,
    watch: Callable[[float, np.ndarray], bool], varied: int = VARIED, start: np.ndarray | None = None,
) -> Combined:
    """Grow the pool by `rounds` of `generate` and `varied` sets of prices, then pick one plan per block by branching within `limits`.

    `start` are lots [S, A, T] to branch from, if they are plans of the pool.
    """
    penalty = _penalties(pool.arrays.form, prices)
    grown = generate(pool, master, solve, penalty=penalty, own=1.0, kappa=kappa, rounds=rounds, seed=limits.seed, watch=watch)
    rng = np.random.default_rng(limits.seed)
    for number in range(varied if grown.prices.any() else 0):  # unlike plans, so that whole ones can be found that fit together
        noise = np.exp(rng.normal(0.0, 0.5, grown.prices.size)) * (0.5, 1.0, 1.5, 2.0, 3.0)[number % 5]
        near = project(pool.arrays.form, master, grown.prices * noise)
        pool.add(replanned(pool.arrays, near, kappa))
        if watch(grown.value, near):
            break
    program = _program(pool, master, penalty=penalty, integer=True)
    answer = solve(program, limits, start=None if start is None else _picked(pool, start, program.n_cols))
    if answer.x is None:
        return grown
    x = np.zeros(pool.arrays.form.cx.shape, np.int32)
    for j in np.flatnonzero(answer.x[: len(pool.block)] > 0.5):
        x[pool.block[j]] = pool.lots[j]
    return replace(grown, x=x)


def _picked(pool: Pool, x: np.ndarray, size: int) -> np.ndarray | None:
    """Return lots as a choice of plans, NaN for the other columns; None where a plan is not in the pool."""
    columns = [pool.seen.get((s, lots.tobytes())) for s, lots in enumerate(x)]
    if any(c is None for c in columns):
        return None
    out = np.full(size, np.nan)
    out[: len(pool.block)] = 0.0
    out[[c for c in columns if c is not None]] = 1.0
    return out


def without_costs(arrays: Arrays) -> Arrays:
    """Return the arrays of the form in which only shared rows cost anything."""
    form = arrays.form
    free = replace(form, cx=0.0 * form.cx, cy=0.0 * form.cy, cpos=0.0 * form.cpos, cneg=0.0 * form.cneg,
                   master_cost=0.0 * form.master_cost, offset=0.0)
    return replace(arrays, form=free)


def row_steps(arrays: Arrays, prices: np.ndarray) -> np.ndarray:
    """Return the scale [S] of the blocks' own multipliers where only prices cost anything."""
    costs = priced(arrays.form, prices)
    per_row = np.maximum(arrays.kw.mean(axis=(1, 2)), 1e-12)
    return np.asarray(np.maximum(costs.c.mean(axis=(1, 2)) / arrays.form.net.shape[-1], 1e-9) / per_row)


def replanned(arrays: Arrays, prices: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """Return every block's best plan at these prices that keeps its own row, the shared rows left aside."""
    form = arrays.form
    costs = priced(form, prices)
    x = np.zeros(form.cx.shape, np.int32)
    none = np.zeros((0, *form.cx.shape))
    sweep.insert_blocks(
        np.arange(form.shape[0]), arrays.n, costs.c, costs.fo, form.qmin, form.qmax, form.net, costs.ph, costs.pb, arrays.kw, form.lead,
        kappa.copy(), arrays.limit, row_steps(arrays, prices) if not form.cx.any() else arrays.step, none.astype(np.int64), none, none,
        np.zeros(1), x, 6, 5,
    )
    return x

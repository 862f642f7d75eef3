"""Plans by insertion: blocks are re-planned one after another within the shared rows' room that the others leave.

Between passes the prices are varied by a seeded generator: rows over their limit get dearer, the threshold rows of a risk
measure lean towards the scenarios that are worst now. A pass is accepted when every row holds; nothing depends on a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dyocense_cli.kernel.optimizer.decompose import sweep
from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays, positions
from dyocense_cli.kernel.optimizer.decompose.duals import Dual
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.master import Master, Settled
from dyocense_cli.kernel.optimizer.decompose.price import Costs, priced, usage

__all__ = ["Found", "Room", "Settle", "block_costs", "evaluate", "insertion", "room_of"]

#: How a capacity price is scaled from pass to pass.
SCALES = (1.0, 0.9, 1.1, 1.0, 0.7)
FEW_SCALES = (1.0, 0.7, 0.4, 0.0, 1.2)

#: (used rows) -> best master columns
Settle = Callable[[np.ndarray], Settled]


@dataclass(frozen=True, slots=True)
class Room:
    """Shared rows that cap single orders: `rows`, `ax`, `ay` are [F, S, A, T] (row, use per lot, per order); `which` the
    couplings they stand for, `prices` marks their rows among all shared rows."""

    rows: np.ndarray
    ax: np.ndarray
    ay: np.ndarray
    which: tuple[int, ...]
    capped: np.ndarray


@dataclass(slots=True)
class Found:
    """Best plan so far and how it went: `passes` done, objective, positions, master columns, improvements (pass, objective); `last` are
    the lots of the last pass, best or not."""

    x: np.ndarray
    u: np.ndarray
    objective: float
    settled: Settled | None
    feasible: bool
    passes: int = 0
    excess: float = np.inf
    stopped: str = ""
    trail: list[tuple[int, float]] = field(default_factory=list)
    last: np.ndarray = field(default_factory=lambda: np.zeros(0))


def room_of(form: BlockForm) -> Room:
    """Return the shared rows that single orders can be capped by: on orders only, ≤, all uses ≥ 0, rows told apart by period."""
    S, A, T, _ = form.shape
    rows, uses, orders, which = [], [], [], []
    capped = np.zeros(form.n_rows, dtype=bool)
    for i, c in enumerate(form.couplings):
        own = [p for p in c.parts if p.target != "one"]
        if c.equal or c.master[0].size or any(p.target not in {"x", "y"} or p.rows.shape[-1] > 1 or p.coef.min(initial=0) < 0 for p in own):
            continue
        if not own or any(p.rows.shape[2] != T or T == 1 for p in own):
            continue
        which.append(i)
        capped[c.offset : c.offset + c.size] = True
        rows.append(np.broadcast_to(c.offset + own[0].rows[..., 0], (S, A, T)))
        uses.append(sum((np.broadcast_to(p.coef, (S, A, T)) for p in own if p.target == "x"), np.zeros((S, A, T))))
        orders.append(sum((np.broadcast_to(p.coef, (S, A, T)) for p in own if p.target == "y"), np.zeros((S, A, T))))

    def stack(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
        return np.ascontiguousarray(np.stack(arrays) if arrays else np.zeros((0, S, A, T)), dtype=dtype)

    return Room(stack(rows, np.int64), stack(uses, float), stack(orders, float), tuple(which), capped)


def block_costs(form: BlockForm, x: np.ndarray, u: np.ndarray) -> float:
    """Return the blocks' own cost of lots `x` with positions `u`."""
    pos, neg = np.maximum(u, 0), np.maximum(-u, 0)
    total = float(np.sum(form.cx * x)) + float(np.sum(form.cy * (x > 0)))
    for cost, amount in ((form.cpos, pos), (form.cneg, neg)):
        total += float(np.sum(cost * amount))
    return total


def evaluate(arrays: Arrays, settle: Settle, x: np.ndarray) -> tuple[float, np.ndarray, Settled, float]:
    """Return objective, positions, master columns and the worst relative excess over any row for lots `x`."""
    form = arrays.form
    u = positions(arrays, x)
    settled = settle(usage(form, x, u))
    owed = np.einsum("stw,stw->s", np.maximum(-u, 0), arrays.kw) - arrays.limit if arrays.has_row else np.zeros(1)
    excess = max(settled.excess, float(np.max(owed / (1 + np.abs(arrays.limit if arrays.has_row else 0)), initial=0.0)))
    return block_costs(form, x, u) + settled.cost + form.offset, u, settled, excess


def insertion(
    arrays: Arrays, master: Master, settle: Settle, dual: Dual, bound: float, *, passes: int, gap: float, rng: np.random.Generator,
    start: np.ndarray | None = None, only: np.ndarray | None = None, guard: Callable[[Found], bool] | None = None,
) -> Found:
    """Run up to `passes` insertion passes, stopping at a proven `gap`; `only` restricts re-planning to these blocks.

    `guard` is asked after every pass whether to stop early.
    """
    form = arrays.form
    S, A, T, _ = form.shape
    room = room_of(form)
    blocks = np.arange(S) if only is None else only
    x = np.zeros((S, A, T), np.int32) if start is None else start.astype(np.int32).copy()
    kappa = dual.kappa.copy()
    found = Found(x.copy(), np.zeros(0), np.inf, None, False)
    lumpy = np.where(form.qmax >= form.qmin, form.qmin, 0).mean(axis=(1, 2))
    order = blocks[np.argsort(-lumpy[blocks], kind="stable")]
    tied = (master.matrix[:, master.ties] != 0).any(axis=1) if master.ties.size else np.zeros(form.n_rows, dtype=bool)
    soft = ~room.capped & ~tied
    prices, lean = dual.prices.copy(), dual.prices.copy()
    left = form.rhs.copy()
    left[room.capped] -= usage(form, x, positions(arrays, x))[room.capped]
    if start is not None:
        objective, u, settled, excess = evaluate(arrays, settle, x)
        if excess <= 1e-9:
            found.x, found.u, found.objective, found.settled, found.feasible, found.excess = x.copy(), u, objective, settled, True, excess
    scale = 1.0
    for number in range(passes):
        trial = np.where(tied, lean, prices) if number >= 2 else prices
        trial = np.where(room.capped, trial * scale, trial)
        costs = priced(form, trial)
        quick = (4, 3) if number == 0 and S > 1000 else (6, 5)
        broken = _pass(arrays, room, costs, kappa=kappa, x=x, left=left, order=order, quick=quick)
        objective, u, settled, excess = evaluate(arrays, settle, x)
        found.passes, found.last = number + 1, x
        if broken == 0 and excess <= 1e-9:
            if objective < found.objective:
                found.x, found.u, found.objective, found.settled = x.copy(), u, objective, settled
                found.feasible, found.excess = True, excess
                found.trail.append((number, objective))
        elif not found.feasible and excess < found.excess:
            found.x, found.u, found.excess = x.copy(), u, excess
        told = guard is not None and guard(found)
        if found.feasible and found.objective - bound <= gap * abs(found.objective):
            found.stopped = "gap"
            break
        if told:
            found.stopped = "guard"
            break
        prices = _reprice(form, prices, dual.prices, used=usage(form, x, u), soft=soft, number=number)
        lean = 0.5 * dual.prices + 0.5 * settled.prices if number % 2 == 0 else dual.prices
        scale = 1.3 if broken else float(rng.choice(SCALES if S > 31 else FEW_SCALES))
        order = rng.permutation(blocks)
    return found


def _pass(
    arrays: Arrays, room: Room, costs: Costs, *, kappa: np.ndarray, x: np.ndarray, left: np.ndarray, order: np.ndarray,
    quick: tuple[int, int],
) -> int:
    form = arrays.form
    return sweep.insert_blocks(
        order, arrays.n, costs.c, costs.fo, form.qmin, form.qmax, form.net, costs.ph, costs.pb, arrays.kw, form.lead, kappa, arrays.limit,
        arrays.step, room.rows, room.ax, room.ay, left, x, *quick,
    )


def _reprice(form: BlockForm, prices: np.ndarray, home: np.ndarray, *, used: np.ndarray, soft: np.ndarray, number: int) -> np.ndarray:
    """Make soft rows over their limit dearer, let the others drift home."""
    over = soft & (used > form.rhs + 1e-9 * (1 + np.abs(form.rhs)))
    worth = np.abs(form.cx).sum() / max(form.cx.size, 1) / np.maximum(np.abs(used) / max(form.net.shape[0], 1), 1e-9)
    dearer = np.where(prices < 1.5 * np.maximum(worth, home), 1.15 * prices + 0.01 * worth, home)
    drift = home + 0.85 * (prices - home) if number > 2 else prices
    return np.where(over, dearer, np.where(soft, drift, prices))

"""Passes over many blocks: evaluate all at given prices, or insert them one after another into what is left.

Shapes: S blocks, A sources, T periods, W scenarios. `c`, `fo`, `qmin`, `qmax` are [S, A, T]; `net`, `ph`, `pb`, `kw` are [S, T, W];
`lead` is [S, A, W]; `limit`, `kappa` are [S]. All quantities are lots of the block, all costs per lot. `kw` weighs backlog in the
block's own service row, ``sum kw·backlog ≤ limit``, whose multiplier is `kappa`.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.bounddp import bound, bound_rows
from dyocense_cli.kernel.optimizer.decompose.plandp import plan, recourse
from dyocense_cli.optimodel.jit import kernel

__all__ = ["bound_blocks", "insert_blocks", "plan_blocks", "recourse_blocks"]

#: Penalty of a plan that breaks a row of its own, above any cost.
BROKEN = 1e25


@kernel
def _rows(n: np.ndarray, A: int, T: int) -> np.ndarray:
    rows = max(2 * A * T + A + 5, bound_rows(A))
    return np.empty((rows, int(n.max()) + 1))


@kernel
def _penalty(pb: np.ndarray, kw: np.ndarray, kappa: float, out: np.ndarray) -> None:
    for t in range(pb.shape[0]):
        for w in range(pb.shape[1]):
            out[t, w] = pb[t, w] + kappa * kw[t, w]


@kernel
def _owed(u: np.ndarray, kw: np.ndarray) -> float:
    e = 0.0
    for t in range(u.shape[0]):
        for w in range(u.shape[1]):
            if u[t, w] < 0:
                e -= u[t, w] * kw[t, w]
    return e


@kernel
def plan_blocks(
    lo: int, hi: int, n: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray,
    pb: np.ndarray, kw: np.ndarray, lead: np.ndarray, kappa: np.ndarray, limit: np.ndarray, value: np.ndarray, x: np.ndarray,
    u: np.ndarray, owed: np.ndarray,
) -> None:
    """Solve blocks lo..hi-1 by the plan program: formula `value` less kappa·limit, lots `x`, positions `u`, service use `owed`."""
    A, T = c.shape[1], c.shape[2]
    wk = _rows(n, A, T)
    b = np.empty(net.shape[1:])
    for s in range(lo, hi):
        _penalty(pb[s], kw[s], kappa[s], b)
        value[s] = plan(n[s], c[s], fo[s], qmin[s], qmax[s], net[s], ph[s], b, lead[s], x[s], wk) - kappa[s] * limit[s]
        recourse(x[s], net[s], lead[s], u[s])
        owed[s] = _owed(u[s], kw[s])


@kernel
def bound_blocks(
    lo: int, hi: int, n: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray,
    pb: np.ndarray, kw: np.ndarray, lead: np.ndarray, kappa: np.ndarray, limit: np.ndarray, value: np.ndarray,
) -> None:
    """Set `value` of blocks lo..hi-1 to the safe lower bound less kappa·limit."""
    A, T = c.shape[1], c.shape[2]
    wk = _rows(n, A, T)
    b = np.empty(net.shape[1:])
    for s in range(lo, hi):
        _penalty(pb[s], kw[s], kappa[s], b)
        value[s] = bound(n[s], c[s], fo[s], qmin[s], qmax[s], net[s], ph[s], b, lead[s], wk) - kappa[s] * limit[s]


@kernel
def recourse_blocks(lo: int, hi: int, x: np.ndarray, net: np.ndarray, lead: np.ndarray, u: np.ndarray) -> None:
    """Set positions `u` of blocks lo..hi-1 for lots `x`."""
    for s in range(lo, hi):
        recourse(x[s], net[s], lead[s], u[s])


@kernel
def _cost(x: np.ndarray, u: np.ndarray, c: np.ndarray, fo: np.ndarray, ph: np.ndarray, pb: np.ndarray) -> float:
    z = 0.0
    for a in range(x.shape[0]):
        for t in range(x.shape[1]):
            if x[a, t] != 0:
                z += c[a, t] * x[a, t] + fo[a, t]
    for t in range(u.shape[0]):
        for w in range(u.shape[1]):
            z += ph[t, w] * u[t, w] if u[t, w] > 0 else -pb[t, w] * u[t, w]
    return z


@kernel
def _take_room(x: np.ndarray, sign: float, rows: np.ndarray, ax: np.ndarray, ay: np.ndarray, s: int, room: np.ndarray) -> float:
    """Take (sign 1) or give back (sign -1) what `x` uses of the shared rows; return how far any row went below zero."""
    short = 0.0
    for f in range(rows.shape[0]):
        for a in range(x.shape[0]):
            for t in range(x.shape[1]):
                if x[a, t] != 0:
                    r = rows[f, s, a, t]
                    room[r] -= sign * (ax[f, s, a, t] * x[a, t] + ay[f, s, a, t])
                    if room[r] < -short:
                        short = -room[r]
    return short


@kernel
def _caps(qmax: np.ndarray, rows: np.ndarray, ax: np.ndarray, ay: np.ndarray, s: int, room: np.ndarray, out: np.ndarray) -> None:
    """Set `out` to the most lots of each order that the shared rows still have room for."""
    for a in range(qmax.shape[0]):
        for t in range(qmax.shape[1]):
            q = qmax[a, t]
            for f in range(rows.shape[0]):
                left = room[rows[f, s, a, t]] - ay[f, s, a, t]
                if ax[f, s, a, t] > 0:
                    most = np.floor(left / ax[f, s, a, t] + 1e-9)
                    if most < q:
                        q = int(most)
                elif left < -1e-9:
                    q = 0
            out[a, t] = q


@kernel
def _copy(x: np.ndarray, out: np.ndarray) -> None:
    for a in range(x.shape[0]):
        for t in range(x.shape[1]):
            out[a, t] = x[a, t]


@kernel
def _worth(
    x: np.ndarray, u: np.ndarray, c: np.ndarray, fo: np.ndarray, ph: np.ndarray, pb: np.ndarray, kw: np.ndarray, allowed: float
) -> float:
    """Return the priced cost of a plan, or a penalty that grows with what it owes too much."""
    e = _owed(u, kw)
    return BROKEN * (1 + min(e, 1e4)) if e > allowed else _cost(x, u, c, fo, ph, pb)


@kernel
def _next(k: float, low: float, high: float, step: float) -> float:
    """Return the next multiplier of a search that has failed at `low` and (where `high` ≥ 0) succeeded at `high`."""
    return 1.6 * k + 0.1 * step if high < 0 else 0.5 * (low + high)


@kernel
def _search(
    n: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, cap: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    kw: np.ndarray, lead: np.ndarray, allowed: float, step: float, k: float, tries: int, best: np.ndarray, best_z: float,
    missed: np.ndarray,
    out: np.ndarray, trial: np.ndarray, wk: np.ndarray,
) -> float:
    """Search the multiplier for plans that keep the block's row; `best` and its worth (returned) take what is cheaper.

    `out` is set to the last failing multiplier, the last succeeding one (-1 if none), and 1 if any failed (its plan in `missed`).
    """
    b = np.empty(net.shape)
    u = np.empty(net.shape)
    out[0], out[1], out[2] = 0.0, -1.0, 0.0
    for it in range(tries + 6):
        if it >= tries and best_z < BROKEN:
            break
        _penalty(pb, kw, k, b)
        plan(n, c, fo, qmin, cap, net, ph, b, lead, trial, wk)
        recourse(trial, net, lead, u)
        z = _worth(trial, u, c, fo, ph, pb, kw, allowed)
        if z < best_z - 1e-9:
            best_z = z
            _copy(trial, best)
        if z >= BROKEN:
            out[0], out[2] = k, 1.0
            _copy(trial, missed)
            k = _next(k, k, out[1], step)
        else:
            out[1] = k
            if k <= 0:
                break
            k = 0.5 * (out[0] + k) if out[2] > 0 else max(0.6 * k - 0.02 * step, 0.0)
        if out[1] >= 0 and out[2] > 0 and out[1] - out[0] < 0.01 * step:
            break
    return best_z


@kernel
def insert_blocks(
    order: np.ndarray, n: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray,
    pb: np.ndarray, kw: np.ndarray, lead: np.ndarray, kappa: np.ndarray, limit: np.ndarray, step: np.ndarray, rows: np.ndarray,
    ax: np.ndarray, ay: np.ndarray, room: np.ndarray, x: np.ndarray, searches: int, polishes: int,
) -> int:
    """Re-plan the blocks of `order` one after another within the room that the others leave; return how many stay broken.

    Each block gives back its room, caps its orders by what is left, and keeps the cheapest of its old plan, plans along a search
    over its service multiplier, and plans restricted to the orders of the plan that just misses the service row.
    `rows`, `ax`, `ay` are [F, S, A, T]: row, use per lot and per order in each shared row family; `step` [S] scales the search.
    """
    A, T = c.shape[1], c.shape[2]
    wk = _rows(n, A, T)
    u = np.empty(net.shape[1:])
    cap = np.empty((A, T), np.int32)
    trial = np.zeros((A, T), np.int32)
    best = np.zeros((A, T), np.int32)
    missed = np.zeros((A, T), np.int32)
    found = np.empty(3)
    broken = 0
    for i in range(order.size):
        s = order[i]
        _take_room(x[s], -1.0, rows, ax, ay, s, room)
        _caps(qmax[s], rows, ax, ay, s, room, cap)
        recourse(x[s], net[s], lead[s], u)
        allowed = limit[s] * (1 + 1e-9) + 1e-9
        _copy(x[s], best)
        z = _worth(best, u, c[s], fo[s], ph[s], pb[s], kw[s], allowed)
        if np.any(best > cap):
            z = BROKEN * 1e4
        z = _search(n[s], c[s], fo[s], qmin[s], cap, net[s], ph[s], pb[s], kw[s], lead[s], allowed, step[s], kappa[s], searches, best, z,
                    missed, found, trial, wk)
        if found[1] >= 0:
            kappa[s] = found[1]
        if found[2] > 0 and polishes > 0:
            for a in range(A):
                for t in range(T):
                    if missed[a, t] == 0:
                        cap[a, t] = 0
            k = 1.3 * found[0] + 0.1 * step[s]
            z = _polish(n[s], c[s], fo[s], qmin[s], cap, net[s], ph[s], pb[s], kw[s], lead[s], allowed, step[s], k, found[0], polishes,
                        best, z, trial, wk)
        broken += z >= BROKEN
        _copy(best, x[s])
        _take_room(x[s], 1.0, rows, ax, ay, s, room)
    return broken


@kernel
def _polish(
    n: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, cap: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    kw: np.ndarray, lead: np.ndarray, allowed: float, step: float, k: float, low: float, tries: int, best: np.ndarray, best_z: float,
    trial: np.ndarray, wk: np.ndarray,
) -> float:
    """Bisect the multiplier within the orders that `cap` leaves; `best` and its worth (returned) take what is cheaper."""
    b = np.empty(net.shape)
    u = np.empty(net.shape)
    high = -1.0
    for _ in range(tries):
        _penalty(pb, kw, k, b)
        plan(n, c, fo, qmin, cap, net, ph, b, lead, trial, wk)
        recourse(trial, net, lead, u)
        z = _worth(trial, u, c, fo, ph, pb, kw, allowed)
        if z < BROKEN:
            if z < best_z - 1e-9:
                best_z = z
                _copy(trial, best)
            high = k
        else:
            low = k
        k = _next(k, low, high, step)
    return best_z

"""Passes over many blocks: evaluate all at given prices, or insert them one after another into what is left.

Shapes: S blocks, A sources, T periods, W scenarios. `c`, `fo`, `qmin`, `qmax` are [S, A, T]; `net`, `ph`, `pb`, `kw` are [S, T, W];
`lead` is [S, A, W]; `limit`, `kappa` are [S]. All quantities are lots of the block, all costs per lot. `kw` weighs backlog in the
block's own service row, ``sum kw·backlog ≤ limit``, whose multiplier is `kappa`.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.bounddp import bound
from dyocense_cli.kernel.optimizer.decompose.jit import kernel
from dyocense_cli.kernel.optimizer.decompose.plandp import plan, recourse

__all__ = ["bound_blocks", "insert_blocks", "plan_blocks", "recourse_blocks"]

#: Penalty of a plan that breaks a row of its own, above any cost.
BROKEN = 1e25


@kernel
def _rows(n: np.ndarray, A: int, T: int) -> np.ndarray:
    rows = max(2 * A * T + A + 5, 4 * (1 << A) + 11)
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
def _keep(z: float, x: np.ndarray, best: np.ndarray, best_z: float) -> float:
    if z >= best_z - 1e-9:
        return best_z
    for a in range(x.shape[0]):
        for t in range(x.shape[1]):
            best[a, t] = x[a, t]
    return z


@kernel
def insert_blocks(
    order: np.ndarray, n: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray,
    pb: np.ndarray, kw: np.ndarray, lead: np.ndarray, kappa: np.ndarray, limit: np.ndarray, step: np.ndarray, rows: np.ndarray,
    ax: np.ndarray, ay: np.ndarray, room: np.ndarray, x: np.ndarray, searches: int, polishes: int,
) -> int:
    """Re-plan the blocks of `order` one after another within the room that the others leave; return how many stay broken.

    Each block gives back its room, caps its orders by what is left, and keeps the cheapest of its old plan, plans along a search
    over its service multiplier, and plans restricted to the orders of the best plan that just misses the service row.
    `rows`, `ax`, `ay` are [F, S, A, T]: row, use per lot and per order in each shared row family; `step` [S] scales the search.
    """
    A, T = c.shape[1], c.shape[2]
    wk = _rows(n, A, T)
    b = np.empty(net.shape[1:])
    u = np.empty(net.shape[1:])
    cap = np.empty((A, T), np.int32)
    cap2 = np.empty((A, T), np.int32)
    trial = np.zeros((A, T), np.int32)
    best = np.zeros((A, T), np.int32)
    missed = np.zeros((A, T), np.int32)
    broken = 0
    for i in range(order.size):
        s = order[i]
        _take_room(x[s], -1.0, rows, ax, ay, s, room)
        _caps(qmax[s], rows, ax, ay, s, room, cap)
        recourse(x[s], net[s], lead[s], u)
        e = _owed(u, kw[s])
        allowed = limit[s] * (1 + 1e-9) + 1e-9
        z = _cost(x[s], u, c[s], fo[s], ph[s], pb[s])
        for a in range(A):
            for t in range(T):
                best[a, t] = x[s, a, t]
                if x[s, a, t] > cap[a, t]:
                    e = BROKEN
        best_z = z if e <= allowed else BROKEN * (1 + min(e, 1e4))
        k = kappa[s]
        low = 0.0
        high = -1.0
        missing = False
        for it in range(searches + 6):
            if it >= searches and best_z < BROKEN:
                break
            _penalty(pb[s], kw[s], k, b)
            plan(n[s], c[s], fo[s], qmin[s], cap, net[s], ph[s], b, lead[s], trial, wk)
            recourse(trial, net[s], lead[s], u)
            e = _owed(u, kw[s])
            if e > allowed:
                best_z = _keep(BROKEN * (1 + min(e, 1e4)), trial, best, best_z)
                low = k
                missing = True
                for a in range(A):
                    for t in range(T):
                        missed[a, t] = trial[a, t]
                k = 1.6 * k + 0.1 * step[s] if high < 0 else 0.5 * (low + high)
            else:
                best_z = _keep(_cost(trial, u, c[s], fo[s], ph[s], pb[s]), trial, best, best_z)
                high = k
                if k <= 0:
                    break
                k = 0.5 * (low + high) if missing else max(0.6 * k - 0.02 * step[s], 0.0)
            if high >= 0 and missing and high - low < 0.01 * step[s]:
                break
        if high >= 0:
            kappa[s] = high
        if missing and polishes > 0:
            for a in range(A):
                for t in range(T):
                    cap2[a, t] = cap[a, t] if missed[a, t] > 0 else 0
            high = -1.0
            k = 1.3 * low + 0.1 * step[s]
            for _ in range(polishes):
                _penalty(pb[s], kw[s], k, b)
                plan(n[s], c[s], fo[s], qmin[s], cap2, net[s], ph[s], b, lead[s], trial, wk)
                recourse(trial, net[s], lead[s], u)
                if _owed(u, kw[s]) <= allowed:
                    best_z = _keep(_cost(trial, u, c[s], fo[s], ph[s], pb[s]), trial, best, best_z)
                    high = k
                    k = 0.5 * (low + high)
                else:
                    low = k
                    k = 1.6 * k + 0.1 * step[s] if high < 0 else 0.5 * (low + high)
        if best_z >= BROKEN:
            broken += 1
        for a in range(A):
            for t in range(T):
                x[s, a, t] = best[a, t]
        _take_room(x[s], 1.0, rows, ax, ay, s, room)
    return broken

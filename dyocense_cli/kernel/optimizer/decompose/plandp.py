"""The plan program: order quantities of one block by dynamic programming over cumulative lots.

The state is the number of lots ordered so far. With every shared row priced, an order of period t from source a moves
the state from P to P' and changes the cost by ``A_ta(P') - A_ta(P)`` when orders do not overtake each other, where
``A_ta(P)`` is the convex recourse cost of all periods and scenarios that the order reaches, as a function of P.
A step is then a sliding-window minimum, so a block costs O(periods · sources · states) whatever the scenario count.
Where orders overtake, the value is an overestimate by convexity; the plan is evaluated truly by `recourse`.

Arrays of one block: `c`, `fo`, `qmin`, `qmax` are [A, T]; `net` (cumulative need in lots), `ph`, `pb` (cost of a lot too
many, too few) are [T, W]; `lead` is [A, W] in periods.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.optimodel.jit import kernel

__all__ = ["BIG", "add_kink", "constant", "integrate", "plan", "recourse", "window_min"]

#: Stands for "not reachable"; finite because the kernels are compiled with fast arithmetic.
BIG = 1e30


@kernel
def window_min(g: np.ndarray, n: int, lo: int, hi: int, clip: bool, out: np.ndarray, pre: np.ndarray, suf: np.ndarray) -> None:
    """Set ``out[P] = min g[P']`` over P+lo ≤ P' ≤ P+hi within 0..n-1, by block prefix and suffix minima (van Herk).

    With `clip` a state whose whole window lies beyond n-1 takes ``g[n-1]``, else BIG.
    """
    m = n - lo
    if m < 1:
        m = 0
    beyond = g[n - 1] if clip else BIG
    w = hi - lo + 1
    if w >= m:
        r = BIG
        for i in range(m - 1, -1, -1):
            v = g[i + lo]
            r = v if v < r else r
            out[i] = r
    else:
        for start in range(0, m, w):
            stop = start + w if start + w < m else m
            r = BIG
            for k in range(start, stop):
                v = g[k + lo]
                r = v if v < r else r
                pre[k] = r
            r = BIG
            for k in range(stop - 1, start - 1, -1):
                v = g[k + lo]
                r = v if v < r else r
                suf[k] = r
        last = (m - 1) // w * w
        for i in range(m - w + 1):
            out[i] = suf[i] if suf[i] < pre[i + w - 1] else pre[i + w - 1]
        for i in range(m - w + 1, m):
            tail = BIG if i >= last else pre[m - 1]
            out[i] = suf[i] if suf[i] < tail else tail
    for i in range(m, n):
        out[i] = beyond


@kernel
def add_kink(slopes: np.ndarray, n: int, at: float, weight: float) -> float:
    """Add slope `weight` from position `at` on; return the part that starts at or before 0 (fractions interpolate)."""
    if at <= 0:
        return weight
    if at < n:
        k = int(at)
        f = at - k
        slopes[k] += weight * (1 - f)
        if k + 1 < n:
            slopes[k + 1] += weight * f
    return 0.0


@kernel
def integrate(slopes: np.ndarray, start: float, n: int, out: np.ndarray) -> float:
    """Set `out` to the convex function with these slope changes and slope `start` before 0; return the last slope."""
    s = start
    a = 0.0
    for i in range(n):
        out[i] = a
        s += slopes[i]
        a += s
    return s


@kernel
def constant(net: np.ndarray, ph: np.ndarray, pb: np.ndarray) -> float:
    """Return the recourse cost of ordering nothing."""
    total = 0.0
    for t in range(net.shape[0]):
        for w in range(net.shape[1]):
            d = net[t, w]
            total += pb[t, w] * d if d > 0 else -ph[t, w] * d
    return total


@kernel
def plan(
    n: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    lead: np.ndarray, x: np.ndarray, wk: np.ndarray,
) -> float:
    """Fill `x` [A, T] with the best lots by the formula and return its value.

    `wk` has at least ``2·A·T + A + 5`` rows of `n` numbers.
    """
    A, T = c.shape
    K = A * T
    slopes0 = 2 * K + 1
    linear = np.zeros(A)
    for i in range(n):
        wk[2 * K, i] = 0.0
        for a in range(A):
            wk[slopes0 + a, i] = 0.0
    for t in range(T - 1, -1, -1):
        for a in range(A - 1, -1, -1):
            k = t * A + a
            linear[a] += _reach(t, n, net, ph, pb, lead[a], wk[slopes0 + a])
            if qmax[a, t] < qmin[a, t]:
                for i in range(n):
                    wk[K + k, i] = wk[K + k + 1, i]
            else:
                integrate(wk[slopes0 + a], linear[a] + c[a, t], n, wk[k])
                _choose(n, fo[a, t], qmin[a, t], qmax[a, t], wk[k], wk[K + k + 1], wk[K + k], wk[slopes0 + A :])
    _walk(n, A, T, qmin, qmax, x, wk)
    total: float = wk[K, 0] + constant(net, ph, pb)
    return total


@kernel
def _reach(t: int, n: int, net: np.ndarray, ph: np.ndarray, pb: np.ndarray, lead: np.ndarray, slopes: np.ndarray) -> float:
    """Add the kinks of the periods that an order of period `t` reaches first; return the slope before 0."""
    T, W = net.shape
    lin = 0.0
    for w in range(W):
        tt = t + lead[w]
        if tt < T:
            q = pb[tt, w]
            lin += add_kink(slopes, n, net[tt, w], ph[tt, w] + q) - q
    return lin


@kernel
def _choose(
    n: int, f: float, lo: int, hi: int, cost: np.ndarray, after: np.ndarray, value: np.ndarray, wk: np.ndarray
) -> None:
    """Set `value` to the cheaper of ordering (fixed cost `f`, lo..hi lots) and not, per state."""
    g, out, pre, suf = wk[0], wk[1], wk[2], wk[3]
    for i in range(n):
        g[i] = cost[i] + after[i]
    window_min(g, n, lo, hi, False, out, pre, suf)
    for i in range(n):
        z = out[i] - cost[i] + f
        value[i] = z if z < after[i] else after[i]


@kernel
def _walk(n: int, A: int, T: int, qmin: np.ndarray, qmax: np.ndarray, x: np.ndarray, wk: np.ndarray) -> None:
    K = A * T
    p = 0
    for k in range(K):
        t = k // A
        a = k % A
        x[a, t] = 0
        after = wk[K + k + 1]
        if wk[K + k, p] < after[p] - 1e-9:
            cost = wk[k]
            stop = p + qmax[a, t]
            stop = stop if stop < n - 1 else n - 1
            best = -1
            r = BIG
            for i in range(p + qmin[a, t], stop + 1):
                z = cost[i] + after[i]
                if z < r:
                    r = z
                    best = i
            x[a, t] = best - p
            p = best


@kernel
def recourse(x: np.ndarray, net: np.ndarray, lead: np.ndarray, u: np.ndarray) -> None:
    """Set ``u[t, w]`` to lots in stock (positive) or owed (negative) at the end of each period, for lots `x` [A, T]."""
    A, T = x.shape
    W = net.shape[1]
    for t in range(T):
        for w in range(W):
            u[t, w] = 0.0
    for a in range(A):
        for t in range(T):
            if x[a, t] != 0:
                for w in range(W):
                    tt = t + lead[a, w]
                    if tt < T:
                        u[tt, w] += x[a, t]
    for w in range(W):
        run = 0.0
        for t in range(T):
            run += u[t, w]
            u[t, w] = run - net[t, w]

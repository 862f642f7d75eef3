"""The bound program: a value that no plan of the block can beat, also where orders overtake each other.

Sources are put in a chain by mean delay. All subsets of sources are tried in each period, their orders one after another along the
chain; in a scenario where a later one arrives first, holding is counted from the latest arrival up to there in the chain and
backlog from the earliest arrival from there on, which can only be too cheap. With a delay spread of two periods a slow order may
be overtaken by a fast one of the next period: such a pair is counted in the same way, by three value layers (`free`: anything may
follow, `calm`: no fast order follows, `late`: a fast order counted late follows).

States beyond the largest need fall into the last one: from there no further lot saves anything, and where a priced lot
earns money (a negative slope) the most it could earn is subtracted. So the value is a bound for any prices.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.plandp import BIG, add_kink, constant, integrate, window_min
from dyocense_cli.optimodel.jit import kernel

__all__ = ["bound", "bound_rows"]


@kernel
def bound_rows(A: int) -> int:
    """Return how many rows of working space `bound` needs for `A` sources."""
    return 4 * A * (1 << A) + 11


@kernel
def _chain(lead: np.ndarray, qmin: np.ndarray, qmax: np.ndarray) -> np.ndarray:
    """Return the sources that can order at all, by mean delay."""
    A, T = qmin.shape
    total = np.empty(A)
    count = 0
    for a in range(A):
        total[a] = 1e9
        for t in range(T):
            if qmax[a, t] >= qmin[a, t]:
                total[a] = lead[a].sum()
        count += total[a] < 1e9
    return np.argsort(total)[:count]


@kernel
def _spread(lead: np.ndarray, chain: np.ndarray, out: np.ndarray) -> None:
    """Set `out` to least and greatest delay, and the bit sets (by place in the chain) that are ever fastest and slowest (spread 2 only)."""
    least = lead[chain[0], 0]
    most = least
    for i in range(chain.size):
        for w in range(lead.shape[1]):
            least = min(least, lead[chain[i], w])
            most = max(most, lead[chain[i], w])
    fast = 0
    slow = 0
    if most - least >= 2:
        for i in range(chain.size):
            for w in range(lead.shape[1]):
                if lead[chain[i], w] == least:
                    fast |= 1 << i
                if lead[chain[i], w] == most:
                    slow |= 1 << i
    out[0] = least
    out[1] = most
    out[2] = fast
    out[3] = slow


@kernel
def _reached(q: int, i: int, w: int, kind: int, span: np.ndarray, lead: np.ndarray, chain: np.ndarray, out: np.ndarray) -> None:
    """Set `out` to the delays from which backlog and holding of the i-th in the chain count in scenario `w`."""
    first = 1 << 20
    last = 0
    fastest = 1 << 20
    slowest = 0
    for k in range(chain.size):
        d = lead[chain[k], w]
        fastest = min(fastest, d)
        slowest = max(slowest, d)
        if q >> k & 1:
            if k >= i:
                first = min(first, d)
            if k <= i:
                last = max(last, d)
    if kind >> 1 and slowest == span[1]:
        last = max(last, span[0] + 1)
    if kind & 1 and fastest == span[0]:
        first = min(first, span[1] - 1)
    out[0] = first
    out[1] = last


@kernel
def _delays(A: int, span: np.ndarray, lead: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """Return the delays of every row (kind, subset, place in the chain) and scenario; a row that cannot occur has -1."""
    W = lead.shape[1]
    out = np.full((4 * A * (1 << chain.size), W, 2), -1, np.int32)
    for q in range(1, 1 << chain.size):
        for kind in range(4):
            if (kind >> 1 and not q & span[2]) or (kind & 1 and not q & span[3]):
                continue
            for i in range(chain.size):
                if q >> i & 1:
                    for w in range(W):
                        _reached(q, i, w, kind, span, lead, chain, out[4 * A * q + A * kind + i, w])
    return out


@kernel
def _kinks(t: int, n: int, delay: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray, slopes: np.ndarray) -> float:
    """Add the kinks of the periods that an order of period `t` reaches first; return the slope before 0."""
    T, W = net.shape
    lin = 0.0
    for w in range(W):
        first, last = t + delay[w, 0], t + delay[w, 1]
        if first < T:
            b = pb[first, w]
            lin += add_kink(slopes, n, net[first, w], b) - b
        if last < T:
            lin += add_kink(slopes, n, net[last, w], ph[last, w])
    return lin


@kernel
def _orders(q: int, t: int, chain: np.ndarray, qmin: np.ndarray, qmax: np.ndarray) -> bool:
    """Say whether every source of the subset can order in period `t`."""
    can = True
    for i in range(chain.size):
        if q >> i & 1 and qmax[chain[i], t] < qmin[chain[i], t]:
            can = False
    return can


@kernel
def _take(n: int, value: np.ndarray, layer: np.ndarray) -> None:
    for i in range(n):
        layer[i] = value[i] if value[i] < layer[i] else layer[i]


@kernel
def bound(
    n: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    lead: np.ndarray, wk: np.ndarray,
) -> float:
    """Return a lower bound on the block's cost (shapes as in `plandp.plan`; delay spread at most 2).

    `wk` has at least `bound_rows` rows of `n` numbers.
    """
    A, T = c.shape
    start = constant(net, ph, pb)
    chain = _chain(lead, qmin, qmax)
    if chain.size == 0:
        return start
    base = 4 * A * (1 << chain.size)
    span = np.empty(4, np.int64)
    _spread(lead, chain, span)
    linear = np.zeros(base)
    delay = _delays(A, span, lead, chain)
    for r in range(base + 2):
        for i in range(n):
            wk[r, i] = 0.0
    for i in range(n):
        wk[base + 2, i] = BIG
    now = 0
    earned = 0.0
    for t in range(T - 1, -1, -1):
        before = wk[base + 3 * now : base + 3 * now + 3]
        now = 1 - now
        layers = wk[base + 3 * now : base + 3 * now + 3]
        for i in range(n):
            layers[0, i] = before[0, i]
            layers[1, i] = before[0, i]
            layers[2, i] = BIG
        earned += _period(t, n, span, chain, delay, c, fo, qmin, qmax, net, ph, pb, linear, wk, before, layers, wk[base + 6 :])
    return float(wk[base + 3 * now, 0]) + earned + start


@kernel
def _period(
    t: int, n: int, span: np.ndarray, chain: np.ndarray, delay: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray,
    qmax: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray, linear: np.ndarray, slopes: np.ndarray, before: np.ndarray,
    layers: np.ndarray, wk: np.ndarray,
) -> float:
    """Lower the layers by every subset that can order in period `t`; return the most that lots beyond the last state could earn."""
    A = c.shape[0]
    gain = 0.0
    for q in range(1, 1 << chain.size):
        ok = _orders(q, t, chain, qmin, qmax)
        for kind in range(4):
            r = 4 * A * q + A * kind
            possible = False
            for i in range(chain.size):
                if delay[r + i, 0, 0] >= 0:
                    possible = True
                    linear[r + i] += _kinks(t, n, delay[r + i], net, ph, pb, slopes[r + i])
            if ok and possible:
                gain = min(gain, _order(n, t, q, kind, span, chain, c, fo, qmin, qmax, linear[r:], slopes[r:], before, layers, wk))
    return gain


@kernel
def _order(
    n: int, t: int, q: int, kind: int, span: np.ndarray, chain: np.ndarray, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray,
    qmax: np.ndarray, linear: np.ndarray, slopes: np.ndarray, before: np.ndarray, layers: np.ndarray, wk: np.ndarray,
) -> float:
    """Lower the layers by ordering subset `q`; return the most that lots beyond the last state could earn (≤ 0)."""
    cost, value, out, pre, suf = wk[0], wk[1], wk[2], wk[3], wk[4]
    after = before[0]
    if q & span[3]:
        after = before[2] if kind & 1 else before[1]
    for i in range(n):
        value[i] = after[i]
    gain = 0.0
    for i in range(chain.size - 1, -1, -1):
        if q >> i & 1:
            a = chain[i]
            end = integrate(slopes[i], linear[i] + c[a, t], n, cost)
            gain += min(end * qmax[a, t], 0.0)
            for p in range(n):
                value[p] += cost[p]
            window_min(value, n, qmin[a, t], qmax[a, t], True, out, pre, suf)
            f = fo[a, t]
            for p in range(n):
                value[p] = out[p] - cost[p] + f
    if kind >> 1:
        _take(n, value, layers[2])
    else:
        _take(n, value, layers[0])
        if not q & span[2]:
            _take(n, value, layers[1])
    return gain

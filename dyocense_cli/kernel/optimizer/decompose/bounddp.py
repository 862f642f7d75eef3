"""The bound program: a value that no plan of the block can beat, also where orders overtake each other.

All subsets of sources are tried in each period. Inside a subset holding is counted from the latest arrival and backlog
from the earliest, which can only be too cheap. With a delay spread of two periods a slow order may be overtaken by a fast
one of the next period: such a pair is counted with the slow order's backlog one period early and the fast order's
holding one period late, by three value layers (`free`: anything may follow, `calm`: no fast order follows, `late`: a fast
order counted late follows). The marginal lot of a subset has its least unit cost.

States beyond the largest need fall into the last one: from there no further lot saves anything, and where a priced lot
earns money (a negative slope) the most it could earn is subtracted. So the value is a bound for any prices.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.jit import kernel
from dyocense_cli.kernel.optimizer.decompose.plandp import BIG, add_kink, constant, integrate, window_min

__all__ = ["bound"]


@kernel
def _subset(q: int, t: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, out: np.ndarray) -> bool:
    """Set `out` to fixed cost, least unit cost, least and most lots of subset `q` in period `t`; false if it cannot order."""
    A = c.shape[0]
    cheapest = BIG
    out[0] = 0.0
    out[2] = 0.0
    out[3] = 0.0
    for a in range(A):
        if q >> a & 1:
            if qmax[a, t] < qmin[a, t]:
                return False
            out[0] += fo[a, t]
            out[2] += qmin[a, t]
            out[3] += qmax[a, t]
            cheapest = c[a, t] if c[a, t] < cheapest else cheapest
    for a in range(A):
        if q >> a & 1:
            out[0] += qmin[a, t] * (c[a, t] - cheapest)
    out[1] = cheapest
    return True


@kernel
def _spread(lead: np.ndarray, out: np.ndarray) -> None:
    """Set `out` to least lead, greatest lead, and the bit sets of sources that are ever fastest and slowest (spread 2 only)."""
    least = lead[0, 0]
    most = lead[0, 0]
    for a in range(lead.shape[0]):
        for w in range(lead.shape[1]):
            least = min(least, lead[a, w])
            most = max(most, lead[a, w])
    fast = 0
    slow = 0
    if most - least >= 2:
        for a in range(lead.shape[0]):
            for w in range(lead.shape[1]):
                if lead[a, w] == least:
                    fast |= 1 << a
                if lead[a, w] == most:
                    slow |= 1 << a
    out[0] = least
    out[1] = most
    out[2] = fast
    out[3] = slow


@kernel
def _kinks(
    q: int, t: int, late: int, early: int, least: int, most: int, lead: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    n: int, slopes: np.ndarray,
) -> float:
    """Add the kinks of the periods that an order of period `t` by subset `q` reaches first; return the slope before 0."""
    T, W = net.shape
    lin = 0.0
    for w in range(W):
        first = 1 << 20
        last = 0
        for a in range(lead.shape[0]):
            if q >> a & 1:
                first = min(first, lead[a, w])
                last = max(last, lead[a, w])
        if late:
            last = max(last, least + 1)
        if early:
            first = min(first, most - 1)
        if t + first < T:
            b = pb[t + first, w]
            lin += add_kink(slopes, n, net[t + first, w], b) - b
        if t + last < T:
            lin += add_kink(slopes, n, net[t + last, w], ph[t + last, w])
    return lin


@kernel
def _take(n: int, f: float, out: np.ndarray, cost: np.ndarray, layer: np.ndarray) -> None:
    for i in range(n):
        z = out[i] - cost[i] + f
        layer[i] = z if z < layer[i] else layer[i]


@kernel
def bound(
    n: int, c: np.ndarray, fo: np.ndarray, qmin: np.ndarray, qmax: np.ndarray, net: np.ndarray, ph: np.ndarray, pb: np.ndarray,
    lead: np.ndarray, wk: np.ndarray,
) -> float:
    """Return a lower bound on the block's cost (shapes as in `plandp.plan`; delay spread at most 2).

    `wk` has at least ``4·2^A + 11`` rows of `n` numbers.
    """
    A, T = c.shape
    base = 4 << A
    info = np.empty(4)
    span = np.empty(4, np.int64)
    _spread(lead, span)
    linear = np.zeros(base)
    for i in range(n):
        for r in range(base + 2):
            wk[r, i] = 0.0
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
        gain = 0.0
        for q in range(1, 1 << A):
            ok = _subset(q, t, c, fo, qmin, qmax, info)
            for kind in range(4):
                late, early = kind >> 1, kind & 1
                if (late and not q & span[2]) or (early and not q & span[3]):
                    continue
                r = 4 * q + kind
                linear[r] += _kinks(q, t, late, early, span[0], span[1], lead, net, ph, pb, n, wk[r])
                if ok:
                    gain = min(gain, _order(n, q, kind, span, info, linear[r], wk[r], before, layers, wk[base + 6 :]))
        earned += gain
    total: float = wk[base + 3 * now, 0] + earned + constant(net, ph, pb)
    return total


@kernel
def _order(
    n: int, q: int, kind: int, span: np.ndarray, info: np.ndarray, lin: float, slopes: np.ndarray, before: np.ndarray, layers: np.ndarray,
    wk: np.ndarray,
) -> float:
    """Lower the layers by ordering subset `q`; return the most that lots beyond the last state could earn (≤ 0)."""
    cost, g, out, pre, suf = wk[0], wk[1], wk[2], wk[3], wk[4]
    end = integrate(slopes, lin + info[1], n, cost)
    late, early = kind >> 1, kind & 1
    after = before[0]
    if q & span[3]:
        after = before[2] if early else before[1]
    for i in range(n):
        g[i] = cost[i] + after[i]
    window_min(g, n, int(info[2]), int(info[3]), True, out, pre, suf)
    if late:
        _take(n, info[0], out, cost, layers[2])
    else:
        _take(n, info[0], out, cost, layers[0])
        if not q & span[2]:
            _take(n, info[0], out, cost, layers[1])
    gain: float = min(end * info[3], 0.0)
    return gain

"""A value that no plan of any block can beat, block by block.

Each block orders lots (least and most per order) that raise one position; costs are per lot ordered, per order, and per lot of
positive and negative position, all ≥ 0 for the position. The recursion runs over periods backwards with the lots ordered so far as
the state; `docs/concepts/decomposition.md` gives the argument why it is a bound when orders overtake one another.

Written for the checker alone and rounded as written: distinct ways in which an order is counted share one cost function, and
windows are kept in a queue, so that nothing here is the code that claimed the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.optimodel.jit import strict

__all__ = ["Blocks", "lower_bounds"]

_FAR = 1e30
_NEVER = 1 << 20


@dataclass(frozen=True, slots=True)
class Blocks:
    """`need` [S, T, W] in lots; `lead` [S, A, W]; `least`, `most`, `unit`, `order` [S, A, T]; `over`, `under` [S, T, W] per lot."""

    need: np.ndarray
    lead: np.ndarray
    least: np.ndarray
    most: np.ndarray
    unit: np.ndarray
    order: np.ndarray
    over: np.ndarray
    under: np.ndarray


def lower_bounds(b: Blocks) -> np.ndarray:
    """Return float64[S]."""
    reach = np.maximum(np.ceil(b.need.max(axis=(1, 2)) - 1e-9), 0) + np.where(b.most >= b.least, b.least, 0).max(axis=(1, 2)) + 2
    out = np.empty(b.need.shape[0])
    need, unit, order, over, under = (np.ascontiguousarray(a, float) for a in (b.need, b.unit, b.order, b.over, b.under))
    lead, least, most = (np.ascontiguousarray(a, np.int64) for a in (b.lead, b.least, b.most))
    _each(reach.astype(np.int64), need, unit, order, over, under, lead, least, most, out)
    return out


@strict
def _each(
    reach: np.ndarray, need: np.ndarray, unit: np.ndarray, order: np.ndarray, over: np.ndarray, under: np.ndarray, lead: np.ndarray,
    least: np.ndarray, most: np.ndarray, out: np.ndarray,
) -> None:
    for s in range(reach.size):
        out[s] = _block(reach[s], need[s], unit[s], order[s], over[s], under[s], lead[s], least[s], most[s])


@strict
def _block(
    n: int, need: np.ndarray, unit: np.ndarray, order: np.ndarray, over: np.ndarray, under: np.ndarray, lead: np.ndarray,
    least: np.ndarray, most: np.ndarray,
) -> float:
    """Return the bound of one block with `n` states."""
    T, W = need.shape
    total = 0.0
    for t in range(T):
        for w in range(W):
            total += under[t, w] * need[t, w] if need[t, w] > 0 else -over[t, w] * need[t, w]
    chain = _by_delay(lead, least, most)
    if chain.size == 0:
        return total
    fast, slow, soon, long = _extremes(chain, lead)
    row, delays = _ways(chain, lead, fast, slow, soon, long)
    slopes, linear = np.zeros((delays.shape[0], n)), np.zeros(delays.shape[0])
    cost, end = np.zeros((delays.shape[0], n)), np.zeros(delays.shape[0])
    after = np.zeros((3, n))  # anything may follow; no fast order follows; a fast order that counts late follows
    after[2] = _FAR
    for t in range(T - 1, -1, -1):
        for r in range(delays.shape[0]):
            linear[r] += _bend(t, delays[r], need, over, under, slopes[r])
            end[r] = _integral(slopes[r], linear[r], cost[r])
        before = after.copy()
        after[1] = before[0]
        after[2] = _FAR
        gain = 0.0
        for q in range(1, 1 << chain.size):
            for behind in range(2):
                for ahead in range(2):
                    if row[q, 2 * behind + ahead, 0] != -1 and _open(q, t, chain, least, most):
                        follow, earned = _ordered(q, t, row[q, 2 * behind + ahead], chain, cost, end, unit, order, least, most,
                                                  before[(2 if ahead else 1) if q & slow else 0])
                        gain = min(gain, earned)
                        _lower(after, follow, behind == 1, (q & fast) != 0)
        total += gain
    return float(total + after[0, 0])


@strict
def _by_delay(lead: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Return the sources that can ever order, quickest on average first."""
    length = np.full(lead.shape[0], _NEVER * lead.shape[1])
    used = 0
    for a in range(lead.shape[0]):
        if np.any(most[a] >= least[a]):
            length[a] = lead[a].sum()
            used += 1
    return np.argsort(length, kind="mergesort")[:used]


@strict
def _extremes(chain: np.ndarray, lead: np.ndarray) -> tuple[int, int, int, int]:
    """Return the places ever quickest and ever slowest as bits (where delays spread over two periods), and those delays."""
    soon, long = lead[chain[0], 0], lead[chain[0], 0]
    for a in chain:
        soon, long = min(soon, lead[a].min()), max(long, lead[a].max())
    fast, slow = 0, 0
    for place in range(chain.size if long - soon >= 2 else 0):
        fast |= int(np.any(lead[chain[place]] == soon)) << place
        slow |= int(np.any(lead[chain[place]] == long)) << place
    return fast, slow, soon, long


@strict
def _ways(chain: np.ndarray, lead: np.ndarray, fast: int, slow: int, soon: int, long: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which way each order (subset, kind, place) is counted, -1 in the first place where it cannot occur, and the ways' delays
    [ways, 2, W]: from when backlog, and from when holding counts."""
    m, W = chain.size, lead.shape[1]
    row = np.full((1 << m, 4, m), -1)
    delays = np.empty((4 * m << m, 2, W), np.int64)
    count = 0
    for q in range(1, 1 << m):
        for kind in range(4):
            if (kind >> 1 and not q & fast) or (kind & 1 and not q & slow):
                continue
            row[q, kind, 0] = -2
            for place in range(m):
                if q >> place & 1:
                    for w in range(W):
                        _counted(q, place, kind, chain, lead[:, w], soon, long, delays[count, :, w])
                    same = 0
                    while np.any(delays[same] != delays[count]):
                        same += 1
                    row[q, kind, place] = same
                    count += same == count
    return row, delays[:count]


@strict
def _counted(
    q: int, place: int, kind: int, chain: np.ndarray, lead: np.ndarray, soon: int, long: int, out: np.ndarray
) -> None:
    """Set `out` to the delays from which backlog and holding of an order count in one scenario."""
    first, last, quickest, slowest = _NEVER, 0, _NEVER, 0
    for k in range(chain.size):
        d = lead[chain[k]]
        quickest, slowest = min(quickest, d), max(slowest, d)
        if q >> k & 1 and k >= place:
            first = min(first, d)
        if q >> k & 1 and k <= place:
            last = max(last, d)
    out[0] = min(first, long - 1) if kind & 1 and quickest == soon else first
    out[1] = max(last, soon + 1) if kind >> 1 and slowest == long else last


@strict
def _bend(t: int, delay: np.ndarray, need: np.ndarray, over: np.ndarray, under: np.ndarray, slopes: np.ndarray) -> float:
    """Add the changes of slope at the needs of the periods that an order of period `t` is first counted in; return the slope at 0."""
    T, W = need.shape
    slope = 0.0
    for w in range(W):
        for side in range(2):
            at = t + delay[side, w]
            if at >= T:
                continue
            rate = over[at, w] if side else under[at, w]
            slope -= 0.0 if side else rate
            if need[at, w] <= 0:
                slope += rate
                continue
            k = int(need[at, w])
            share = need[at, w] - k
            if k < slopes.size:
                slopes[k] += rate * (1.0 - share)
            if k + 1 < slopes.size:
                slopes[k + 1] += rate * share
    return slope


@strict
def _integral(slopes: np.ndarray, slope: float, out: np.ndarray) -> float:
    """Set `out` to the function with these changes of slope, 0 at state 0; return its last slope."""
    value = 0.0
    for p in range(slopes.size):
        out[p] = value
        slope += slopes[p]
        value += slope
    return slope


@strict
def _open(q: int, t: int, chain: np.ndarray, least: np.ndarray, most: np.ndarray) -> bool:
    for place in range(chain.size):
        if q >> place & 1 and most[chain[place], t] < least[chain[place], t]:
            return False
    return True


@strict
def _ordered(
    q: int, t: int, row: np.ndarray, chain: np.ndarray, cost: np.ndarray, end: np.ndarray, unit: np.ndarray, order: np.ndarray,
    least: np.ndarray, most: np.ndarray, after: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Return the value of ordering from all of `q` in period `t`, by state, and the most that lots beyond the last state could earn."""
    value, earned = after.copy(), 0.0
    for place in range(chain.size - 1, -1, -1):
        if q >> place & 1:
            a, way = chain[place], row[place]
            price = unit[a, t]
            earned += min((end[way] + price) * most[a, t], 0.0)
            for p in range(value.size):
                value[p] += cost[way, p] + price * p
            value = _least_of(value, least[a, t], most[a, t])
            for p in range(value.size):
                value[p] += order[a, t] - cost[way, p] - price * p
    return value, earned


@strict
def _least_of(value: np.ndarray, least: int, most: int) -> np.ndarray:
    """Return the least of states p+least..p+most for every p; states beyond the last stand for it."""
    n = value.size
    out, queue = np.empty(n), np.empty(n, np.int64)
    queue[0], head, tail = n - 1, 0, 1
    for p in range(n - 1, -1, -1):
        new = p + least
        if new < n - 1:
            while tail > head and value[queue[tail - 1]] >= value[new]:
                tail -= 1
            queue[tail] = new
            tail += 1
        while queue[head] > p + most:
            head += 1
        out[p] = value[queue[head]]
    return out


@strict
def _lower(after: np.ndarray, value: np.ndarray, late: bool, is_fast: bool) -> None:
    if late:
        after[2] = np.minimum(after[2], value)
        return
    after[0] = np.minimum(after[0], value)
    if not is_fast:
        after[1] = np.minimum(after[1], value)

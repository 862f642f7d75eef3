"""A value that no plan of any block can beat, in plain NumPy over many blocks at once.

Each block orders lots (least and most per order) that raise one position; costs are per lot ordered, per order, and per lot of
positive and negative position, all ≥ 0 for the position. The recursion runs over periods backwards with the lots ordered so far as
the state; `docs/concepts/decomposition.md` gives the argument why it is a bound when orders overtake one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

__all__ = ["Blocks", "lower_bounds"]

_FAR = 1e30
_CHUNK = 16


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
    can = b.most >= b.least
    reach = np.maximum(np.ceil(b.need.max(axis=(1, 2)) - 1e-9), 0) + np.where(can, b.least, 0).max(axis=(1, 2)) + 2
    out = np.empty(b.need.shape[0])
    by_size = np.argsort(reach, kind="stable")
    for start in range(0, by_size.size, _CHUNK):
        part = by_size[start : start + _CHUNK]
        picked = Blocks(*(getattr(b, f)[part] for f in ("need", "lead", "least", "most", "unit", "order", "over", "under")))
        out[part] = _Recursion(picked, reach[part].astype(np.int64)).solve()
    return out


class _Recursion:
    """The recursion over one chunk of blocks, states padded to the largest block."""

    def __init__(self, b: Blocks, reach: np.ndarray) -> None:
        self.b, self.reach = b, reach
        self.S, self.A, self.T = b.unit.shape
        self.N = int(reach.max())
        self.can = b.most >= b.least
        used = np.asarray(np.any(self.can, axis=2)).reshape(self.S, self.A, 1)
        self.soonest = np.where(used, b.lead, 1 << 20).min(axis=1)  # [S, W]
        self.latest = np.where(used, b.lead, -1).max(axis=1)
        self.low, self.high = self.soonest.min(axis=1), self.latest.max(axis=1)  # [S]
        wide = (self.high - self.low >= 2)[:, None]
        self.fast = used[..., 0] & wide & (b.lead == self.low[:, None, None]).any(axis=2)  # [S, A]
        self.slow = used[..., 0] & wide & (b.lead == self.high[:, None, None]).any(axis=2)
        self.rank = np.argsort(np.where(used[..., 0], b.lead.sum(axis=2), 1e9), axis=1, kind="stable")  # chain: position -> source
        self.kinked: dict[tuple[tuple[int, ...], int, int, int], tuple[np.ndarray, np.ndarray]] = {}

    def solve(self) -> np.ndarray:
        """Return the bound of each block."""
        b = self.b
        free = np.zeros((self.S, self.N))
        calm, late = free.copy(), np.full((self.S, self.N), _FAR)
        earned = np.zeros(self.S)
        subsets = [q for k in range(1, self.A + 1) for q in combinations(range(self.A), k)]
        for t in range(self.T - 1, -1, -1):
            layers = [free.copy(), free.copy(), np.full((self.S, self.N), _FAR)]
            gain = np.zeros(self.S)
            for q in subsets:
                for behind in (0, 1):
                    for ahead in (0, 1):
                        self._order(t, q, behind, ahead, (free, calm, late), layers, gain)
            earned += gain
            free, calm, late = layers
        nothing = np.where(b.need > 0, b.under * b.need, -b.over * b.need).sum(axis=(1, 2))
        return np.asarray(free[:, 0] + earned + nothing)

    def _order(  # noqa: PLR0917  # one step of the recursion
        self, t: int, q: tuple[int, ...], behind: int, ahead: int, after: tuple[np.ndarray, ...], layers: list[np.ndarray], gain: np.ndarray
    ) -> None:
        s = np.arange(self.S)
        sources = [self.rank[:, i] for i in q]
        has_fast = np.any([self.fast[s, a] for a in sources], axis=0)
        has_slow = np.any([self.slow[s, a] for a in sources], axis=0)
        valid = np.all([self.can[s, a, t] for a in sources], axis=0)
        valid = valid & (has_fast if behind else True) & (has_slow if ahead else True)
        possible = (has_fast if behind else np.ones(self.S, bool)) & (has_slow if ahead else np.ones(self.S, bool))
        if not possible.any():
            return
        follow = np.where(has_slow[:, None], after[2] if ahead else after[1], after[0])
        total = np.zeros(self.S)
        for place in range(len(q) - 1, -1, -1):
            a = sources[place]
            slopes, linear = self._slopes(t, q, place, behind, ahead)
            cost, end = _integral(slopes, linear + self.b.unit[s, a, t])
            total += np.minimum(end * self.b.most[s, a, t], 0.0)
            follow = self._window(cost + follow, self.b.least[s, a, t], self.b.most[s, a, t]) - cost + self.b.order[s, a, t][:, None]
        follow = np.where(valid[:, None], follow, _FAR)
        gain[:] = np.minimum(gain, np.where(valid, total, 0.0))
        if behind:
            layers[2] = np.minimum(layers[2], follow)
        else:
            layers[0] = np.minimum(layers[0], follow)
            layers[1] = np.minimum(layers[1], np.where(has_fast[:, None], _FAR, follow))

    def _slopes(self, t: int, q: tuple[int, ...], place: int, behind: int, ahead: int) -> tuple[np.ndarray, np.ndarray]:
        key = (q, place, behind, ahead)
        slopes, linear = self.kinked.setdefault(key, (np.zeros((self.S, self.N)), np.zeros(self.S)))
        s = np.arange(self.S)
        leads = [self.b.lead[s, self.rank[:, i]] for i in q]
        first, last = np.min(leads[place:], axis=0), np.max(leads[: place + 1], axis=0)  # [S, W]
        if behind:
            last = np.where(self.latest == self.high[:, None], np.maximum(last, self.low[:, None] + 1), last)
        if ahead:
            first = np.where(self.soonest == self.low[:, None], np.minimum(first, self.high[:, None] - 1), first)
        self._kink(slopes, linear, t + first, self.b.under, before=-1.0)
        self._kink(slopes, linear, t + last, self.b.over, before=0.0)
        return slopes, linear

    def _kink(self, slopes: np.ndarray, linear: np.ndarray, at: np.ndarray, rate: np.ndarray, *, before: float) -> None:
        """Add cost ``rate · max(P - need, 0)`` (or ``rate · max(need - P, 0)`` with `before` -1) of the periods `at` [S, W]."""
        inside = at < self.T
        rows, cols = np.nonzero(inside)
        when = at[rows, cols]
        weight, need = rate[rows, when, cols], self.b.need[rows, when, cols]
        linear += before * np.bincount(rows, weights=weight, minlength=self.S) + np.bincount(rows, weights=np.where(need <= 0, weight, 0.0),
                                                                                            minlength=self.S)
        k = np.floor(need).astype(np.int64)
        for step, share in ((0, 1.0 - (need - k)), (1, need - k)):
            kept = (need > 0) & (k + step < self.N)
            flat = rows[kept] * self.N + k[kept] + step
            slopes += np.bincount(flat, weights=(weight * share)[kept], minlength=slopes.size).reshape(slopes.shape)

    def _window(self, values: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
        """Return the least of states P+least..P+most; states beyond a block's last one stand for it."""
        state = np.arange(self.N)[None, :]
        g = np.take_along_axis(values, np.minimum(state, self.reach[:, None] - 1), axis=1)
        length = np.minimum(most - least + 1, self.N)
        power = np.floor(np.log2(np.maximum(length, 1))).astype(np.int64)
        start = np.minimum(state + least[:, None], self.N - 1)
        stop = np.clip(state + (least + length - 2**power)[:, None], 0, self.N - 1)
        out = np.full_like(g, _FAR)
        table = g
        for k in range(int(power.max()) + 1):
            here = power == k
            if here.any():
                ends = [np.take_along_axis(table[here], edge[here], axis=1) for edge in (start, stop)]
                out[here] = np.minimum(ends[0], ends[1])
            table = np.minimum(table, table[:, np.minimum(state[0] + 2**k, self.N - 1)])
        return out


def _integral(slopes: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the convex functions with these slope changes, 0 at state 0, and their last slopes."""
    rising = start[:, None] + np.cumsum(slopes, axis=1)
    values = np.zeros_like(rising)
    values[:, 1:] = np.cumsum(rising[:, :-1], axis=1)
    return values, rising[:, -1]

"""Which scenarios stand for the rest: one function per method, each `(values, probability, to) -> (index, cell weights)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

Choose: TypeAlias = "Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]"

__all__ = ["SELECT", "forward", "k_medoids", "stratified"]

_MAX_DIMS = 64
#: scenarios that pairwise distances are taken of; of more, this many strata stand for the rest
_MAX_PAIRS = 3000


def features(values: np.ndarray) -> np.ndarray:
    """Return standardised coordinates, (n, at most 64): all of them, or leading random-free projections of many.

    Distances in hundreds of dimensions say little; beyond 64 coordinates their sums over contiguous blocks stand for them.
    """
    blocks = values
    if len(values) > _MAX_DIMS:
        edges = np.linspace(0, len(values), _MAX_DIMS + 1).astype(int)[:-1]
        blocks = np.add.reduceat(values, edges, axis=0)
    sd = blocks.std(axis=1, keepdims=True)
    return np.asarray(((blocks - blocks.mean(axis=1, keepdims=True)) / np.where(sd > 0, sd, 1.0)).T)


def stratified(values: np.ndarray, probability: np.ndarray, to: int, *, depth: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Cut the scenarios into `to` strata of equal probability by total and keep one of each.

    The one kept is that at quantile `depth` of distance from the stratum's centre: the nearest would be too central.
    """
    x = features(values)
    total = x.sum(axis=1)
    order = np.argsort(total, kind="stable")
    cum = np.cumsum(probability[order]) - probability[order] / 2
    stratum = np.minimum((cum * to / probability.sum()).astype(int), to - 1)
    index = []
    for s in range(to):
        members = order[stratum == s]
        if len(members) == 0:
            continue
        away = ((x[members] - np.average(x[members], axis=0, weights=probability[members])) ** 2).sum(axis=1)
        index.append(members[np.argsort(away, kind="stable")[min(int(depth * len(members)), len(members) - 1)]])
    kept = np.array(sorted(index))
    return kept, np.full(len(kept), 1.0 / len(kept))


def _distances(values: np.ndarray) -> np.ndarray:
    x = features(values)
    sq = (x * x).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(sq[:, None] + sq[None, :] - 2 * (x @ x.T), 0.0)))


def _cells(d: np.ndarray, probability: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.asarray(np.bincount(np.argmin(d[:, index], axis=1), weights=probability, minlength=len(index)))


def _thinned(choose: Choose) -> Choose:
    """Bound the memory of a method that needs all pairwise distances."""

    def bounded(values: np.ndarray, probability: np.ndarray, to: int) -> tuple[np.ndarray, np.ndarray]:
        if len(probability) <= _MAX_PAIRS:
            return choose(values, probability, to)
        some, weight = stratified(values, probability, max(_MAX_PAIRS, to))
        index, cells = choose(values[:, some], weight, to)
        return some[index], cells

    return bounded


def forward(values: np.ndarray, probability: np.ndarray, to: int) -> tuple[np.ndarray, np.ndarray]:
    """Add, one at a time, the scenario that lowers the weighted distance to the chosen ones most."""
    d = _distances(values)
    nearest = np.full(len(probability), np.inf)
    chosen: list[int] = []
    for _ in range(to):
        cost = probability @ np.minimum(nearest[:, None], d) if chosen else probability @ d
        cost[chosen] = np.inf
        best = int(np.argmin(cost))
        chosen.append(best)
        nearest = np.minimum(nearest, d[:, best])
    index = np.array(sorted(chosen))
    return index, _cells(d, probability, index)


def k_medoids(values: np.ndarray, probability: np.ndarray, to: int) -> tuple[np.ndarray, np.ndarray]:
    """Alternate between assigning scenarios to medoids and moving each medoid to the best place in its cell, from strata."""
    d = _distances(values)
    index = stratified(values, probability, to)[0]
    for _ in range(20):
        cell = np.argmin(d[:, index], axis=1)
        moved = index.copy()
        for k in range(len(index)):
            members = np.flatnonzero(cell == k)
            if len(members):
                moved[k] = members[np.argmin(probability[members] @ d[np.ix_(members, members)])]
        if (moved == index).all():
            break
        index = moved
    index = np.unique(index)
    return index, _cells(d, probability, index)


SELECT: Final[dict[str, Choose]] = {
    "stratified": stratified,
    "k-medoids": _thinned(k_medoids),
    "forward": _thinned(forward),
}

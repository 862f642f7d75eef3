"""Bound a ground model by exact programs of its blocks, at prices of the rows they share.

The level between block programs by recursion and one piece: for blocks whose inner rules no recursion knows (lost sales, perishing
stock, two echelons, substitution). The blocks are the labels of one dimension; rule families whose rows stay within a label are the
blocks' own, all others are priced by the duals of the linear relaxation. By weak duality the sum of what the blocks' programs
cannot beat, what columns outside the blocks must cost, and the priced right-hand sides bounds the whole from below; each program
is limited by nodes and gives its solver's own bound, so no program has to be closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.rounding import general
from dyocense_cli.optimodel.members import coordinates, labels_along

__all__ = ["Bounded", "Parts", "block_bound", "certificate", "parted"]

#: blocks (at least) below which the duality gap outweighs what pricing wins
_FEWEST = 10
#: reduced costs below it count as nothing for columns without a bound, as in the check of certificates
_NOTHING = 1e-7


@dataclass(frozen=True, slots=True)
class Parts:
    """Blocks by the labels of `dim`: the block of each column and row, int[n_cols] and int[n_rows], -1 where none; names of the
    rule families whose rows are priced."""

    dim: str
    size: int
    of_column: np.ndarray
    of_row: np.ndarray
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A bound in the model's own sense, prices float64[n_rows] (of minimisation; 0 on the blocks' own rows), the least cost of each
    block float64[size], and the blocks' plans at the prices float64[n_cols]."""

    bound: float
    prices: np.ndarray
    minima: np.ndarray
    x: np.ndarray


def parted(ground: GroundModel) -> Parts | None:
    """Return the blocks along the dimension that leaves the fewest shared rows, or None where no dimension has ten labels or more.

    Every whole-number family that is not binary (where there is none, every binary one) must carry the dimension: what decides an
    order may not stand outside.
    """
    families = list(general(ground)) or [b for b in ground.columns if b.stop > b.start and ground.integrality[b.start]]
    dims = sorted({d for b in families for d in b.dims if len(ground.dims[d]) >= _FEWEST and all(d in o.dims for o in families)})
    found = [_along(ground, d) for d in dims]
    kept = [p for p in found if np.count_nonzero(p.of_row < 0) * 2 < ground.n_rows]
    return min(kept, key=lambda p: (int(np.count_nonzero(p.of_row < 0)), p.dim), default=None)


def _along(ground: GroundModel, dim: str) -> Parts:
    of_column = labels_along(ground, dim)
    label = np.repeat(of_column, np.diff(ground.start))
    low, high = np.full(ground.n_rows, ground.n_cols), np.full(ground.n_rows, -1)
    np.minimum.at(low, ground.index, label)
    np.maximum.at(high, ground.index, label)
    of_row = np.where(low == high, low, -1)
    shared = []
    for block in ground.rows:
        at = slice(block.start, block.stop)
        if block.stop > block.start and (of_row[at] < 0).any():
            of_row[at] = -1
            shared.append(block.name)
    return Parts(dim, len(ground.dims[dim]), of_column, of_row, tuple(shared))


def block_bound(
    ground: GroundModel,
    parts: Parts,
    relaxed: Solution,
    solve: Callable[[GroundModel], Solution],
    *,
    enough: Callable[[], bool],
    ahead: Callable[[Sequence[GroundModel]], None] = lambda _: None,
) -> Bounded | None:
    """Return the bound of the blocks at the relaxation's prices, or None where a program or a price proves nothing.

    Parameters
    ----------
    relaxed : Solution
        Of the linear relaxation, with `row_dual` and `x`.
    solve
        Solves one block's program within counted limits.
    enough
        Asked before each program; true ends the attempt (someone stopped it, or its time is over).
    ahead
        Told of all programs before the first is solved.
    """
    if relaxed.row_dual is None or relaxed.x is None:
        return None
    sign = 1.0 if ground.sense == "min" else -1.0
    prices = _prices(ground, parts, sign * relaxed.row_dual)
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    reduced = sign * ground.cost - np.bincount(column, ground.value * prices[ground.index], minlength=ground.n_cols)
    side = np.where(prices > 0, ground.row_lower, ground.row_upper)
    total = sign * ground.offset + float(np.sum(prices * np.where(prices == 0, 0.0, side))) + _outside(ground, parts, reduced)
    x, minima = relaxed.x.copy(), np.zeros(parts.size)
    programs = _programs(ground, parts, reduced, column)
    ahead([program for columns, program in programs if columns.size])
    for b, (columns, program) in enumerate(programs):
        if columns.size == 0:
            continue
        answer = None if enough() else solve(program)
        if answer is None or answer.bound is None or answer.x is None or not np.isfinite(answer.bound):
            return None
        minima[b] = answer.bound
        x[columns] = answer.x
    bound = total + float(minima.sum())
    return Bounded(sign * bound, prices, minima, x) if np.isfinite(bound) else None


def _prices(ground: GroundModel, parts: Parts, dual: np.ndarray) -> np.ndarray:
    """Return duals of shared rows where the side they price is there."""
    priced = (parts.of_row < 0) & np.where(dual > 0, np.isfinite(ground.row_lower), np.isfinite(ground.row_upper))
    return np.where(priced, dual, 0.0)


def _outside(ground: GroundModel, parts: Parts, reduced: np.ndarray) -> float:
    """Return the least that columns of no block can cost; -inf where one earns without end."""
    out = parts.of_column < 0
    slope = np.where(np.abs(reduced[out]) <= _NOTHING, 0.0, reduced[out])
    end = np.where(slope > 0, ground.lower[out], ground.upper[out])
    return float(np.sum(slope * np.where(slope == 0, 0.0, end)))


def _programs(ground: GroundModel, parts: Parts, reduced: np.ndarray, column: np.ndarray) -> list[tuple[np.ndarray, GroundModel]]:
    """Return each block's columns and its program: own rows, reduced costs."""
    inside = np.flatnonzero(parts.of_row[ground.index] >= 0)
    inside = inside[np.argsort(parts.of_row[ground.index[inside]], kind="stable")]
    edges = np.searchsorted(parts.of_row[ground.index[inside]], np.arange(parts.size + 1))
    place = np.zeros(max(ground.n_cols, ground.n_rows), dtype=np.int64)
    programs = []
    for b in range(parts.size):
        columns, rows = np.flatnonzero(parts.of_column == b), np.flatnonzero(parts.of_row == b)
        entries = inside[edges[b] : edges[b + 1]]
        place[columns] = np.arange(columns.size)
        start = np.concatenate([[0], np.cumsum(np.bincount(place[column[entries]], minlength=columns.size))]).astype(np.int32)
        place[rows] = np.arange(rows.size)
        programs.append((columns, GroundModel(
            "min", 0.0, reduced[columns], ground.lower[columns], ground.upper[columns], ground.integrality[columns],
            ground.row_lower[rows], ground.row_upper[rows], start, place[ground.index[entries]].astype(np.int32), ground.value[entries],
            (Block("x", (), 0, columns.size),), (Block("own", (), 0, rows.size),), {},
        )))
    return programs


def certificate(ground: GroundModel, parts: Parts, bounded: Bounded) -> dict[str, np.ndarray]:
    """Return what proves the bound: ``branched:dim:<name>``, ``branched:price:<rule>`` over the rule's dims, ``branched:least``.

    Prices are of each rule turned to ``left - right ≤ 0`` (not negative), or of ``left - right`` for an equality.
    """
    out = {f"branched:dim:{parts.dim}": np.zeros(0), "branched:least": bounded.minima}
    for block in ground.rows:
        if block.name not in parts.shared:
            continue
        at = slice(block.start, block.stop)
        equal = ground.row_lower[at] == ground.row_upper[at]
        price = np.zeros(tuple(len(ground.dims[d]) for d in block.dims))
        place = tuple(coordinates(block, ground.dims)) if block.dims else ...
        price[place] = np.where(equal, -bounded.prices[at], np.abs(bounded.prices[at]))
        out[f"branched:price:{block.name}"] = price
    return out

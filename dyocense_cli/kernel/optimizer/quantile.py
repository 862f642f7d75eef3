"""Rows that chance constraints imply on the first stage: quantile and mixing inequalities from one linear program per scenario.

A chance row ``… ≤ … + M·missed`` is exact and, in the linear relaxation, all but void: a twentieth of M is slack enough. For any weights
α over the first-stage columns, let β(w) be the least αx over plans that keep scenario w, recourse included. Scenarios that may all be
missed together weigh at most what the chance allows, so αx is at least the largest β that remains once the dearest such set is left out
(the quantile); and with the scenarios t1, t2, … above it, from the dearest down, αx + Σ (β(ti) - β(ti+1))·missed(ti) ≥ β(t1) (mixing, or
star, inequalities). The weights are those with which the recourse of a scenario says that the relaxation's plan fails it.

Source: Luedtke (2014), *A branch-and-cut decomposition algorithm for solving chance-constrained mathematical programs with finite
support*; Günlük and Pochet (2001), *Mixing mixed-integer inequalities*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import sparse

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.optimodel.members import labels_along
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import pivots

__all__ = ["NAME", "Chance", "Strong", "chances", "star", "strengthened"]

#: name of the rows that are added; no rule of a model has a space in its name
NAME: Final = "chance rows"
#: rounds of separation, and directions per family of flags in each: what is gained after them is little (measured)
_ROUNDS: Final = 4
_DIRECTIONS: Final = 4
#: scenarios beyond those that may all be missed whose least is asked: the others count as -inf, which only weakens a row
_MORE: Final = 2
#: relative gain of the relaxation below which a round was the last
_GAIN: Final = 1e-3
#: columns above which this is not tried, and part of the time that it may take
_LARGE: Final = 60_000
_SHARE: Final = 0.3
#: by how much a solver's optimum may be off, relative to 1 + its size
_SAFE: Final = 1e-6
_TINY: Final = 1e-9
_VIOLATED: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Chance:
    """Flags of one chance: `flags` int[n_scenarios] columns, `weight` float64[n_scenarios], of which those set may weigh `allowed`."""

    flags: np.ndarray
    weight: np.ndarray
    allowed: float


@dataclass(frozen=True, slots=True)
class Strong:
    """The program with `rows` more rows after its own, and whether a clock ended the search for them."""

    ground: GroundModel
    rows: int
    cut: bool


@dataclass(frozen=True, slots=True)
class _Split:
    """A program by scenarios: `matrix` CSR; scenario of each column and row, -1 for the first stage, -2 for rows that tie several."""

    ground: GroundModel
    matrix: sparse.csr_matrix
    of_column: np.ndarray
    of_row: np.ndarray


def strengthened(ground: GroundModel, limits: SolveLimits, lent: Lent) -> Strong:
    """Return the program with rows that its chances imply; the program itself where it has no chance, or nothing is gained.

    Law: every plan of the program is one of the result. Every question ends by itself; all are counted.
    """
    found = chances(ground) if ground.n_cols <= _LARGE else ()
    strong = Strong(ground, 0, cut=False)
    if not found:
        return strong
    split = _split(ground)
    began = lent.seconds() if lent.seconds is not None else 0.0
    last: float | None = None
    for _ in range(_ROUNDS):
        plan: Solution = lent.solve(relaxed(strong.ground), _counted(strong.ground))
        if plan.status is not Status.OPTIMAL or plan.x is None or plan.objective is None:
            break
        if last is not None and abs(plan.objective - last) < _GAIN * (1.0 + abs(last)):
            break
        last = plan.objective
        if lent.seconds is not None and limits.time_s is not None and lent.seconds() - began > _SHARE * limits.time_s:
            return replace(strong, cut=True)
        rows = [row for chance in found for row in _round(split, chance, plan.x, lent)]
        if not rows:
            break
        strong = Strong(_with_rows(strong.ground, rows, strong.rows), strong.rows + len(rows), cut=False)
    return strong


def _counted(program: GroundModel, *, duals: bool = False) -> SolveLimits:
    return SolveLimits(work=pivots(program), duals=duals)


def chances(ground: GroundModel) -> tuple[Chance, ...]:
    """Return the chances of a program: binaries, one per scenario, in a row of their own that says how many may be set."""
    matrix = _rows(ground)
    size = np.diff(matrix.indptr)
    found = []
    for block in ground.columns:
        part = slice(block.start, block.stop)
        if block.dims != ("scenario",) or block.stop - block.start < 2 or not ground.integrality[part].all():
            continue
        if (ground.lower[part] != 0).any() or (ground.upper[part] != 1).any():
            continue
        own = matrix[:, part]
        for row in np.flatnonzero((np.diff(own.indptr) == size) & (size > 1) & np.isneginf(ground.row_lower)).tolist():
            weight = own[row].toarray().ravel()
            if (weight >= 0).all() and np.isfinite(ground.row_upper[row]) and weight.sum() > ground.row_upper[row] + _TINY:
                found.append(Chance(np.arange(block.start, block.stop), weight, float(ground.row_upper[row])))
    return tuple(found)


def _rows(ground: GroundModel) -> sparse.csr_matrix:
    return sparse.csc_matrix((ground.value, ground.index, ground.start), shape=(ground.n_rows, ground.n_cols)).tocsr()


def _split(ground: GroundModel) -> _Split:
    of_column = labels_along(ground, "scenario")
    label = np.repeat(of_column, np.diff(ground.start))
    high = np.full(ground.n_rows, -1)
    np.maximum.at(high, ground.index, label)
    low = np.full(ground.n_rows, ground.n_cols)
    np.minimum.at(low, ground.index[label >= 0], label[label >= 0])
    return _Split(ground, _rows(ground), of_column, np.where((high < 0) | (low == high), high, -2))


def _round(split: _Split, chance: Chance, x: np.ndarray, lent: Lent) -> list[tuple[sparse.csr_matrix, float]]:
    """Return violated rows (coefficients, least value) of one chance at a relaxed plan."""
    failed, order = _failures(split, chance, x, lent)
    asked = int(np.argmax(np.cumsum(chance.weight[order]) > chance.allowed + _TINY)) + 1 + _MORE
    found = []
    for direction in failed[:_DIRECTIONS]:
        least = _least(split, chance, direction, order[:asked], lent)
        row = None if least is None else star(chance, direction, least, x)
        found += [row] if row is not None else []
    return found


def _failures(split: _Split, chance: Chance, x: np.ndarray, lent: Lent) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the weights (float64[n_cols]) of scenarios that a plan's first stage fails, the worst first, and the order of all.

    One program over all scenarios with the first stage as it is and no flag set pays for what chance rows lack; its prices are the weights.
    """
    ground = split.ground
    columns = np.flatnonzero((split.of_column >= 0) & ~np.isin(np.arange(ground.n_cols), chance.flags))
    rows = np.flatnonzero(split.of_row >= 0)
    first = np.where(split.of_column < 0, x, 0.0)
    here = split.matrix[rows]
    lacking = np.flatnonzero(np.diff(here[:, chance.flags].indptr) > 0)
    upper, lower = np.isfinite(ground.row_upper[rows[lacking]]), np.isfinite(ground.row_lower[rows[lacking]])
    signs = np.concatenate([np.where(upper, -1.0, 0.0), np.where(lower, 1.0, 0.0)])
    scale = np.maximum(abs(here).max(axis=1).toarray().ravel()[lacking], 1.0)
    gives = sparse.csr_matrix((signs, (np.tile(lacking, 2), np.arange(2 * lacking.size))), shape=(rows.size, 2 * lacking.size))
    wide = sparse.hstack([here[:, columns], gives], format="csc")
    program = _program(ground, wide, rows, columns, cost=np.tile(1.0 / scale, 2), carried=here @ first)
    answer: Solution = lent.solve(program, _counted(program, duals=True))
    if answer.x is None or answer.row_dual is None:
        return [], np.arange(chance.flags.size)
    lacks = answer.x[columns.size :].reshape(2, -1).sum(axis=0)
    paid = np.bincount(split.of_row[rows[lacking]], weights=lacks, minlength=chance.flags.size)
    order, found = np.argsort(-paid, kind="stable"), []
    for scenario in order.tolist():
        if paid[scenario] <= _VIOLATED:
            break
        price = np.where(split.of_row[rows] == scenario, answer.row_dual, 0.0)
        direction = np.where(split.of_column < 0, here.T @ price, 0.0)
        largest = np.abs(direction).max(initial=0.0)
        if largest > _TINY:
            found.append(np.where(np.abs(direction) > _TINY * largest, direction / largest, 0.0))
    return found, order


def _least(split: _Split, chance: Chance, direction: np.ndarray, asked: np.ndarray, lent: Lent) -> np.ndarray | None:
    """Return the least of direction·x per scenario that is kept, float64[n_scenarios], -inf where it is not asked.

    None where a scenario can never be kept.
    """
    least = np.full(chance.flags.size, -np.inf)
    flag = np.isin(np.arange(split.ground.n_cols), chance.flags)
    for scenario in asked.tolist():
        columns = np.flatnonzero((split.of_column < 0) | ((split.of_column == scenario) & ~flag))
        rows = np.flatnonzero((split.of_row == -1) | (split.of_row == scenario))
        program = _program(split.ground, split.matrix[rows][:, columns].tocsc(), rows, columns)
        program = replace(program, cost=direction[columns])
        answer: Solution = lent.solve(program, _counted(program))
        if answer.status is Status.INFEASIBLE:
            return None
        if answer.status is Status.OPTIMAL and answer.objective is not None:
            least[scenario] = answer.objective - _SAFE * (1.0 + abs(answer.objective))
    return least


def _program(
    ground: GroundModel,
    matrix: sparse.csc_matrix,
    rows: np.ndarray,
    columns: np.ndarray,
    *,
    cost: np.ndarray | None = None,
    carried: np.ndarray | float = 0.0,
) -> GroundModel:
    """Return the linear program of some rows and columns; columns after them, of `cost` each, are from 0 up."""
    own = matrix.copy()
    own.sort_indices()
    more = np.zeros(0) if cost is None else cost
    return GroundModel(
        "min", 0.0, np.concatenate([np.zeros(columns.size), more]), np.concatenate([ground.lower[columns], np.zeros(more.size)]),
        np.concatenate([ground.upper[columns], np.full(more.size, np.inf)]), np.zeros(columns.size + more.size, np.uint8),
        ground.row_lower[rows] - carried, ground.row_upper[rows] - carried, own.indptr.astype(np.int32), own.indices.astype(np.int32),
        own.data.astype(np.float64), (), (), {},
    )  # fmt: skip


def star(chance: Chance, direction: np.ndarray, least: np.ndarray, x: np.ndarray) -> tuple[sparse.csr_matrix, float] | None:
    """Return the mixing inequality that a relaxed plan breaks most, as coefficients [1, n_cols] and least value; None where it keeps all.

    Parameters
    ----------
    direction : float64[n_cols]
        Weights of first-stage columns.
    least : float64[n_scenarios]
        A lower bound of direction·x for plans that keep each scenario.
    x : float64[n_cols]
        The relaxed plan.
    """
    order = np.argsort(-least, kind="stable")
    over = np.cumsum(chance.weight[order]) > chance.allowed + _TINY
    base = least[order[np.argmax(over)]]
    if not over.any() or not np.isfinite(base):
        return None
    chosen: list[int] = []
    smallest = 1.0
    for scenario in order[: np.argmax(over)][::-1].tolist():  # from the quantile up: each must be less missed than those below it
        if least[scenario] > base + _TINY and x[chance.flags[scenario]] < smallest - _TINY:
            chosen.append(scenario)
            smallest = x[chance.flags[scenario]]
    steps = least[chosen] - np.concatenate([[base], least[chosen[:-1]]]) if chosen else np.zeros(0)
    coefficients = direction.copy()
    coefficients[chance.flags[chosen]] += steps
    value = float(base + steps.sum())
    if value - float(coefficients @ x) <= _VIOLATED * (1.0 + abs(value)):
        return None
    return sparse.csr_matrix(coefficients), value


def _with_rows(ground: GroundModel, rows: list[tuple[sparse.csr_matrix, float]], before: int) -> GroundModel:
    """Return the program with rows ``coefficients·x ≥ value`` after all others, in one block with the `before` that are there already."""
    matrix = sparse.vstack([_rows(ground), *(c for c, _ in rows)], format="csc")
    matrix.sort_indices()
    blocks = tuple(b for b in ground.rows if b.name != NAME)
    start = ground.n_rows - before
    labels = tuple(str(i) for i in range(before + len(rows)))
    return replace(
        ground,
        row_lower=np.concatenate([ground.row_lower, [value for _, value in rows]]),
        row_upper=np.concatenate([ground.row_upper, np.full(len(rows), np.inf)]),
        start=matrix.indptr.astype(ground.start.dtype),
        index=matrix.indices.astype(ground.index.dtype),
        value=matrix.data,
        rows=(*blocks, Block(NAME, (NAME,), start, start + len(labels))),
        dims={**ground.dims, NAME: labels},
    )

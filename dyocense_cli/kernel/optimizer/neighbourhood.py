"""Plans for models that a branch-and-bound search finds none for: round, repair, then improve a neighbourhood at a time.

A neighbourhood frees the integers of some labels of one dimension (a few SKUs, two suppliers, three periods), keeps all others, and
is solved as a small exact program over all rows. Passes are counted and solves are limited by nodes, so that a plan replays; the
wall clock is an outer guard, and a plan that it cut is marked as not reproducible. The bound is that of the linear relaxation; where
it leaves the gap of the first plan open, or no rounding gives a plan, exact programs of the blocks (`branched`) tighten the one and
give the start of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.kernel.optimizer.branched import Bounded, Parts, block_bound, certificate, parted
from dyocense_cli.kernel.optimizer.quantile import NAME, chances
from dyocense_cli.kernel.optimizer.rounding import carried, elastic, general, semicontinuous, with_bounds
from dyocense_cli.optimodel import programs
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.ports import Lent, SolveEvent, SolveLimits

__all__ = ["improve"]

#: Free general integers in one neighbourhood: small enough for seconds, large enough to exchange between labels.
_FREE = 120
_NODES = 40
#: nodes of one block's program: it gives a bound, closed or not
_BLOCK_NODES = 50
_ROUNDS = 4
_REPAIRS = 4
_TINY = 1e-6


@dataclass(slots=True)
class _Search:
    """State of one search: best plan so far, bound, and whether a clock cut it."""

    ground: GroundModel
    limits: SolveLimits
    lent: Lent
    backend: str
    best: np.ndarray | None = None
    objective: float | None = None
    bound: float | None = None
    seconds: float = 0.0
    cut: bool = False
    stopped: bool = False
    solves: int = 0
    blocks: tuple[Parts, Bounded] | None = None

    def solve(
        self, ground: GroundModel, *, gap: float, start: np.ndarray | None = None, nodes: int = _NODES, duals: bool = False
    ) -> Solution:
        """Solve one small program within the time that is left."""
        limits = self._within(gap, nodes, duals)
        answer = self.lent.solve(ground, limits, start=start, progress=self._progress, backend=self.backend)
        self.seconds += float(answer.diagnostics.get("seconds", 0.0) or 0.0)
        self.cut |= answer.termination is Termination.TIME_LIMIT
        self.stopped |= answer.termination is Termination.INTERRUPTED
        self.solves += 1
        return answer

    def _within(self, gap: float, nodes: int, duals: bool) -> SolveLimits:
        left = None if self.limits.time_s is None else max(0.5, self.limits.time_s - self.seconds)
        return replace(self.limits, time_s=left, gap=gap, nodes=nodes, work=None, duals=duals)

    def ahead(self, programs: Sequence[GroundModel], *, gap: float, nodes: int) -> None:
        """Tell whoever lends the solver of programs that are about to be solved."""
        if self.lent.ahead is not None and not self.over:
            self.lent.ahead(programs, self._within(gap, nodes, duals=False), self.backend)

    def _progress(self, event: SolveEvent) -> bool:
        gap = relative_gap(self.objective, self.bound)
        told = SolveEvent(self.seconds + event.seconds, self.objective, self.bound, gap, event.nodes, x=self.best)
        return bool(self.lent.progress and self.lent.progress(told))

    @property
    def over(self) -> bool:
        """Whether the gap is reached, time is up or someone stopped it."""
        if self.stopped:
            return True
        if self.limits.time_s is not None and self.seconds >= self.limits.time_s:
            self.cut = True
            return True
        gap = relative_gap(self.objective, self.bound)
        return gap is not None and gap <= self.limits.gap

    def take(self, answer: Solution) -> bool:
        """Keep an answer if it is better; say whether it was."""
        if answer.x is None or answer.objective is None:
            return False
        sign = 1.0 if self.ground.sense == "min" else -1.0
        if self.objective is not None and sign * (answer.objective - self.objective) > -1e-9 * (1 + abs(self.objective)):
            return False
        self.best, self.objective = answer.x.copy(), answer.objective
        self.stopped |= self._progress(SolveEvent(0.0))
        return True


def improve(
    model: OptiModel, ground: GroundModel, limits: SolveLimits, lent: Lent, *, start: np.ndarray | None = None, backend: str = "auto"
) -> Solution | None:
    """Return a plan with its gap to the linear relaxation, or None where this way finds none.

    Parameters
    ----------
    model, ground : OptiModel, GroundModel
        The model and its arrays.
    limits : SolveLimits
        Gap to reach, seconds as an outer guard, seed.
    lent : Lent
        How to solve.
    start : float64[n_cols], optional
        A plan to begin with.

    Notes
    -----
    Large neighbourhood search after Shaw (1998); the start is a rounding that carries remainders along the ordered dimension.
    """
    search = _Search(ground, limits, lent, backend)
    relaxed = search.solve(programs.relaxed(ground), gap=0.0, duals=True)
    if relaxed.status is not Status.OPTIMAL or relaxed.x is None or relaxed.objective is None:
        return None
    search.bound = relaxed.objective
    given = start if start is not None and not np.isnan(start).any() else None
    decided, there = _decided(search, relaxed.x) if given is None else (ground, relaxed.x)
    if not _begin(search, decided, carried(model, ground, there, semicontinuous(ground)) if given is None else given):
        priced = _tighten(search, relaxed)
        if priced is None or not _begin(search, ground, priced):
            return None
    elif not search.over:
        _tighten(search, relaxed)
    chance = np.random.default_rng(limits.seed)
    for _ in range(_ROUNDS):
        if search.over or not _round(search, chance):
            break
    return _solution(search)


def _tighten(search: _Search, relaxed: Solution) -> np.ndarray | None:
    """Raise the bound by exact programs of the blocks at the relaxation's prices; return the blocks' plans, or None without any."""
    parts = parted(search.ground)
    if parts is None:
        return None
    gap = search.limits.gap / 10
    found = block_bound(
        search.ground,
        parts,
        relaxed,
        lambda p: search.solve(p, gap=gap, nodes=_BLOCK_NODES),
        enough=lambda: search.over,
        ahead=lambda programs: search.ahead(programs, gap=gap, nodes=_BLOCK_NODES),
    )
    if found is None:
        return None
    sign = 1.0 if search.ground.sense == "min" else -1.0
    if search.bound is None or sign * (found.bound - search.bound) > 0:
        search.bound, search.blocks = found.bound, (parts, found)
    return found.x


def _fixed(ground: GroundModel, x: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.clip(np.round(x), ground.lower, ground.upper)
    return np.where(keep, at, ground.lower), np.where(keep, at, ground.upper)


def _decided(search: _Search, x: np.ndarray) -> tuple[GroundModel, np.ndarray]:
    """Return the program in which the scenarios that its chances give up are chosen, and its relaxed plan.

    Those most missed in a relaxed plan are given up: relaxed flags hide from a repair which rows are broken. Unchanged without chances,
    and where the choice cannot stand.
    """
    found = chances(search.ground)
    if not found:
        return search.ground, x
    lower, upper = search.ground.lower.copy(), search.ground.upper.copy()
    for chance in found:
        order = np.argsort(-x[chance.flags], kind="stable")
        missed = np.zeros(order.size)
        missed[order[np.cumsum(chance.weight[order]) <= chance.allowed + _TINY]] = 1.0
        lower[chance.flags] = upper[chance.flags] = missed
    held = with_bounds(search.ground, lower, upper)
    answer = search.solve(programs.relaxed(held), gap=0.0)
    return (search.ground, x) if answer.x is None else (held, answer.x)


def _begin(search: _Search, ground: GroundModel, x: np.ndarray) -> bool:
    """Fix general integers of a program as rounded; free those near broken rows until no row is broken."""
    keep = np.zeros(ground.n_cols, dtype=bool)
    for block in general(ground):
        keep[block.start : block.stop] = True
    for _ in range(_REPAIRS):
        answer = search.solve(with_bounds(ground, *_fixed(ground, x, keep)), gap=search.limits.gap / 4)
        if search.take(answer):
            return True
        if search.over or answer.status is not Status.INFEASIBLE:
            return False
        broken, x = _broken(search, ground, x, keep)
        freed = keep & _near(ground, broken)
        if not freed.any():
            return False
        keep &= ~freed
    return False


def _broken(search: _Search, ground: GroundModel, x: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows the fixed integers break, bool[n_rows], and the values that break least."""
    soft = elastic(ground)
    rows, cols = ground.n_rows, ground.n_cols
    lower, upper = _fixed(ground, x, keep)
    held = replace(soft, lower=np.concatenate([lower, soft.lower[cols:]]), upper=np.concatenate([upper, soft.upper[cols:]]))
    answer = search.solve(programs.relaxed(held), gap=0.0)
    if answer.x is None:
        return np.zeros(rows, dtype=bool), x
    slack = answer.x[cols : cols + rows] + answer.x[cols + rows :]
    return slack > _TINY, np.where(keep, x, answer.x[:cols])


def _near(ground: GroundModel, rows: np.ndarray) -> np.ndarray:
    """Return the columns of rows, and of the rows that share a continuous column with them, bool[n_cols]."""
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    touched = np.zeros(ground.n_cols, dtype=bool)
    touched[column[rows[ground.index]]] = True
    if (touched & ground.integrality.astype(bool)).any():
        return touched
    linked = np.zeros(ground.n_rows, dtype=bool)
    linked[ground.index[touched[column]]] = True
    wide = np.zeros(ground.n_cols, dtype=bool)
    wide[column[linked[ground.index]]] = True
    return wide


def _round(search: _Search, chance: np.random.Generator) -> bool:
    """Free each part of each dimension once; say whether anything got better."""
    better = False
    for dim, parts in _parts(search.ground, chance):
        for labels in parts:
            if search.over:
                return better
            assert search.best is not None
            keep = _kept(search.ground, dim, labels)
            small = with_bounds(search.ground, *_fixed(search.ground, search.best, keep))
            better |= search.take(search.solve(small, gap=search.limits.gap / 20, start=search.best))
    return better


def _parts(ground: GroundModel, chance: np.random.Generator) -> list[tuple[str, list[np.ndarray]]]:
    blocks = list(general(ground))
    total = sum(b.stop - b.start for b in blocks)
    dims = sorted({d for b in blocks for d in b.dims if len(ground.dims[d]) > 1}, key=lambda d: (-len(ground.dims[d]), d))
    out = []
    for dim in dims:
        size = len(ground.dims[dim])
        count = min(size, max(2, -(-total // _FREE)))
        out.append((dim, np.array_split(chance.permutation(size), count)))
    return out


def _kept(ground: GroundModel, dim: str, labels: np.ndarray) -> np.ndarray:
    """Return the general integers to keep: all but those of the labels, bool[n_cols]."""
    keep = np.zeros(ground.n_cols, dtype=bool)
    for block in general(ground):
        at = slice(block.start, block.stop)
        keep[at] = True
        if dim in block.dims:
            keep[at] = ~np.isin(coordinates(block, ground.dims)[block.dims.index(dim)], labels)
    return keep


def _solution(search: _Search) -> Solution:
    gap = relative_gap(search.objective, search.bound)
    reached = gap is not None and gap <= search.limits.gap
    if reached:
        termination = Termination.GAP_REACHED
    elif search.stopped:
        termination = Termination.INTERRUPTED
    else:
        termination = Termination.TIME_LIMIT if search.cut else Termination.WORK_LIMIT
    bounded = "the linear relaxation"
    added = any(b.name == NAME for b in search.ground.rows)
    if search.blocks is not None:
        parts, _ = search.blocks
        shared = ", ".join(f"`{n}`" for n in parts.shared if n != NAME)
        bounded = f"{parts.size} programs, one of each {parts.dim}, at prices of {shared}"
    bounded += " with rows that its chances imply" if added else ""
    return Solution(
        Status.FEASIBLE,
        termination,
        search.objective,
        search.bound,
        gap,
        search.best,
        method="neighbourhoods",
        seed=search.limits.seed,
        threads=search.limits.threads,
        reproducible=not search.cut and not search.stopped,
        approximations=(f"the plan is from neighbourhoods, the bound from {bounded}",),
        # a bound that rests on added rows as well cannot be recomputed from the model alone
        certificate=certificate(search.ground, *search.blocks) if search.blocks is not None and not added else {},
        diagnostics={"solves": float(search.solves), "seconds": search.seconds},
    )

"""Solve an OptiModel: by decomposition where its shape allows and its size asks for it, else in one piece."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.kernel.optimizer.decompose.outcome import Declined
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import attempt
from dyocense_cli.kernel.optimizer.neighbourhood import improve
from dyocense_cli.kernel.optimizer.polish import polish
from dyocense_cli.kernel.optimizer.quantile import Strong, strengthened
from dyocense_cli.kernel.optimizer.settle import settled
from dyocense_cli.kernel.optimizer.warmstart import resolve
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["limits_of", "solve_model"]

#: columns (at most) up to which HiGHS alone finds good plans in seconds
_SMALL: Final = 5_000
#: members of a family above which a decomposed plan is not put into one linear program for its prices
_POLISHED: Final = 400_000
#: nonzeros and integers above which neighbourhoods are tried before one piece: HiGHS found no plan in 60 s at 37,000 and 1,600
_ENTRIES: Final = 20_000
_WHOLE: Final = 300
#: nonzeros above which a decomposed plan outside the asked gap is not improved in one piece: measured, no plan is found there
_RETRIED: Final = 200_000


def limits_of(options: SolverOptions) -> SolveLimits:
    """Return a solve's limits as a goal states them."""
    return SolveLimits(
        time_s=options.time_limit_s, gap=options.mip_gap, threads=options.threads, seed=options.seed, nodes=options.nodes, work=options.work
    )


def solve_model(
    optimodel: OptiModel,
    solver_options: SolverOptions,
    *,
    lent: Lent,
    start: np.ndarray | None = None,
    earlier: tuple[OptiModel, Solution] | None = None,
) -> Solution:
    """Return what the solver holds, with duals of the program whose integers are fixed.

    Parameters
    ----------
    optimodel : OptiModel
        Model to solve.
    solver_options : SolverOptions
        Method and limits.
    lent : Lent
        How to ground and solve.
    start : float64[n_cols], optional
        A plan to start from; NaN where unknown.
    earlier : (OptiModel, Solution), optional
        A like model and its decomposed solution, whose prices and plan are taken over where nothing reaches them.

    Notes
    -----
    Never raises for infeasible, unbounded or stopped: those are answers.
    """
    limits = limits_of(solver_options)
    began = lent.seconds() if lent.seconds is not None else 0.0
    first = _decomposed(optimodel, solver_options, lent, start=start, earlier=earlier)
    if isinstance(first, Solution) and max(_members(v.dims, optimodel) for v in optimodel.vars) > _POLISHED:
        return first
    ground = lent.ground(optimodel)
    if isinstance(first, Declined) and first.nearest is not None and ground.nnz > _RETRIED:
        return _none(optimodel, first, limits)
    if isinstance(first, Solution) and (_enough(first, limits) or ground.nnz > _RETRIED):
        return settled(optimodel, ground, polish(ground, first, limits, lent.solve), limits, lent)
    strong = strengthened(ground, limits, lent)
    left = _left(limits, began, lent)
    given = first.x if isinstance(first, Solution) else start
    if not isinstance(first, Solution) and _hard(ground, solver_options):
        found = _named(improve(optimodel, strong.ground, left, lent, start=given, backend=solver_options.backend), strong)
        if found is not None and (_enough(found, limits) or found.termination is not Termination.WORK_LIMIT):
            return settled(optimodel, ground, polish(ground, found, limits, lent.solve), limits, lent)
        if found is not None:
            first, given = found, found.x
    solve = partial(lent.solve, backend=solver_options.backend)
    whole = _named(solve(strong.ground, _left(limits, began, lent), start=given, progress=lent.progress), strong)
    assert whole is not None
    return settled(optimodel, ground, polish(ground, _better(optimodel, first, whole, limits), limits, lent.solve), limits, lent)


def _left(limits: SolveLimits, began: float, lent: Lent) -> SolveLimits:
    """Return the limits with the time that is left of them."""
    if lent.seconds is None or limits.time_s is None:
        return limits
    return replace(limits, time_s=max(1.0, limits.time_s - (lent.seconds() - began)))


def _named(solution: Solution | None, strong: Strong) -> Solution | None:
    """Return a solution of the strengthened program as one of the model's: without the prices of added rows, which are named."""
    if solution is None or strong.rows == 0:
        return solution
    dual = None if solution.row_dual is None else solution.row_dual[: -strong.rows]
    said = {**solution.diagnostics, "chance_rows": float(strong.rows)}
    return replace(solution, row_dual=dual, reproducible=solution.reproducible and not strong.cut, diagnostics=said)


def _hard(ground: GroundModel, options: SolverOptions) -> bool:
    """Say whether a search in one piece is likely to find no plan: many whole numbers among many entries (measured)."""
    return options.method != "monolith" and ground.nnz > _ENTRIES and int(np.count_nonzero(ground.integrality)) > _WHOLE


def _decomposed(
    model: OptiModel, options: SolverOptions, lent: Lent, *, start: np.ndarray | None, earlier: tuple[OptiModel, Solution] | None
) -> Solution | Declined:
    if options.method == "monolith":
        return Declined("the goal asks for one piece")
    if options.backend not in ("auto", "highs"):
        return Declined(f"backend `{options.backend}` is asked for")
    if options.method == "auto" and sum(_members(v.dims, model) for v in model.vars) <= _SMALL:
        return Declined("the model is small enough to be solved in one piece")
    if earlier is not None and earlier[1].method == "decompose":
        return resolve(*earlier, model, options, lent=lent)[0]
    return attempt(model, options, lent=lent, start=start)


def _members(dims: tuple[str, ...], model: OptiModel) -> int:
    """Return how many members a family over some dims has at most, for deciding what is affordable."""
    return int(np.prod([len(model.dims[d]) for d in dims], dtype=np.int64))


def _enough(solution: Solution, limits: SolveLimits) -> bool:
    """Say whether nothing more is asked: the gap is reached, the caller interrupted, or the answer is final."""
    if solution.x is None or solution.termination is Termination.INTERRUPTED:
        return True
    return solution.gap is not None and solution.gap <= limits.gap


def _none(model: OptiModel, first: Declined, limits: SolveLimits) -> Solution:
    """Return the answer that no plan was found, with what would have to be loosened for the nearest one and what was tried."""
    sign = 1.0 if model.sense == "min" else -1.0
    bound = None if first.bound is None else sign * first.bound
    ending = Termination.TIME_LIMIT if first.cut else Termination.WORK_LIMIT
    return Solution(Status.ERROR, ending, None, bound, None, None, backend="blocks", method="decompose", seed=limits.seed,
                    threads=limits.threads, reproducible=not first.cut, raw_status=first.reason, nearest=first.nearest)


def _better(model: OptiModel, first: Solution | Declined, whole: Solution, limits: SolveLimits) -> Solution:
    """Return the answer with the smaller gap; what was tried before is named."""
    if isinstance(first, Declined):
        if whole.status is Status.ERROR and whole.x is None and first.nearest is not None:
            tried = _none(model, first, limits)
            ended = f"{tried.raw_status}; one piece after that: {whole.termination}"
            return replace(tried, termination=whole.termination, reproducible=tried.reproducible and whole.reproducible, raw_status=ended)
        return replace(whole, diagnostics={**whole.diagnostics, "decomposition": f"declined: {first.reason}"})
    if whole.x is None or (whole.gap is None or (first.gap is not None and first.gap < whole.gap)):
        return first
    return replace(
        whole,
        reproducible=whole.reproducible and first.reproducible,  # what the clock cut was the start
        diagnostics={
            **whole.diagnostics,
            "decomposition": f"gave the start, within {first.gap:.2%}" if first.gap is not None else "gave the start",
        },
    )

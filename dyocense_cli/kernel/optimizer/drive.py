"""Solve an OptiModel: by decomposition where its shape allows and its size asks for it, else in one piece."""

from __future__ import annotations

from functools import partial

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.polish import polish
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["limits_of", "solve_model"]


def limits_of(options: SolverOptions) -> SolveLimits:
    """Return a solve's limits as a goal states them."""
    return SolveLimits(
        time_s=options.time_limit_s, gap=options.mip_gap, threads=options.threads, seed=options.seed, nodes=options.nodes, work=options.work
    )


def solve_model(optimodel: OptiModel, solver_options: SolverOptions, *, lent: Lent, start: np.ndarray | None = None) -> Solution:
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

    Notes
    -----
    Never raises for infeasible, unbounded or stopped: those are answers.
    """
    limits = limits_of(solver_options)
    ground = lent.ground(optimodel)
    solve = partial(lent.solve, backend=solver_options.backend)
    solution = solve(ground, limits, start=start, progress=lent.progress)
    return polish(ground, solution, limits, lent.solve)

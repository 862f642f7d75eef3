"""Settle what the objective leaves open: a risk measure looks at some scenarios only, and the recourse of the others is anything feasible.

A plan for the CVaR, a quantile or the worst case says nothing of the scenarios outside its tail: a solver may leave demand unmet there
while stock lies beside it, and every figure that is a mean over scenarios would be off. Among the recourses of one plan that the objective
does not tell apart, the one of least mean cost is what a buyer would do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Param, Term
from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.optimodel.programs import with_integers_fixed
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["settled"]

#: weight of the mean cost beside the objective: small enough to decide between equals only, which is checked
_TIE: Final = 1e-4
_NO_WORSE: Final = 1e-7
_PROBABILITY: Final = "probability"


def settled(model: OptiModel, ground: GroundModel, solution: Solution, limits: SolveLimits, lent: Lent) -> Solution:
    """Return the solution with stage 1 and whole numbers as they are and the recourse of least mean cost.

    Unchanged for an objective that is a mean, where the program does not confirm the objective, and where somebody waits for the end.
    Law: it never gets worse.
    """
    if solution.x is None or solution.objective is None or "scenario" not in model.dims or model.robust.aggregation == "mean":
        return solution
    if solution.termination is Termination.INTERRUPTED:
        return solution
    fixed = _first_stage_fixed(model, with_integers_fixed(ground, solution.x), solution.x)
    tied = replace(fixed, cost=ground.cost + _TIE * _mean_cost(model, lent))
    again: Solution = lent.solve(tied, replace(limits, nodes=None, work=None, gap=0.0, duals=False))
    if again.status is not Status.OPTIMAL or again.x is None:
        return solution
    objective = float(ground.offset + ground.cost @ again.x)
    better = 1.0 if ground.sense == "min" else -1.0
    if better * (objective - solution.objective) > _NO_WORSE * (1.0 + abs(solution.objective)):
        return solution
    return replace(solution, x=again.x, objective=objective)


def _first_stage_fixed(model: OptiModel, program: GroundModel, x: np.ndarray) -> GroundModel:
    lower, upper = program.lower.copy(), program.upper.copy()
    decided = {v.name for v in model.vars if v.stage == 1}
    for block in program.columns:
        if block.name in decided:
            part = slice(block.start, block.stop)
            lower[part] = upper[part] = np.clip(x[part], program.lower[part], program.upper[part])
    return replace(program, lower=lower, upper=upper)


def _mean_cost(model: OptiModel, lent: Lent) -> np.ndarray:
    """Return each column's part (float64[n_cols]) in the mean over scenarios of what the objective sums up."""
    params = {_PROBABILITY: Param(("scenario",), model.probability), **model.params}
    terms = tuple(_mean(t) for t in model.terms)
    cost: np.ndarray = lent.ground(replace(model, params=params, terms=terms)).cost
    return cost


def _mean(term: Term) -> Term:
    return replace(term, expr=f"sum({_PROBABILITY} * ({term.raw or term.expr}), over=scenario)")

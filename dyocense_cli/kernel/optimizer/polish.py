"""Fix the integers of a plan and solve what is left as a linear program: exact integers, no worse cost, and prices.

A mixed-integer solver gives no shadow prices; the program with integers fixed does, and they are what one more unit of a limit is
worth while the whole-number choices stay.
"""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.optimodel.programs import with_integers_fixed
from dyocense_cli.ports import Solve, SolveLimits

__all__ = ["polish"]

_NO_WORSE = 1e-7


def polish(ground: GroundModel, solution: Solution, limits: SolveLimits, solve: Solve) -> Solution:
    """Return the solution with exact integers and with duals.

    Unchanged where the fixed program does not confirm it, and where somebody waits for the end.

    Law: the objective never gets worse.
    """
    if solution.x is None or solution.row_dual is not None or not limits.duals or solution.termination is Termination.INTERRUPTED:
        return solution
    again = solve(with_integers_fixed(ground, solution.x), replace(limits, nodes=None, work=None, gap=0.0))
    if again.status is not Status.OPTIMAL or again.x is None or again.objective is None:
        return solution
    better = 1.0 if ground.sense == "min" else -1.0
    assert solution.objective is not None
    if better * (again.objective - solution.objective) > _NO_WORSE * (1.0 + abs(solution.objective)):
        return replace(solution, row_dual=again.row_dual, col_dual=again.col_dual)
    bound = solution.bound
    if bound is not None and better * (bound - again.objective) > 0.0:
        bound = again.objective
    gap = relative_gap(again.objective, bound)
    status, termination = solution.status, solution.termination
    if gap is not None and gap <= 1e-6:
        status, termination = Status.OPTIMAL, Termination.PROVED
    return replace(
        solution,
        status=status,
        termination=termination,
        objective=again.objective,
        bound=bound,
        gap=gap,
        x=again.x,
        row_dual=again.row_dual,
        col_dual=again.col_dual,
    )

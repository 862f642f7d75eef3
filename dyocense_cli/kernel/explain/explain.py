"""Why this plan, or why none."""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Explanation, Plan
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.explain.binding import binding_rules, reduced_costs, relaxation
from dyocense_cli.kernel.explain.changes import Compared, alternatives, sensitivities
from dyocense_cli.kernel.explain.conflict import conflicts
from dyocense_cli.kernel.explain.nearest import nearest_way
from dyocense_cli.kernel.explain.probe import Prober
from dyocense_cli.kernel.explain.relax import ways
from dyocense_cli.kernel.explain.unbounded import ray
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.ports import Lent
from dyocense_cli.ports.guard import Guard

__all__ = ["explain"]

#: columns above which nothing is solved again to explain
_LARGE = 400_000


def explain(optimodel: OptiModel, solution: Solution, plan: Plan, *, lent: Lent) -> Explanation:
    """Return binding rules with prices, sensitivities and alternatives of a plan; or conflicts and ways out; or the unbounded direction.

    Every conflict is proved irreducible or marked unproven, every way is solved before it is suggested. Every question has counted limits;
    an explanation of which a clock cut a part is not reproducible.
    """
    guard = Guard()
    found = _explained(optimodel, solution, plan, guard.over(lent))
    return replace(found, reproducible=not guard.cut, notes=(*found.notes, *guard.said))


def _explained(optimodel: OptiModel, solution: Solution, plan: Plan, lent: Lent) -> Explanation:
    if solution.status is Status.INFEASIBLE:
        return _infeasible(optimodel, lent)
    if solution.status is Status.UNBOUNDED:
        return Explanation(unbounded_ray=ray(lent.ground(optimodel), lent))
    if solution.x is None:
        way = None if solution.nearest is None else nearest_way(optimodel, solution.nearest)
        stopped = f"no plan is held: the solver stopped at {solution.termination}"
        return Explanation(notes=(stopped,)) if way is None else Explanation(ways=(way,), notes=(stopped, solution.raw_status))
    ground = lent.ground(optimodel)
    values = split_columns(optimodel, solution.x)
    if solution.x.size > _LARGE:
        note = f"the model has {solution.x.size} columns: nothing was solved again to explain the plan"
        return Explanation(reduced_costs=reduced_costs(optimodel, ground, solution, solution), notes=(note,))
    relaxed, said = relaxation(ground, solution, lent)
    compared = Compared(optimodel, ground, solution, relaxed, lent)
    binding, notes = binding_rules(optimodel, ground, solution, relaxed, lent=lent)
    if relaxed.objective is None:
        notes = (*notes, f"the linear relaxation was not solved in counted work ({relaxed.termination}): it gives no prices here")
    changes, unsaid = sensitivities(optimodel, compared, values)
    return Explanation(
        binding=binding,
        reduced_costs=reduced_costs(optimodel, ground, solution, relaxed),
        sensitivities=changes,
        alternatives=alternatives(optimodel, compared, plan),
        notes=(*said, *notes, *unsaid),
    )


def _infeasible(model: OptiModel, lent: Lent) -> Explanation:
    prober = Prober(lent.ground(model), lent)
    found = conflicts(model, prober)
    out = ways(model, prober)
    notes: tuple[str, ...] = ()
    if not found:
        notes = ("no set of rules could be proved to be in conflict within the limits of the probes",)
    if not any(w.verified for w in out):
        notes = (*notes, "no loosening of the rules that may be loosened was found to be enough")
    return Explanation(conflicts=found, ways=out, notes=notes)

"""The front between two aims: how much of one must be given up for the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule, Term
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns
from dyocense_cli.ports import Lent

__all__ = ["ParetoPoint", "pareto", "pareto_json"]

_CAP: Final = "pareto_most"
#: weight of the second aim while the first is minimised, relative: breaks ties without moving the first within its tolerance
_TIE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """One plan of the front: values of both aims, the cap on the second that it was found under (None at the first end), its gap."""

    values: Mapping[str, float]
    cap: float | None
    gap: float | None
    solution: Solution


def pareto(
    optimodel: OptiModel, aims: tuple[str, str], solver_options: SolverOptions, *, lent: Lent, points: int = 7
) -> tuple[ParetoPoint, ...]:
    """Return plans none of which is better in both aims, from the best in the first to the best in the second.

    The first aim is minimised (with all other terms of the goal but the second, at their weights) under caps on the second that are spread
    evenly between its values at both ends.

    Parameters
    ----------
    optimodel : OptiModel
        As compiled from the goal.
    aims : pair of str
        Two terms of its objective.
    solver_options : SolverOptions
        Limits of each solve.
    lent : Lent
        How to ground and solve.
    points : int
        Plans to look for, ends included, at least 2.

    Raises
    ------
    InputError
        DY2406 for an aim that is not a term of the objective.

    Notes
    -----
    The augmented ε-constraint method; Mavrotas, *Effective implementation of the ε-constraint method in multi-objective mathematical
    programming problems*, Applied Mathematics and Computation 213 (2009).
    """
    first, second = (_term(optimodel, name) for name in aims)
    main = _without(optimodel, second)
    ends = [_solved(main, None, solver_options, lent), _solved(_only(optimodel, second), None, solver_options, lent)]
    if ends[0] is None or ends[1] is None:
        return ()
    high, low = (_value(optimodel, s, second) for s in (ends[0], ends[1]))
    found = [_point(optimodel, first, second, ends[0], None)]
    for cap in np.linspace(high, low, max(2, points))[1:].tolist():
        capped = cap + 1e-6 * (1.0 + abs(cap))
        solution = _solved(main, (second, capped), solver_options, lent, start=found[-1].solution.x)
        if solution is not None:
            found.append(_point(optimodel, first, second, solution, capped))
    return _front(found, aims)


def _term(model: OptiModel, name: str) -> Term:
    for term in model.terms:
        if term.name == name:
            return term
    raise InputError("DY2406", f"the objective has no term `{name}`", hints="use two of " + ", ".join(t.name for t in model.terms))


def _without(model: OptiModel, second: Term) -> OptiModel:
    """Return the model whose objective has the second aim only to break ties."""
    scale = _TIE * max((abs(t.weight) for t in model.terms), default=1.0)
    return replace(model, terms=tuple(replace(t, weight=scale) if t.name == second.name else t for t in model.terms))


def _only(model: OptiModel, second: Term) -> OptiModel:
    terms = (replace(t, weight=1.0 if t.name == second.name else _TIE * t.weight) for t in model.terms)
    return replace(model, terms=tuple(terms))


def _solved(
    model: OptiModel, cap: tuple[Term, float] | None, options: SolverOptions, lent: Lent, *, start: np.ndarray | None = None
) -> Solution | None:
    if cap is not None:
        term, most = cap
        expr = f"{term.expr} <= {_CAP}" if model.sense == "min" else f"{term.expr} >= {_CAP}"
        rule = Rule(_CAP, (), expr, origin=_CAP, relax=None)
        model = replace(model, rules=(*model.rules, rule), params={**model.params, _CAP: Param((), np.array(most))})
    solution = solve_model(model, options, lent=lent, start=start)
    return None if solution.x is None else solution


def _value(model: OptiModel, solution: Solution, term: Term) -> float:
    assert solution.x is not None
    return Evaluator(model, split_columns(model, solution.x)).scalar(term.expr)


def _point(model: OptiModel, first: Term, second: Term, solution: Solution, cap: float | None) -> ParetoPoint:
    values = {t.name: _value(model, solution, t) for t in (first, second)}
    return ParetoPoint(values, cap, solution.gap, solution)


def _front(found: list[ParetoPoint], aims: tuple[str, str]) -> tuple[ParetoPoint, ...]:
    """Return the points that no other one beats in both aims."""

    def beaten(p: ParetoPoint) -> bool:
        return any(
            all(q.values[a] <= p.values[a] + 1e-9 for a in aims) and any(q.values[a] < p.values[a] - 1e-9 for a in aims) for q in found
        )

    kept: list[ParetoPoint] = []
    for point in found:
        if not beaten(point) and all(any(abs(point.values[a] - q.values[a]) > 1e-9 for a in aims) for q in kept):
            kept.append(point)
    return tuple(kept)


def pareto_json(front: tuple[ParetoPoint, ...]) -> list[dict[str, object]]:
    """Return the front for programs: values of both aims, the cap, and the gap of each plan."""
    return [{"values": dict(p.values), "cap": p.cap, "gap": p.gap, "status": str(p.solution.status)} for p in front]

"""Solve through Pyomo: arrays become a ConcreteModel, and any solver that Pyomo knows may take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.appsi.solvers import Highs
from pyomo.core.expr import LinearExpression

from dyocense_cli.adapters.solver.children.talk import Question, Teller, converse

__all__ = ["concrete", "solve"]


def concrete(question: Question) -> pyo.ConcreteModel:
    """Return the arrays as a ConcreteModel: `x` over columns, `rows` over rows with at least one limit."""
    arrays = question.arrays
    model = pyo.ConcreteModel()
    n, m = arrays["cost"].size, arrays["row_lower"].size
    low, high = arrays["lower"].tolist(), arrays["upper"].tolist()
    whole = arrays["integrality"].astype(bool).tolist()
    model.x = pyo.Var(
        range(n),
        domain=lambda _, j: pyo.Integers if whole[j] else pyo.Reals,
        bounds=lambda _, j: (_finite(low[j]), _finite(high[j])),
    )
    cost = arrays["cost"].tolist()
    total = LinearExpression(constant=question.head["offset"], linear_coefs=cost, linear_vars=[model.x[j] for j in range(n)])
    model.total = pyo.Objective(expr=total, sense=pyo.minimize if question.head["sense"] == "min" else pyo.maximize)
    order = np.argsort(arrays["index"], kind="stable")
    row, column, value = arrays["index"][order], question.columns_of_entries[order].tolist(), arrays["value"][order].tolist()
    ends = np.searchsorted(row, np.arange(m + 1)).tolist()
    model.rows = pyo.ConstraintList()
    for i in range(m):
        bottom, top = _finite(float(arrays["row_lower"][i])), _finite(float(arrays["row_upper"][i]))
        if ends[i] == ends[i + 1] or (bottom is None and top is None):
            continue
        body = LinearExpression(linear_coefs=value[ends[i] : ends[i + 1]], linear_vars=[model.x[j] for j in column[ends[i] : ends[i + 1]]])
        model.rows.add(body == bottom if bottom == top else pyo.inequality(bottom, body, top))
    return model


def solve(question: Question, _: Teller | None) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
    """Return head and arrays of the result frame."""
    empty = np.bincount(question.arrays["index"], minlength=question.arrays["row_lower"].size) == 0
    if ((question.arrays["row_lower"] > 1e-9) | (question.arrays["row_upper"] < -1e-9))[empty].any():
        return {"status": "INFEASIBLE", "termination": "proved", "raw": "a row without variables does not hold"}, {}
    engine = question.head["engine"]
    if engine in ("auto", "appsi_highs"):
        return _with_highs(concrete(question), question)
    solver = pyo.SolverFactory(engine)
    if not solver.available(exception_flag=False):
        return {"unsupported": f"finds no solver `{engine}`"}, {}
    model = concrete(question)
    outcome = solver.solve(model, load_solutions=False)
    return _loaded(model, outcome, question, str(outcome.solver.termination_condition))


def _with_highs(model: Any, question: Question) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    head = question.head
    solver = Highs()
    solver.config.load_solution = False
    solver.config.time_limit = head["time_s"]
    solver.config.mip_gap = max(0.0, head["gap"])
    solver.highs_options = {"random_seed": int(head["seed"]) & 0x7FFFFFFF, "threads": 1}
    outcome = solver.solve(model)
    word = outcome.termination_condition.name
    if word == "infeasibleOrUnbounded":
        return _told_apart(question)
    if word in ("infeasible", "unbounded"):
        return {"status": word.upper(), "termination": "proved", "raw": word}, {}
    termination = {"optimal": "proved", "maxTimeLimit": "time_limit", "maxIterations": "work_limit"}.get(word, "numerical")
    if outcome.best_feasible_objective is None:
        return {"status": "ERROR", "termination": termination, "raw": word, "bound": outcome.best_objective_bound}, {}
    solver.load_vars()
    arrays = {"x": _values(model, question)}
    objective = float(question.arrays["cost"] @ arrays["x"] + head["offset"])
    bound = outcome.best_objective_bound
    if not question.arrays["integrality"].any():
        bound = objective if termination == "proved" else None
        if head["duals"] and termination == "proved":
            arrays |= _duals(solver, model, question)
    return {"status": "FEASIBLE", "termination": termination, "raw": word, "objective": objective, "bound": bound}, arrays


def _duals(solver: Any, model: Any, question: Question) -> dict[str, np.ndarray]:
    arrays = question.arrays
    used = np.bincount(arrays["index"], minlength=arrays["row_lower"].size) > 0
    kept = np.flatnonzero(used & (np.isfinite(arrays["row_lower"]) | np.isfinite(arrays["row_upper"])))
    prices, reduced = solver.get_duals(), solver.get_reduced_costs()
    rows = np.zeros(arrays["row_lower"].size)
    rows[kept] = [prices[model.rows[i + 1]] for i in range(kept.size)]
    return {"row_dual": rows, "col_dual": np.array([reduced[model.x[j]] for j in range(arrays["cost"].size)], dtype=np.float64)}


def _loaded(model: Any, outcome: Any, question: Question, word: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if word in ("infeasible", "unbounded"):
        return {"status": word.upper(), "termination": "proved", "raw": word}, {}
    if not len(outcome.solution):
        return {"status": "ERROR", "termination": "time_limit" if "Time" in word else "numerical", "raw": word}, {}
    model.solutions.load_from(outcome)
    x = _values(model, question)
    objective = float(question.arrays["cost"] @ x + question.head["offset"])
    bound = outcome.problem.lower_bound if question.head["sense"] == "min" else outcome.problem.upper_bound
    proved = word == "optimal"
    bound = objective if proved and not question.arrays["integrality"].any() else (float(bound) if bound is not None else None)
    return {
        "status": "FEASIBLE",
        "termination": "proved" if proved else "time_limit",
        "raw": word,
        "objective": objective,
        "bound": bound,
    }, {"x": x}


def _told_apart(question: Question) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Solve without costs: feasible means that it was unbounded."""
    arrays = {**question.arrays, "cost": np.zeros_like(question.arrays["cost"])}
    head, _ = solve(Question(question.head, arrays), None)
    return {"status": "UNBOUNDED" if head["status"] == "FEASIBLE" else "INFEASIBLE", "termination": "proved", "raw": head["raw"]}, {}


def _values(model: Any, question: Question) -> np.ndarray:
    return np.array([pyo.value(model.x[j], exception=False) or 0.0 for j in range(question.arrays["cost"].size)], dtype=np.float64)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


if __name__ == "__main__":
    converse(solve)

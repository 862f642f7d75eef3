"""Solve with CP-SAT. Rows are scaled to whole coefficients; an integer without bounds gets some that no plan may touch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from ortools.sat.python import cp_model

from dyocense_cli.adapters.solver.children.talk import Question, Teller, converse, on_stop

__all__ = ["solve"]

#: stands for no bound; rows of a thousand such columns stay within 64 bits
_FAR: Final = 10**7
_POWERS: Final = tuple(10**p for p in range(7))


class _Watch(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # ortools has no types
    """Tells every better plan."""

    def __init__(self, variables: list[Any], teller: Teller) -> None:
        super().__init__()
        self.variables, self.teller = variables, teller

    def on_solution_callback(self) -> None:
        """Send the plan; stop when told to."""
        x = np.array([self.value(v) for v in self.variables], dtype=np.float64)
        self.teller.plan(float(self.objective_value), float(self.best_objective_bound), x)
        if self.teller.stopped.is_set():
            self.stop_search()


def solve(question: Question, teller: Teller) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
    """Return head and arrays of the result frame."""
    model = cp_model.CpModel()
    variables = _variables(model, question)
    _rows(model, variables, question)
    arrays, head = question.arrays, question.head
    objective = cp_model.LinearExpr.weighted_sum(variables, arrays["cost"].tolist()) + head["offset"]
    if head["sense"] == "min":
        model.minimize(objective)
    else:
        model.maximize(objective)
    if question.hint is not None:
        for variable, value in zip(variables, question.hint, strict=True):
            if np.isfinite(value):
                model.add_hint(variable, round(float(value)))
    solver = cp_model.CpSolver()
    _parameters(solver.parameters, head)
    on_stop(teller, solver.stop_search)
    status = solver.solve(model, _Watch(variables, teller))
    return _result(solver, status, variables, question)


def _variables(model: Any, question: Question) -> list[Any]:
    low = np.ceil(np.maximum(question.arrays["lower"], -_FAR) - 1e-9).astype(int).tolist()
    high = np.floor(np.minimum(question.arrays["upper"], _FAR) + 1e-9).astype(int).tolist()
    return [
        model.new_int_var(a, b, "") if a <= b else model.new_int_var_from_domain(cp_model.Domain.from_values([]), "")
        for a, b in zip(low, high, strict=True)
    ]


def _rows(model: Any, variables: list[Any], question: Question) -> None:
    arrays = question.arrays
    order = np.argsort(arrays["index"], kind="stable")
    row, column, value = arrays["index"][order], question.columns_of_entries[order], arrays["value"][order]
    ends = np.searchsorted(row, np.arange(arrays["row_lower"].size + 1))
    for i, (low, high) in enumerate(zip(arrays["row_lower"].tolist(), arrays["row_upper"].tolist(), strict=True)):
        part = slice(ends[i], ends[i + 1])
        scale = next(p for p in _POWERS if np.allclose(value[part] * p, np.rint(value[part] * p), rtol=1e-12, atol=1e-6))
        whole = np.rint(value[part] * scale).astype(int).tolist()
        bottom = -(2**60) if np.isneginf(low) else int(np.ceil(low * scale - 1e-6))
        top = 2**60 if np.isposinf(high) else int(np.floor(high * scale + 1e-6))
        if bottom > top:  # no whole number lies between the limits
            model.add_bool_or([])
            continue
        expression = cp_model.LinearExpr.weighted_sum([variables[j] for j in column[part].tolist()], whole)
        model.add_linear_constraint(expression, bottom, top)


def _parameters(parameters: Any, head: Mapping[str, Any]) -> None:
    parameters.num_workers = head["threads"]
    parameters.random_seed = int(head["seed"]) & 0x7FFFFFFF
    parameters.relative_gap_limit = max(0.0, head["gap"])
    parameters.interleave_search = head["threads"] > 1  # several workers, yet the same answer every time
    if head["time_s"] is not None:
        parameters.max_time_in_seconds = head["time_s"]
    if head["work"] is not None:
        parameters.max_deterministic_time = head["work"]


def _result(solver: Any, status: Any, variables: list[Any], question: Question) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    head = question.head
    raw = solver.status_name(status)
    if status == cp_model.MODEL_INVALID:
        return {"unsupported": "refuses the model: its coefficients or bounds are too large for 64-bit arithmetic"}, {}
    if status == cp_model.INFEASIBLE:
        return {"status": "INFEASIBLE", "termination": "proved", "raw": raw}, {}
    limit = "work_limit" if head["work"] is not None and (head["time_s"] is None or solver.wall_time < head["time_s"]) else "time_limit"
    if status == cp_model.UNKNOWN:
        return {"status": "ERROR", "termination": limit, "raw": raw, "bound": float(solver.best_objective_bound)}, {}
    x = np.array([solver.value(v) for v in variables], dtype=np.float64)
    far = np.abs(x) >= _FAR
    open_ended = far & (np.isinf(question.arrays["lower"]) | np.isinf(question.arrays["upper"]))
    if open_ended.any():
        return {"unsupported": f"needs bounds: variable {int(np.argmax(open_ended))} has none and its best value is beyond {_FAR}"}, {}
    objective = float(question.arrays["cost"] @ x + head["offset"])
    termination = "proved" if status == cp_model.OPTIMAL else limit
    bound = float(solver.best_objective_bound)
    better = min if head["sense"] == "min" else max
    if abs(bound - objective) <= 1e-6 * max(1.0, abs(objective)):
        bound = objective  # the bound is that of the scaled objective
    return {
        "status": "FEASIBLE",
        "termination": termination,
        "raw": raw,
        "objective": objective,
        "bound": better(bound, objective),
        "threads": head["threads"],
    }, {"x": x}


if __name__ == "__main__":
    converse(solve)

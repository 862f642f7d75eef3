"""Solve with MathOpt. The model goes in as one proto of arrays."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from ortools.util.python import solve_interrupter

from dyocense_cli.adapters.solver.children.talk import Question, Teller, converse, on_stop

__all__ = ["solve"]

_REASON = mathopt.TerminationReason
#: engines that take a number of threads; measured: a given number gives the same bytes each time, also on a loaded machine
_THREADED: Final = ("gscip", "cp_sat", "pdlp", "gurobi")


def solve(question: Question, teller: Teller) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
    """Return head and arrays of the result frame."""
    model = mathopt.Model.from_model_proto(_proto(question))
    head = question.head
    is_mip = bool(question.arrays["integrality"].any())
    engine = head["engine"] if head["engine"] != "auto" else ("gscip" if is_mip else "glop")
    kind = getattr(mathopt.SolverType, engine.upper(), None)
    if kind is None:
        return {"unsupported": f"knows no engine `{engine}`"}, {}
    if is_mip and engine in ("glop", "pdlp"):
        return {"unsupported": f"with engine `{engine}` takes continuous variables only"}, {}
    interrupter = solve_interrupter.SolveInterrupter()
    on_stop(teller, interrupter.interrupt)
    try:
        result = mathopt.solve(model, kind, params=_parameters(head, engine), model_params=_start(model, question), interrupter=interrupter)
    except Exception as error:
        said = str(error.__context__ or error)
        if "invalid PrimalSolutionProto.objective_value" in said:  # gSCIP holds a ray for a solution and its status is refused
            return _told_apart(question, said)
        raise RuntimeError(said) from error  # MathOpt 9.15 hides its message behind an AttributeError
    answer, arrays = _answer(result, question, is_mip)
    return {**answer, "threads": head["threads"] if engine in _THREADED else 1}, arrays


def _proto(question: Question) -> Any:
    arrays, head = question.arrays, question.head
    proto = model_pb2.ModelProto()
    n, m = arrays["cost"].size, arrays["row_lower"].size
    proto.variables.ids.extend(range(n))
    proto.variables.lower_bounds.extend(arrays["lower"].tolist())
    proto.variables.upper_bounds.extend(arrays["upper"].tolist())
    proto.variables.integers.extend(arrays["integrality"].astype(bool).tolist())
    proto.linear_constraints.ids.extend(range(m))
    proto.linear_constraints.lower_bounds.extend(arrays["row_lower"].tolist())
    proto.linear_constraints.upper_bounds.extend(arrays["row_upper"].tolist())
    order = np.lexsort([question.columns_of_entries, arrays["index"]])
    proto.linear_constraint_matrix.row_ids.extend(arrays["index"][order].tolist())
    proto.linear_constraint_matrix.column_ids.extend(question.columns_of_entries[order].tolist())
    proto.linear_constraint_matrix.coefficients.extend(arrays["value"][order].tolist())
    proto.objective.maximize = head["sense"] == "max"
    proto.objective.offset = head["offset"]
    used = np.flatnonzero(arrays["cost"])
    proto.objective.linear_coefficients.ids.extend(used.tolist())
    proto.objective.linear_coefficients.values.extend(arrays["cost"][used].tolist())
    return proto


def _parameters(head: Mapping[str, Any], engine: str) -> Any:
    parameters = mathopt.SolveParameters()
    if engine != "pdlp":  # which has no chance in it, and refuses a seed
        parameters.random_seed = int(head["seed"]) & 0x7FFFFFFF
    if head["time_s"] is not None:
        parameters.time_limit = datetime.timedelta(seconds=head["time_s"])
    if engine in ("gscip", "cp_sat", "highs", "gurobi"):
        parameters.relative_gap_tolerance = max(0.0, head["gap"])
    if head["nodes"] is not None:
        parameters.node_limit = head["nodes"]
    if engine in _THREADED:
        parameters.threads = head["threads"]
    if engine == "cp_sat":
        parameters.cp_sat.interleave_search = head["threads"] > 1  # several workers, yet the same answer every time
    return parameters


def _start(model: Any, question: Question) -> Any:
    if question.hint is None or not question.arrays["integrality"].any():
        return mathopt.ModelSolveParameters()
    known = {v: float(question.hint[v.id]) for v in model.variables() if np.isfinite(question.hint[v.id])}
    return mathopt.ModelSolveParameters(solution_hints=[mathopt.SolutionHint(variable_values=known)])


def _answer(result: Any, question: Question, is_mip: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    reason = result.termination.reason
    raw = f"{reason.name} {result.termination.detail}".strip()
    if reason in (_REASON.INFEASIBLE, _REASON.UNBOUNDED):
        return {"status": reason.name, "termination": "proved", "raw": raw}, {}
    if reason == _REASON.INFEASIBLE_OR_UNBOUNDED:
        return _told_apart(question, raw)
    termination = _termination(result, reason)
    bounds = result.termination.objective_bounds
    bound = bounds.dual_bound if np.isfinite(bounds.dual_bound) else None
    if not result.has_primal_feasible_solution():
        return {"status": "ERROR", "termination": termination, "raw": raw, "bound": bound}, {}
    values = result.variable_values()
    x = np.zeros(question.arrays["cost"].size)
    for variable, value in values.items():
        x[variable.id] = value
    objective = float(question.arrays["cost"] @ x + question.head["offset"])
    if termination == "proved" and (not is_mip or bound is None or abs(bound - objective) <= 1e-6 * max(1.0, abs(objective))):
        bound = objective
    arrays = {"x": x} | (_duals(result, question) if not is_mip and question.head["duals"] else {})
    return {"status": "FEASIBLE", "termination": termination, "raw": raw, "objective": objective, "bound": bound}, arrays


def _termination(result: Any, reason: Any) -> str:
    if reason == _REASON.OPTIMAL:
        return "proved"
    limit = result.termination.limit
    name = limit.name if limit is not None else ""
    known = {"TIME": "time_limit", "NODE": "node_limit", "ITERATION": "work_limit", "MEMORY": "memory_limit", "INTERRUPTED": "interrupted"}
    return known.get(name, "numerical")


def _duals(result: Any, question: Question) -> dict[str, np.ndarray]:
    if not result.has_dual_feasible_solution():
        return {}
    rows, columns = np.zeros(question.arrays["row_lower"].size), np.zeros(question.arrays["cost"].size)
    for row, value in result.dual_values().items():
        rows[row.id] = value
    for variable, value in result.reduced_costs().items():
        columns[variable.id] = value
    return {"row_dual": rows, "col_dual": columns}


def _told_apart(question: Question, raw: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Solve without costs: feasible means that it was unbounded."""
    arrays = {**question.arrays, "cost": np.zeros_like(question.arrays["cost"])}
    model = mathopt.Model.from_model_proto(_proto(Question(question.head, arrays)))
    result = mathopt.solve(model, mathopt.SolverType.GSCIP)
    status = "UNBOUNDED" if result.has_primal_feasible_solution() else "INFEASIBLE"
    return {"status": status, "termination": "proved", "raw": raw}, {}


if __name__ == "__main__":
    converse(solve)

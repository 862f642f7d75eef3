"""The metrics of a run: recorded once per stage that ran, never for what was cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dyocense_cli.ports import Telemetry
    from dyocense_cli.runner.execute import Execution

__all__ = ["STATUS_CODES", "record_metrics"]

#: Values of the metric `status_code`.
STATUS_CODES: Final = {"OPTIMAL": 0, "FEASIBLE": 1, "INFEASIBLE": 2, "UNBOUNDED": 3, "ERROR": 4, "DENIED": 5}


def record_metrics(execution: Execution, telemetry: Telemetry, *, status: str) -> None:
    """Record solver_wall_time (s), mip_gap, status_code, forecast_rmse, scenario_count and evidence_write_ms."""
    goal = execution.held["goal"].value.id
    ran = {name for name, state in execution.states.items() if state == "run"}
    if "solve" in ran:
        solution = execution.held["solution"].value
        telemetry.metric("solver_wall_time", execution.seconds["solve"], goal_id=goal, backend=solution.backend)
        if solution.gap is not None:
            telemetry.metric("mip_gap", solution.gap, goal_id=goal)
    if "forecast" in ran and "rmse" in (scores := execution.held["forecast_set"].value.scores):
        telemetry.metric("forecast_rmse", scores["rmse"], goal_id=goal)
    if "sample" in ran:
        telemetry.metric("scenario_count", float(len(execution.held["scenario_set"].value.scenario_ids)), goal_id=goal)
    if "evidence" in ran:
        telemetry.metric("evidence_write_ms", 1000 * (execution.seconds["evidence"] + execution.seconds.get("write", 0.0)), goal_id=goal)
    telemetry.metric("status_code", float(STATUS_CODES.get(status, 4)), goal_id=goal)

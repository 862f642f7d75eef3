"""The process that computes one run: reads its job from standard input, prints events and its outcome as JSON lines.

Runs inside the sandbox, with the tenant's folder as its only writable place. Killed at any instant, it leaves whole artifacts in the
tenant's stage cache, so that the next attempt begins at the first stage that is not stored.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import DyocenseError
from dyocense_cli.runner.metrics import STATUS_CODES
from dyocense_cli.runner.patience import Elsewhere, Stopped, leave
from dyocense_cli.runner.views import finite
from dyocense_cli.serve.apart import Lender, programs
from dyocense_cli.serve.childforecast import forecast, forecasts, shard, take_apart
from dyocense_cli.serve.childwork import StoppedError, Watcher, denied, figures_of, kernel_of, order_of, say, write
from dyocense_cli.serve.says import describe

if TYPE_CHECKING:
    from dyocense_cli.ports import SolveEvent
    from dyocense_cli.runner.run import Kernel

__all__ = ["main"]


def _plan(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    kernel, order = order_of(job, watcher)
    take_apart(job, kernel, order, watcher)
    Lender(job, kernel)
    result = kernel.plan(order)
    status, termination = result.status
    document: dict[str, Any] = {}
    if "solution.json" in kernel.runs.names(result.run_id):
        document = json.loads(kernel.runs.read(result.run_id, "solution.json"))
    document |= {
        "kernel_run_id": result.run_id,
        "run_fingerprint": result.fingerprint,
        "status": status,
        "termination": termination,
        "fingerprints": dict(result.prints),
        "evidence": {"evidence_ref": result.evidence_ref, "snapshot_hash": result.snapshot_hash},
        "warnings": list(result.execution.memo.warnings),
        "cached": result.all_cached,
    }
    for name in ("admission", "verdict"):
        answer = result.value(name)
        if answer is not None and answer.findings:
            document.setdefault("findings", []).extend({"id": f.id, "severity": f.severity, "message": f.message} for f in answer.findings)
    return document, {**figures_of(result.execution, watcher), "status_code": float(STATUS_CODES.get(status, 4))}


def _compile(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.pipeline import COMPILE

    body = dict(job["body"])
    scenarios = body.pop("scenarios", None)
    goal = dict(body["goal_dsl"])
    if isinstance(scenarios, Mapping) and scenarios.get("scenarios"):
        name = write(Path(job["folder"]), "scenarios.json", scenarios)
        goal["forecast"] = {**(goal.get("forecast") or {}), "scenarios": name}
    kernel, order = order_of({**job, "body": {**body, "goal_dsl": goal}}, watcher)
    execution = kernel.run(order, COMPILE)
    held = execution.held.get("optimodel")
    if held is None:
        raise denied(execution)
    model = held.value
    document, arrays = resolve("optimodel.shape:optimodel_json")(model, source={}, versions={"dyocense-cli": kernel.house.version})
    document["arrays"] = {sha: {"shape": list(a.shape), "data": finite(a.reshape(-1).tolist())} for sha, a in sorted(arrays.items())}
    hints = {"track": list(model.hints.track), "sensitivities": list(model.hints.sensitivities)}
    return {"optimodel": document, "hints": hints, "optimodel_sha": held.fingerprint}, figures_of(execution, watcher)


def _solve(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    import numpy as np

    from dyocense_cli.artifacts.goal import SolverOptions
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.order import Order

    body = job["body"]
    document = dict(body["optimodel"])
    raw = document.pop("arrays", None) or {}
    arrays = {
        str(sha): np.array([np.nan if v is None else v for v in a["data"]], dtype=np.float64).reshape(a["shape"]) for sha, a in raw.items()
    }
    model = resolve("optimodel.shape:optimodel_from_json")(document, arrays)
    kernel = kernel_of(job, job["folder"], watcher)
    Lender(job, kernel)
    seed = int(body.get("seed") or 0)
    limit = min(float(body.get("time_limit_sec", 20)), float(job["time_limit_s"]))
    options = kernel.resolve_solver(SolverOptions("auto", limit, float(body.get("mip_gap", 0.02)), 1, seed), job["tier"])
    lent = kernel.ports(Order(goal=""), watcher, _progress(kernel, watcher)).lent()
    begin = time.perf_counter()
    watcher.started("solve")
    with kernel.telemetry.span("kernel.solve"):
        solution = resolve("kernel.optimizer.drive:solve_model")(model, options, lent=lent)
    watcher.ended("solve", "run", time.perf_counter() - begin)
    report = resolve("kernel.check.check:check")(model, solution)
    plan = resolve("kernel.plan.interpret:interpret")(model, solution, report)
    answer = resolve("kernel.plan.shape:solution_json")(plan, solution, None, None)
    figures = {"solver_wall_time": watcher.seconds["solve"], "variables": float(solution.x.size) if solution.x is not None else 0.0}
    if solution.gap is not None:
        figures["mip_gap"] = float(solution.gap)
    return answer, figures


def _progress(kernel: Kernel, watcher: Watcher) -> Callable[[SolveEvent], bool]:
    def moved(event: SolveEvent) -> bool:
        watcher.solving(event)
        return kernel.interrupted()

    return moved


def _shard(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Do a part of a run: SKUs to forecast, or programs to solve."""
    from dyocense_cli.runner.order import Order

    if job["body"]["part"]["kind"] == "skus":
        return shard(job, watcher)
    kernel = kernel_of(job, job["folder"], watcher)
    with kernel.telemetry.span("kernel.solve"):
        return programs(job, kernel, kernel.ports(Order(goal=""), watcher, _progress(kernel, watcher)).lent(), watcher)


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any], Watcher], tuple[dict[str, Any], dict[str, float]]]]] = {
    "plan": _plan,
    "forecast": forecast,
    "forecasts": forecasts,
    "shard": _shard,
    "compile": _compile,
    "solve": _solve,
}


def main() -> int:
    """Do the job on standard input; 0 with a result, 1 with a problem. Both are printed as the last line."""
    job = json.loads(sys.stdin.buffer.read())
    watcher = Watcher(Path(job["folder"]), gate=bool(job.get("gate")))
    try:
        result, figures = _KINDS[job["kind"]](job, watcher)
    except (StoppedError, Stopped):
        return 1
    except Elsewhere as left:
        watcher.ended("parts", "run", 0.0, f"{len(left.parts)} parts")
        result, figures = {"parts": left.parts}, {"spent_s": left.spent_s}
    except DyocenseError as error:
        say("outcome", problem={**describe(error), "status": error.http_status}, figures={})
        return 1
    except Exception as error:
        say(
            "outcome",
            problem={
                "code": "DY9001",
                "detail": f"a bug of this program: {type(error).__name__}: {str(error)[:300]}",
                "hints": [],
                "status": 500,
            },
            figures={},
        )
        raise
    say("outcome", result=finite(result), figures=figures)
    return 0


if __name__ == "__main__":
    leave(main())

"""The process that computes one run: reads its job from standard input, prints events and its outcome as JSON lines.

Runs inside the sandbox, with the tenant's folder as its only writable place. Killed at any instant, it leaves whole artifacts in the
tenant's stage cache, so that the next attempt begins at the first stage that is not stored.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import AccessError, DyocenseError, InputError
from dyocense_cli.runner.metrics import STATUS_CODES
from dyocense_cli.runner.patience import Stopped, leave
from dyocense_cli.runner.views import finite
from dyocense_cli.serve.job import SHARED
from dyocense_cli.serve.packs import Packer
from dyocense_cli.serve.says import describe
from dyocense_cli.serve.scenarios import split, together
from dyocense_cli.settings import OPTIONS, Settings

if TYPE_CHECKING:
    from dyocense_cli.ports import SolveEvent
    from dyocense_cli.runner.run import Kernel

__all__ = ["main"]

_EVENT_EVERY_S: Final = 0.5
_GATE_POLL_S: Final = 0.005
_BEFORE_SOLVE: Final = frozenset({"bind", "lint", "admit", "ask_forecast", "ask_sample", "forecast", "sample", "compile", "solve"})


def _say(what: str, **data: object) -> None:
    sys.stdout.write(json.dumps({"what": what, **data}, sort_keys=True, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


class _StoppedError(Exception):
    """The run was cancelled before its solve began."""


class _Watcher:
    """Tells of stages and of a solve's progress, at most twice a second; with a gate, waits before the solve for the worker's ``go``."""

    def __init__(self, folder: Path, *, gate: bool = False) -> None:
        self._stop = folder / "stop"
        self._go = folder / "go" if gate else None
        self.packer: Packer | None = None
        self.seconds: dict[str, float] = {}
        self.cached = 0
        self.stages = 0
        self._last = -_EVENT_EVERY_S

    def started(self, stage: str) -> None:
        """Tell that a stage begins; before the solve there is nothing to keep, so a stop ends the job here."""
        if stage in _BEFORE_SOLVE and self._stop.exists():
            raise _StoppedError
        _say("stage", stage=stage, state="begin", pack=self._pack(stage) if stage == "solve" else "")
        while stage == "solve" and self._go is not None and not self._go.exists():
            if self._stop.exists():
                raise _StoppedError
            time.sleep(_GATE_POLL_S)

    def _pack(self, stage: str) -> str:
        return self.packer.pack(stage) if self.packer is not None else ""

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Tell that a stage ended, and count it."""
        self.seconds[stage] = seconds
        self.stages += 1
        self.cached += state == "cached"
        _say("stage", stage=stage, state=state, seconds=round(seconds, 4), note=note, pack=self._pack(stage) if state == "run" else "")

    def solving(self, event: SolveEvent) -> None:
        """Tell how a solve moves."""
        if event.seconds - self._last >= _EVENT_EVERY_S:
            self._last = event.seconds
            _say(
                "solving",
                seconds=round(event.seconds, 2),
                objective=finite(event.objective),
                bound=finite(event.bound),
                gap=finite(event.gap),
            )


def _settings(job: Mapping[str, Any], root: str) -> Settings:
    values = {o.name: o.default for o in OPTIONS} | dict(job["settings"])
    values |= {"store": job["store"], "cache": job["cache"], "tenant_id": job["tenant_id"], "tier": job["tier"]}
    values |= {"graph": "none"}  # the worker writes evidence: this process has no network, and tells its spans
    return Settings(values, dict.fromkeys(values, "service"), root)


def _kernel(job: Mapping[str, Any], root: str, watcher: _Watcher) -> Kernel:
    from dyocense_cli import wiring

    shared = tuple(str(Path(job["project"]) / name) for name in SHARED)
    folder = Path(job["folder"])
    kernel = wiring.build(_settings(job, root), allow=shared, observer=watcher, interrupted=(folder / "stop").exists)
    if job.get("shelve"):
        watcher.packer = Packer(kernel.memo, folder)
    return kernel


def _write(folder: Path, name: str, value: Any) -> str:
    """Write a JSON document (JSON is YAML) into the job's folder and return its name."""
    (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return name


def _goal_of(job: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return (root, goal file, context file) of a request; writes what came inline."""
    body, folder = job["body"], Path(job["folder"])
    root, goal = str(folder), "goal.yaml"
    if body.get("goal_dsl") is None:
        found = _goal_file(Path(job["project"]), body["goal_id"])
        root, goal = job["project"], found
    else:
        _write(folder, goal, body["goal_dsl"])
        for name in SHARED:  # so that an inline goal may say `model: goals/models/own.yaml`
            (folder / name).symlink_to(Path(job["project"]) / name)
    context = None
    if body.get("context"):
        context = (
            str(folder / _write(folder, "context.yaml", body["context"]))
            if root != str(folder)
            else _write(folder, "context.yaml", body["context"])
        )
    elif body.get("context_ref"):
        context = _shared_name(Path(job["project"]), body["context_ref"], root)
    return root, goal, context


def _goal_file(project: Path, goal_id: str) -> str:
    for ending in (".yaml", ".yml", ".json"):
        if (project / "goals" / f"{goal_id}{ending}").is_file():
            return f"goals/{goal_id}{ending}"
    known = sorted(p.stem for p in (project / "goals").glob("*.y*ml"))
    raise InputError("DY2002", f"no goal is named `{goal_id}`", hints="use one of " + ", ".join(known) if known else "send goal_dsl")


def _shared_name(project: Path, reference: str, root: str) -> str:
    """Return a context file of the project by reference, which may not leave the project's shared folders."""
    full = Path(os.path.realpath(project / reference))
    for name in (reference, f"{reference}/context.yaml", f"contexts/{reference}.yaml", f"fixtures/{reference}/context.yaml"):
        full = Path(os.path.realpath(project / name))
        if full.is_file() and any(full.is_relative_to(os.path.realpath(project / s)) for s in SHARED):
            return full.relative_to(os.path.realpath(root)).as_posix() if full.is_relative_to(os.path.realpath(root)) else str(full)
    raise InputError("DY2002", f"no context is named `{reference}`", hints="name a context file below fixtures/ or contexts/")


def _overrides(job: Mapping[str, Any]) -> dict[str, str]:
    body = job["body"]
    out = {str(k): json.dumps(v) if isinstance(v, bool) else str(v) for k, v in (body.get("overrides") or {}).items()}
    if body.get("scenarios") and isinstance(body["scenarios"], int):
        out["forecast.num_scenarios"] = str(body["scenarios"])
    if body.get("seed") is not None:
        out["forecast.seed"] = str(body["seed"])
    if body.get("variant"):
        out["variant"] = str(body["variant"])
    return out


def _capped(job: Mapping[str, Any], kernel: Kernel, goal: str, overrides: dict[str, str]) -> dict[str, str]:
    """Hold a goal's own scenarios and time limit to what its tenant may use."""
    from dyocense_cli.runner.sources import Sources

    held, _ = Sources(kernel.workspace, kernel.memo, kernel.house.version).goal(goal, overrides)
    spec = held.value
    if spec.forecast.num_scenarios > job["scenarios"]:
        overrides["forecast.num_scenarios"] = str(job["scenarios"])
        if spec.forecast.reduce is not None and spec.forecast.reduce.to > job["scenarios"]:
            overrides["forecast.reduce.to"] = str(job["scenarios"])
    if spec.solver.time_limit_s > job["time_limit_s"] or job["body"].get("time_limit_s"):
        overrides["solver.time_limit"] = f"{job['time_limit_s']:g} s"
    return overrides


def _order(job: Mapping[str, Any], watcher: _Watcher) -> tuple[Kernel, Any]:
    from dyocense_cli.runner.order import Order

    root, goal, context = _goal_of(job)
    kernel = _kernel(job, root, watcher)
    overrides = _capped(job, kernel, goal, _overrides(job))
    return kernel, Order(goal=goal, overrides=overrides, context=context, run_id=job["run_id"] if job["kind"] == "plan" else "")


def _plan(job: Mapping[str, Any], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    kernel, order = _order(job, watcher)
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
    return document, {**_figures(result.execution, watcher), "status_code": float(STATUS_CODES.get(status, 4))}


def _figures(execution: Any, watcher: _Watcher) -> dict[str, float]:
    """Return the figures of an execution that estimates, budgets and dashboards use."""
    held = {name: one.value for name, one in execution.held.items() if name in ("solution", "scenario_set", "optimodel", "forecast_set")}
    seconds = watcher.seconds
    out = {
        "compile_s": seconds.get("compile", 0.0),
        "forecast_s": seconds.get("forecast", 0.0) + seconds.get("sample", 0.0),
        "solver_wall_time": seconds.get("solve", 0.0) + seconds.get("stress", 0.0) + seconds.get("explain", 0.0),
        "stages": float(watcher.stages),
        "cache_hits": float(watcher.cached),
    }
    solution = held.get("solution")
    if solution is not None:
        out["variables"] = float(solution.x.size) if solution.x is not None else 0.0
        out["constraints"] = float(solution.row_dual.size) if solution.row_dual is not None else out["variables"]
        if solution.gap is not None:
            out["mip_gap"] = float(solution.gap)
    if held.get("scenario_set") is not None:
        out["scenario_count"] = float(len(held["scenario_set"].scenario_ids))
    if held.get("forecast_set") is not None and "rmse" in held["forecast_set"].scores:
        out["forecast_rmse"] = float(held["forecast_set"].scores["rmse"])
    return {k: v for k, v in out.items() if finite(v) is not None}


def _forecast(job: Mapping[str, Any], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    return _scenarios(*_scenario_order(job, watcher), job["body"]["skus"], watcher)


def _scenarios(kernel: Kernel, order: Any, skus: list[str], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.pipeline import FORECAST

    execution = kernel.run(order, FORECAST)
    held = execution.held.get("scenario_set")
    if held is None:
        raise _denied(execution)
    document = resolve("kernel.scenarios.shape:scenario_json")(held.value)
    return together(split(document), skus), _figures(execution, watcher)


def _scenario_order(job: Mapping[str, Any], watcher: _Watcher) -> tuple[Kernel, Any]:
    """Return the kernel and the order of a goal that has nothing but a horizon to forecast."""
    body = dict(job["body"])
    if not body.get("context") and not body.get("context_ref"):
        raise InputError(
            "DY2002", "a forecast needs `context` or `context_ref`: the histories come from there", hints="context_ref: fixtures/grocery"
        )
    goal = {
        "dsl": "goal/v1",
        "id": "forecast",
        "model": "replenishment",
        "context": "context.yaml",
        "horizon": {"periods": body["horizon"], "every": "week"},
        "forecast": {"model": body.get("model", "auto"), "num_scenarios": body["num_scenarios"], "seed": body.get("seed", 424242)},
        "objective": {"cost": 1.0},
    }
    return _order({**job, "body": {"goal_dsl": goal, "context": body.get("context"), "context_ref": body.get("context_ref")}}, watcher)


def _denied(execution: Any) -> AccessError:
    """Return the denial of an execution that policy stopped, with its first reason."""
    admission = execution.held["admission"].value
    first = next(f for f in admission.findings if f.severity == "error" and not f.waived)
    return AccessError("DY3010", f"policy denies it ({', '.join(admission.denied)}): {first.message}", hints=first.remediation)


def _forecasts(job: Mapping[str, Any], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Answer several requests; their series are forecast in one pass, after which each finds its own in the tenant's cache."""
    from dyocense_cli.runner.pipeline import FORECAST

    orders: dict[str, tuple[Kernel, Any]] = {}
    histories: list[Any] = []
    answers: dict[str, Any] = {}

    def each(answer: Callable[[Mapping[str, Any]], None]) -> None:
        for request in job["body"]["requests"]:
            if request["run_id"] in answers:
                continue
            try:
                answer(request)
            except DyocenseError as error:
                answers[request["run_id"]] = {"problem": {**describe(error), "status": error.http_status}}

    def ask(request: Mapping[str, Any]) -> None:
        folder = Path(job["folder"]) / request["run_id"]
        folder.mkdir()
        kernel, order = orders[request["run_id"]] = _scenario_order({**job, **request, "folder": str(folder)}, watcher)
        held = kernel.run(order, FORECAST, until="ask_forecast").held.get("forecast_request")
        histories.extend([] if held is None else [held.value])

    def draw(request: Mapping[str, Any]) -> None:
        result, figures = _scenarios(*orders[request["run_id"]], request["body"]["skus"], watcher)
        answers[request["run_id"]] = {"result": finite(result), "figures": figures}

    each(ask)
    _in_one_pass(histories, _settings(job, job["folder"]))
    each(draw)
    return {"answers": answers}, {}


def _in_one_pass(requests: list[Any], settings: Settings) -> None:
    """Forecast every series of several requests at once, into the tenant's cache."""
    from dyocense_cli import wiring
    from dyocense_cli.runner.nouns import resolve

    for model in sorted({request.model for request in requests}):
        forecaster = wiring.kept_forecaster(settings, model)
        mine = [request for request in requests if request.model == model]
        for united in resolve("kernel.forecast.unite:unite")(mine, forecaster.name, most=forecaster.most):
            forecaster.forecast(united)


def _compile(job: Mapping[str, Any], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.pipeline import COMPILE

    body = dict(job["body"])
    scenarios = body.pop("scenarios", None)
    goal = dict(body["goal_dsl"])
    if isinstance(scenarios, Mapping) and scenarios.get("scenarios"):
        name = _write(Path(job["folder"]), "scenarios.json", scenarios)
        goal["forecast"] = {**(goal.get("forecast") or {}), "scenarios": name}
    kernel, order = _order({**job, "body": {**body, "goal_dsl": goal}}, watcher)
    execution = kernel.run(order, COMPILE)
    held = execution.held.get("optimodel")
    if held is None:
        raise _denied(execution)
    model = held.value
    document, arrays = resolve("optimodel.shape:optimodel_json")(model, source={}, versions={"dyocense-cli": kernel.house.version})
    document["arrays"] = {sha: {"shape": list(a.shape), "data": finite(a.reshape(-1).tolist())} for sha, a in sorted(arrays.items())}
    hints = {"track": list(model.hints.track), "sensitivities": list(model.hints.sensitivities)}
    return {"optimodel": document, "hints": hints, "optimodel_sha": held.fingerprint}, _figures(execution, watcher)


def _solve(job: Mapping[str, Any], watcher: _Watcher) -> tuple[dict[str, Any], dict[str, float]]:
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
    kernel = _kernel(job, job["folder"], watcher)
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


def _progress(kernel: Kernel, watcher: _Watcher) -> Callable[[SolveEvent], bool]:
    def moved(event: SolveEvent) -> bool:
        watcher.solving(event)
        return kernel.interrupted()

    return moved


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any], _Watcher], tuple[dict[str, Any], dict[str, float]]]]] = {
    "plan": _plan,
    "forecast": _forecast,
    "forecasts": _forecasts,
    "compile": _compile,
    "solve": _solve,
}


def main() -> int:
    """Do the job on standard input; 0 with a result, 1 with a problem. Both are printed as the last line."""
    job = json.loads(sys.stdin.buffer.read())
    watcher = _Watcher(Path(job["folder"]), gate=bool(job.get("gate")))
    try:
        result, figures = _KINDS[job["kind"]](job, watcher)
    except (_StoppedError, Stopped):
        return 1
    except DyocenseError as error:
        _say("outcome", problem={**describe(error), "status": error.http_status}, figures={})
        return 1
    except Exception as error:
        _say(
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
    _say("outcome", result=finite(result), figures=figures)
    return 0


if __name__ == "__main__":
    leave(main())

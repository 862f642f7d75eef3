"""What all kinds of jobs share inside the child: what it says, when it stops, its kernel, and what a request orders of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import AccessError, InputError
from dyocense_cli.runner.views import finite
from dyocense_cli.serve.job import SHARED
from dyocense_cli.serve.packs import Packer
from dyocense_cli.settings import OPTIONS, Settings

if TYPE_CHECKING:
    from dyocense_cli.ports import SolveEvent
    from dyocense_cli.runner.run import Kernel

__all__ = ["StoppedError", "Watcher", "denied", "figures_of", "kernel_of", "order_of", "say", "settings_of", "write"]

_EVENT_EVERY_S: Final = 0.5
_GATE_POLL_S: Final = 0.005
_BEFORE_SOLVE: Final = frozenset({"bind", "lint", "admit", "ask_forecast", "ask_sample", "forecast", "sample", "compile", "solve"})


def say(what: str, **data: object) -> None:
    """Print a line of JSON, at once."""
    sys.stdout.write(json.dumps({"what": what, **data}, sort_keys=True, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


class StoppedError(Exception):
    """The run was cancelled before its solve began."""


class Watcher:
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
            raise StoppedError
        say("stage", stage=stage, state="begin", pack=self._pack(stage) if stage == "solve" else "")
        while stage == "solve" and self._go is not None and not self._go.exists():
            if self._stop.exists():
                raise StoppedError
            time.sleep(_GATE_POLL_S)

    def _pack(self, stage: str) -> str:
        return self.packer.pack(stage) if self.packer is not None else ""

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Tell that a stage ended, and count it."""
        self.seconds[stage] = seconds
        self.stages += 1
        self.cached += state == "cached"
        say("stage", stage=stage, state=state, seconds=round(seconds, 4), note=note, pack=self._pack(stage) if state == "run" else "")

    def solving(self, event: SolveEvent) -> None:
        """Tell how a solve moves."""
        if event.seconds - self._last >= _EVENT_EVERY_S:
            self._last = event.seconds
            say(
                "solving",
                seconds=round(event.seconds, 2),
                objective=finite(event.objective),
                bound=finite(event.bound),
                gap=finite(event.gap),
            )


def settings_of(job: Mapping[str, Any], root: str) -> Settings:
    """Return the settings of a job: its tenant, store and cache, and what the worker passed on."""
    values = {o.name: o.default for o in OPTIONS} | dict(job["settings"])
    values |= {"store": job["store"], "cache": job["cache"], "tenant_id": job["tenant_id"], "tier": job["tier"]}
    values |= {"graph": "none"}  # the worker writes evidence: this process has no network, and tells its spans
    return Settings(values, dict.fromkeys(values, "service"), root)


def kernel_of(job: Mapping[str, Any], root: str, watcher: Watcher) -> Kernel:
    """Return the kernel of a job on a project folder."""
    from dyocense_cli import wiring

    shared = tuple(str(Path(job["project"]) / name) for name in SHARED)
    folder = Path(job["folder"])
    kernel = wiring.build(settings_of(job, root), allow=shared, observer=watcher, interrupted=(folder / "stop").exists)
    if job.get("shelve"):
        watcher.packer = Packer(kernel.memo, folder)
    return kernel


def write(folder: Path, name: str, value: Any) -> str:
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
        write(folder, goal, body["goal_dsl"])
        for name in SHARED:  # so that an inline goal may say `model: goals/models/own.yaml`
            (folder / name).symlink_to(Path(job["project"]) / name)
    context = None
    if body.get("context"):
        context = (
            str(folder / write(folder, "context.yaml", body["context"]))
            if root != str(folder)
            else write(folder, "context.yaml", body["context"])
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


def order_of(job: Mapping[str, Any], watcher: Watcher) -> tuple[Kernel, Any]:
    """Return the kernel of a request and what it orders of it."""
    from dyocense_cli.runner.order import Order

    root, goal, context = _goal_of(job)
    kernel = kernel_of(job, root, watcher)
    overrides = _capped(job, kernel, goal, _overrides(job))
    return kernel, Order(goal=goal, overrides=overrides, context=context, run_id=job["run_id"] if job["kind"] == "plan" else "")


def figures_of(execution: Any, watcher: Watcher) -> dict[str, float]:
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


def denied(execution: Any) -> AccessError:
    """Return the denial of an execution that policy stopped, with its first reason."""
    admission = execution.held["admission"].value
    first = next(f for f in admission.findings if f.severity == "error" and not f.waived)
    return AccessError("DY3010", f"policy denies it ({', '.join(admission.denied)}): {first.message}", hints=first.remediation)

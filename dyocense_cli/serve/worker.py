"""What a worker does with a run: start the child in its sandbox, pass on its events, close the run once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.ports import Sandbox, SandboxLimits, SandboxResult, Telemetry
from dyocense_cli.ports.service import Figures, RunRow
from dyocense_cli.serve.attempt import Attempt, patiently, sweep
from dyocense_cli.serve.config import FINAL, ServeConfig, number
from dyocense_cli.serve.deliver import Deliverer
from dyocense_cli.serve.forecasts import KnownForecasts
from dyocense_cli.serve.job import SHARED, Job, Outcome, read_lines
from dyocense_cli.serve.names import Labels
from dyocense_cli.serve.notices import tell_ended, tell_warnings
from dyocense_cli.serve.retention import Retainer
from dyocense_cli.serve.shards import end_part, part_limits, parts_in, seconds_apart, split
from dyocense_cli.serve.spans import RunSpans
from dyocense_cli.serve.store import kernel_run_in, send_run
from dyocense_cli.wiring import policy_keeper, telemetry
from dyocense_cli.wiring_service import Parts, open_parts, sandbox_named

__all__ = ["RunHandler", "run_worker"]

#: A child may spend this much beyond its solver's limits: reading, forecasting, stress, explanation.
_WALL_FACTOR: Final = 4.0
_WALL_SLACK_S: Final = 60.0
#: How long a run whose services are down is held between two tries, when `when_down` says to hold.
_FIRST_HOLD_S: Final = 2.0
_LONGEST_HOLD_S: Final = 600.0
#: Figures of a run that go to the collector as metrics.
MEASURED: Final = (
    "solver_wall_time", "mip_gap", "status_code", "forecast_rmse", "scenario_count", "queue_wait_s", "end_to_end_s", "stages", "cache_hits",
    "budget_left",
)  # fmt: skip
_PASSED_ON: Final = ("forecaster", "opa", "policies", "pii_key", "sandbox")


class RunHandler:
    """Runs one job of one tenant; idempotent by run id, since a job may be begun twice when a process dies."""

    def __init__(
        self,
        config: ServeConfig,
        parts: Parts,
        *,
        command: Sequence[str] = (),
        spans: Telemetry | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._parts = parts
        self._policy = policy_keeper(config.settings)
        self._telemetry = spans or telemetry(config.settings)
        self._labels = Labels()
        self._known = KnownForecasts(config, parts)
        self._told = told
        self._command = tuple(command) or (sys.executable, "-m", "dyocense_cli.serve.child")

    def __call__(self, tenant: str, run_id: str, kind: str) -> float:
        """Do the run and close it; returns its real solver seconds."""
        if kind == "forecast":
            return self._forecasts(tenant, run_id)
        row = self._begin(tenant, run_id)
        return 0.0 if row is None else self._alone(row) if row.kind != "shard" else self._part(row)

    def _alone(self, row: RunRow) -> float:
        """Do one run in a child of its own, again while it is held; returns its real solver seconds."""
        with self._spans(row) as spans:
            ended = self._child(row, spans)
            pause = _FIRST_HOLD_S
            while self._config.when_down == "hold" and _is_down(ended) and pause < _LONGEST_HOLD_S and not self._is_cancelled(row):
                self._parts.runs(row.tenant_id).event(row.run_id, "held", {"seconds": pause})
                time.sleep(pause)
                pause *= 2
                ended = self._child(row, spans)
        asked = parts_in(ended)
        if asked is not None:
            split(self._parts, row, (asked.result or {})["parts"], asked.figures.get("spent_s", 0.0))
            return 0.0
        return self._end(row, ended, ended.seconds)

    def _part(self, row: RunRow) -> float:
        """Do a part of a run; what it could not do the run does itself. Returns the seconds that its tenant pays for."""
        with self._spans(row) as spans:
            ended = self._child(row, spans)
        outcome = read_lines(ended.stdout) or Outcome(None, _broken(ended), {})
        end_part(self._parts, row, outcome)
        return float(outcome.figures.get("shard_s", ended.seconds))

    def _forecasts(self, tenant: str, run_id: str) -> float:
        """Do the scenario requests that arrived with this one: what is known is answered, the rest is one pass in one child."""
        rows = [row for one in self._parts.queue(tenant).members(run_id) if (row := self._begin(tenant, one)) is not None]
        left = []
        for row in rows:
            known = self._known.answer(row)
            if known is None:
                left.append(row)
            else:
                figures = {"stages": 1.0, "cache_hits": 1.0, "scenario_count": float(known["num_scenarios"])}
                self._finish(row, "succeeded", known, None, solver_s=0.0, figures=figures)
        if len(left) == 1:
            return self._alone(left[0])
        if left:
            with self._spans(left[0]) as spans:
                ended = self._child(left[0], spans, beside=left[1:])
            outcome = read_lines(ended.stdout)
            answers = (outcome.result or {}).get("answers", {}) if outcome is not None else {}
            for row in left:
                said = answers.get(row.run_id)
                own = None if said is None else Outcome(said.get("result"), said.get("problem"), said.get("figures", {}))
                self._end(row, ended, ended.seconds / len(left), own)
        return 0.0

    @contextlib.contextmanager
    def _spans(self, row: RunRow) -> Iterator[RunSpans]:
        tier = self._config.tier_of(row.tenant_id, row.tier)
        spans = RunSpans(self._telemetry, {"tenant_id": row.tenant_id, "tier": tier.name, "run_id": row.run_id}, row.trace)
        try:
            yield spans
        finally:
            spans.close()

    def _child(self, row: RunRow, spans: RunSpans, beside: Sequence[RunRow] = ()) -> SandboxResult:
        """Run the child once in a folder of its own, for one run or for several scenario requests."""
        tier = self._config.tier_of(row.tenant_id, row.tier)
        with Attempt(self._config, self._parts, row, spans) as attempt:
            job = self._job(row, tier, attempt, spans)
            if beside:
                asked = [{"run_id": r.run_id, **_asked(r, tier)} for r in (row, *beside)]
                job = replace(job, kind="forecasts", body={"requests": asked})
            return attempt.named(
                self._sandbox(job).run(
                    self._command,
                    cwd=str(self._config.tenant_folder(row.tenant_id)),
                    stdin=job.to_json(),
                    limits=SandboxLimits(job.time_limit_s * _WALL_FACTOR + _WALL_SLACK_S, tier.memory_mb << 20, processes=256),
                    stop=attempt.stop,
                    line=attempt.heard,
                )
            )

    def _is_cancelled(self, row: RunRow) -> bool:
        now = self._parts.runs(row.tenant_id).read(row.run_id)
        return now is None or bool(now.cancel)

    def _begin(self, tenant: str, run_id: str) -> RunRow | None:
        runs = self._parts.runs(tenant)
        row = runs.read(run_id)
        if row is None or row.status in FINAL:
            return None
        if row.cancel:
            self.close(tenant, run_id, "cancelled")
            return None
        runs.update(run_id, {"status": "running", "began_at": self._parts.clock.now(), "attempts": row.attempts + 1}, unless=FINAL)
        runs.event(run_id, "running", {"attempt": row.attempts + 1})
        return row

    def _job(self, row: RunRow, tier: Tier, attempt: Attempt, spans: RunSpans) -> Job:
        home = self._config.tenant_folder(row.tenant_id)
        return Job(
            run_id=row.run_id,
            kind=row.kind,
            tenant_id=row.tenant_id,
            tier=tier.name,
            project=str(self._config.project),
            folder=str(attempt.folder),
            store=str(home / "store"),
            cache=str(home / "cache"),
            **_asked(row, tier),
            **part_limits(self._parts, row, tier),
            settings={name: self._config.settings[name] for name in _PASSED_ON} | self._deciding() | spans.for_child(),
            gate=True,
            shelve=attempt.shelves,
        )

    def _deciding(self) -> dict[str, str]:
        """Return whose policies decide and which engine is asked: the project's, whatever folder a job runs in."""
        return {"policies": str(self._config.settings.path("policies")), "opa_url": self._policy()}

    def _sandbox(self, job: Job) -> Sandbox:
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "OMP_NUM_THREADS": "1",  # private in the sandbox
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        readable = [str(Path(p)) for p in sys.path if p and Path(p).is_dir()] + [sys.prefix]
        readable += [str(self._config.project / name) for name in SHARED if (self._config.project / name).is_dir()]
        readable += [job.settings["policies"]]
        readable = [p for p in readable if not Path(p).is_relative_to(self._config.state)]
        if job.settings["opa_url"].startswith(("kept://", "unix://")):
            readable.append(str(Path(urlsplit(job.settings["opa_url"]).path).parent))
        return sandbox_named(self._config.sandbox, env=env, readable=readable, hidden=(str(self._config.state),))

    def _end(self, row: RunRow, ended: SandboxResult, wall_s: float, own: Outcome | None = None) -> float:
        """Close a run by how its child ended; `own` is its part of what the child said for several."""
        outcome = own or read_lines(ended.stdout)
        if outcome is None or (ended.reason not in ("done", "stopped") and outcome.result is None):
            outcome = Outcome(None, _broken(ended), {})
        figures = {**outcome.figures, "wall_s": round(wall_s, 3)}
        solver_s = float(figures.get("solver_wall_time", 0.0)) if outcome.result is not None else min(wall_s, row.estimate_s)
        solver_s += seconds_apart(self._parts, row)
        status = "cancelled" if ended.reason == "stopped" else "failed" if outcome.result is None else "succeeded"
        document = dict(outcome.result) if outcome.result is not None else None
        if document is not None:
            document["protections"] = list(ended.protections)
            # its files are where every machine finds them before the run counts as done; a store that is down is waited for
            patiently(
                lambda: send_run(self._config, row.tenant_id, kernel_run_in(document)),
                waiting=lambda pause: self._parts.runs(row.tenant_id).event(row.run_id, "held", {"seconds": pause}),
            )
            if row.kind == "forecast":
                self._known.keep(row, outcome.result or {})
        problem = None if status == "cancelled" else outcome.problem  # stopped before there was a plan to keep
        self._finish(row, status, document, problem, solver_s=solver_s, figures=figures)
        return solver_s

    def _finish(
        self,
        row: RunRow,
        status: str,
        result: Mapping[str, Any] | None,
        problem: Mapping[str, Any] | None,
        *,
        solver_s: float,
        figures: Mapping[str, float],
    ) -> None:
        """Close the run, its budget and what must be told, in one transaction; a second closing changes nothing."""
        parts, tenant = self._parts, row.tenant_id
        tier = self._config.tier_of(tenant, row.tier)
        now, now_s = parts.clock.now(), parts.now_s()
        with parts.unit(tenant):
            values: dict[str, object] = {
                "status": status,
                "finished_at": now,
                "solver_s": round(solver_s, 4),
                "result": json.dumps(result, sort_keys=True) if result is not None else "",
                "problem": json.dumps(problem, sort_keys=True) if problem is not None else "",
                "reason": str((problem or {}).get("reason", "")),
                "variables": int(figures.get("variables", 0)),
                "constraints": int(figures.get("constraints", 0)),
                "scenarios": int(figures.get("scenario_count", 0)),
                **{name: _print_in(result, name) for name in ("optimodel_sha", "plan_dna")},
            }
            if not parts.runs(tenant).update(row.run_id, values, unless=FINAL):
                return
            ledger = parts.ledger(tenant, tier.budgets())
            if status == "failed":
                ledger.refund(row.run_id)
            else:
                ledger.settle(row.run_id, {"solver_sec": solver_s})
            parts.runs(tenant).event(row.run_id, status, {"solver_s": round(solver_s, 3)})
            tell_ended(parts, row, status)
            tell_warnings(parts, row, ledger)
            spent = ledger.accounts().get("solver_sec")
            more = {
                "queue_wait_s": _seconds_between(row.created_at, row.began_at or now),
                "end_to_end_s": _seconds_between(row.created_at, now),
            }
            if spent is not None and spent.limit > 0:
                more["budget_left"] = spent.left() / spent.limit
            outcome = str((result or {}).get("status", status)).lower() if status == "succeeded" else status
            parts.add_figures(Figures(row.run_id, now_s, tenant, tier.name, row.goal_id, row.kind, outcome, {**figures, **more}))
        self._told()
        self._measure(row, tier, {**figures, **more})

    def _measure(self, row: RunRow, tier: Tier, figures: Mapping[str, float]) -> None:
        """Record a run's figures for the collector, under labels with a bound."""
        tenant, name, goal = self._labels.of(row.tenant_id, tier.name, row.goal_id or row.kind)
        for key in MEASURED:
            if key in figures:
                self._telemetry.metric(key, figures[key], tenant_id=tenant, tier=name, goal_id=goal)

    def close(self, tenant: str, run_id: str, why: str) -> None:
        """Close a run that never reached its child, or that the queue gave up."""
        row = self._parts.runs(tenant).read(run_id)
        if row is None or row.status in FINAL:
            return
        status = "cancelled" if row.cancel or why == "cancelled" else "failed"
        problem = (
            None
            if status == "cancelled"
            else {"code": "DY4503", "detail": f"the queue gave the run up: {why}", "hints": ["submit it again"], "status": 503}
        )
        if row.kind == "shard":
            end_part(self._parts, row, Outcome(None, problem, {}))
            return
        self._finish(row, status, None, problem, solver_s=0.0, figures={})


def _print_in(result: Mapping[str, Any] | None, name: str) -> str | None:
    """Return a fingerprint that a result states."""
    return str(((result or {}).get("fingerprints") or {}).get(name, "")) or None


def _asked(row: RunRow, tier: Tier) -> dict[str, Any]:
    """Return what a run asks for, within what its tenant may use."""
    payload = json.loads(row.payload)
    scenarios, limit = payload.get("scenarios") or tier.scenarios, payload.get("time_limit_s") or tier.time_limit_s
    return {"scenarios": int(scenarios), "time_limit_s": float(limit), "body": payload["body"]}


def _stop_without(parent: int, stop: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    stop()


def _is_down(ended: SandboxResult) -> bool:
    """Say whether the child ended because a service it needs did not answer."""
    outcome = read_lines(ended.stdout)
    return outcome is not None and outcome.problem is not None and outcome.problem.get("status") == 503


def _broken(ended: SandboxResult) -> dict[str, Any]:
    """Return the problem of a child that said nothing: the sandbox's reason, by name."""
    said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return {
        "code": "DY4702",
        "reason": ended.reason,
        "status": 500 if ended.reason in ("done", "killed", "solved_twice") else 422,
        "detail": f"the job ended: {ended.reason}" + (f" ({said[-1][:200]})" if said else ""),
        "hints": {
            "memory": ["ask for fewer scenarios or a shorter horizon"],
            "time": ["ask for a shorter time limit or fewer scenarios"],
            "solved_twice": ["two workers died in this solve; a third is not risked: make the model smaller, or submit it again"],
        }.get(ended.reason, []),
    }


def _seconds_between(earlier: str, later: str) -> float:
    from datetime import datetime

    return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())


def run_worker(config: ServeConfig, *, slots: int, beside: bool = False, command: Sequence[str] = ()) -> int:
    """Run a worker process until it is told to stop (SIGTERM, SIGINT), or its parent is gone if it runs `beside` one; then drain.

    Told a second time, or when draining takes too long, it hands back what it holds and ends at once: the jobs die with it, another
    worker goes on with their runs. `command` stands in for the child.
    """
    parent = os.getppid()
    parts = open_parts(config.database_url, dead_after_s=number("serve.dead_after_s"))
    parts.check()
    spans = telemetry(config.settings)
    deliverer = Deliverer(config, parts, spans=spans)
    handler = RunHandler(config, parts, command=command, spans=spans, told=deliverer.wake)
    executor = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    worker = parts.worker(
        executor=executor,
        pools=config.pools(),
        slots=slots,
        handler=handler,
        closer=handler.close,
        beat_s=number("serve.heartbeat_s"),
        poll_s=0.02,
        drain_s=number("serve.drain_s"),
    )
    retainer = Retainer(config, parts)
    for number_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_, lambda *_: worker.stop())
    if beside:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal tells both; the parent says when
    sweep(config)
    worker.launch()
    deliverer.start()
    retainer.start()
    if beside:
        threading.Thread(target=_stop_without, args=(parent, worker.stop), name="parent-watch", daemon=True).start()
    try:
        if worker.serve():
            os._exit(0)  # not a line of what was handed back runs on here
    finally:
        deliverer.stop()
        retainer.stop()
        spans.close()
        parts.close()
    return 0

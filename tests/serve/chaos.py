"""A whole service that is killed and whose servers are stopped; what its client was promised, and the audit at the end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.auth import mint
from dyocense_cli.serve.config import FINAL, read_config
from dyocense_cli.serve.store import run_files
from dyocense_cli.wiring_service import Parts, open_parts

from .api import REPO, settings_for
from .own_servers import OwnServers, free_port

__all__ = ["TENANTS", "Client", "Cluster", "audit", "jobs_below"]

TENANTS = {"gold": ("enterprise", 8), "silver": ("standard", 2), "free": ("free", 2), "extra": ("pro", 4)}


class Nursery:
    """Starts processes of the service; they are children of another process, and are watched by their ids."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve.chaos_process"], cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, what: str, number: int, log: Path, settings: Mapping[str, str]) -> int:
        """Start a process and return its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, "number": number, "log": str(log), "settings": dict(settings)}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    @staticmethod
    def end(pid: int, how: int = signal.SIGKILL) -> None:
        """Send a signal and wait until the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        until(lambda: not Path(f"/proc/{pid}").exists(), pause_s=0.02)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Cluster:
    """An API process and worker processes on one database, each started again whenever it is killed."""

    def __init__(self, state: Path, url: str, *, workers: int, **settings: str) -> None:
        state.mkdir(parents=True, exist_ok=True)
        tenants = state / "tenants.yaml"
        limits = "requests_per_min: 1000000, budget_solver_s: 100000"
        tenants.write_text("\n".join(f"{t}: {{tier: {tier}, {limits}, parallel_solves: {cap}}}" for t, (tier, cap) in TENANTS.items()))
        self.url = url
        self.settings = {"serve_state": str(state), "database_url": url, "tenants": str(tenants), "sandbox": "bubblewrap", **settings}
        self.config = read_config(
            settings_for(state, url, **{k: v for k, v in self.settings.items() if k not in ("serve_state", "database_url")})
        )
        self.state, self.port = state, free_port()
        self.workers = [f"worker{i}" for i in range(workers)]
        self.nursery = Nursery()
        self.processes: dict[str, int] = {}
        self.kills: Counter[str] = Counter()
        self._random = random.Random(7)
        for name in ("api", *self.workers):
            self.start(name)

    def start(self, name: str) -> None:
        what, number = ("api", self.port) if name == "api" else ("worker", 3)
        self.processes[name] = self.nursery.start(what, number, self.state / f"{name}.log", self.settings)

    def tend(self) -> None:
        """Start again what ended by itself, as a supervisor does: a process that comes up while the database is away gives up."""
        for name, pid in self.processes.items():
            if not Path(f"/proc/{pid}").exists():
                self.start(name)

    def kill(self) -> None:
        """Kill a process without warning and start another in its place; every fourth is the API."""
        name = "api" if sum(self.kills.values()) % 4 == 3 else self._random.choice(self.workers)
        self.nursery.end(self.processes[name])
        self.kills["api" if name == "api" else "worker"] += 1
        self.start(name)

    def drain(self) -> None:
        """Stop every worker as an operator does, and start one: it collects what the killed ones left."""
        for name in self.workers:
            self.nursery.end(self.processes[name], signal.SIGTERM)
        self.start("worker0")

    def stop(self) -> None:
        for process in self.processes.values():
            self.nursery.end(process)
        self.nursery.close()


def jobs_below(state: Path) -> dict[int, str]:
    """Return process ids and command lines of living jobs of a service's state folder, in a sandbox or not."""
    found = {}
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace") if process.name.isdigit() else ""
            is_job = any(name in command for name in ("bwrap", "newsvendor_child", "serve.child"))
            if is_job and (str(state) in command or (process / "cwd").resolve().is_relative_to(state)):
                found[int(process.name)] = command
    return found


class Client:
    """Submits jobs from several threads, each again with the same key until it is accepted; keeps what was promised."""

    def __init__(self, cluster: Cluster, jobs: int, *, whole_every: int, threads: int = 4) -> None:
        self._cluster = cluster
        self.accepted: dict[str, str] = {}
        self.answers: Counter[int] = Counter()
        tenants = sorted(TENANTS)
        # a whole run of the kernel now and then, otherwise a small job
        plan = [(tenants[i % len(tenants)], i, i % whole_every == 0) for i in range(jobs)]
        self._threads = [threading.Thread(target=self._run, args=(plan[i::threads],)) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, plan: list[tuple[str, int, bool]]) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{self._cluster.port}", timeout=30) as http:
            for tenant, seed, whole in plan:
                self._submit(http, tenant, seed, {} if whole else {"overrides": {"sleep": 0.02}})

    def _submit(self, http: httpx.Client, tenant: str, seed: int, more: Mapping[str, object]) -> None:
        token = mint(self._cluster.config, tenant=tenant, tier=TENANTS[tenant][0])
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        while True:
            try:
                answer = http.post("/plans", json={"goal_id": "newsvendor", "seed": seed, "time_limit_s": 5, **more}, headers=headers)
            except httpx.TransportError:
                self.answers[0] += 1
                time.sleep(0.2)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code in (200, 202):  # 200: it ended while the API was away
                self.accepted[answer.json()["run_id"]] = tenant
                return
            assert answer.status_code in (409, 503), answer.text
            assert answer.headers["Retry-After"]
            time.sleep(0.2)

    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)


def counted(parts: Parts, text: str) -> int:
    """Return a count from the database, which may be away: it is asked until it answers."""
    while True:
        try:
            with parts.engine.connect() as c:
                return int(c.execute(sa.text(text)).scalar_one())
        except sa.exc.OperationalError:
            time.sleep(0.2)


def until(claim: Callable[[], bool], *, pause_s: float = 0.1, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait for it; the test's own time limit is the bound."""
    while not claim():
        meanwhile()
        time.sleep(pause_s)


def audit(cluster: Cluster, client: Client, servers: OwnServers | None) -> dict[str, object]:
    """Hold everything that is kept against what was promised; returns figures."""
    parts = open_parts(cluster.url, dead_after_s=10.0)
    try:
        rows = [row for tenant in TENANTS for row in _tenant(cluster, parts, client, tenant)]
        _queue(parts, cluster)
        until(lambda: counted(parts, "SELECT count(*) FROM outbox_due") == 0)
        cluster.drain()
        until(lambda: _left(cluster) == [])
        if servers is not None:
            _objects(cluster, servers, rows)
            _graph(servers, rows)
        states = Counter(row.status for row in rows)
        solves = Counter(row.solves for row in rows)
        attempts = Counter(row.attempts for row in rows)
        return {
            "runs": dict(states),
            "solves": dict(solves),
            "attempts": dict(attempts),
            "kills": dict(cluster.kills),
            "answers": dict(client.answers),
        }
    finally:
        parts.close()


def _tenant(cluster: Cluster, parts: Parts, client: Client, tenant: str) -> list[RunRow]:
    """Each accepted run and no other ended exactly once; the budget has what the runs used, and holds nothing back."""
    rows: list[RunRow] = []
    table = parts.runs(tenant)
    while page := table.recent(200, before=rows[-1].run_id if rows else ""):
        rows += page
    assert {r.run_id for r in rows} == {r for r, t in client.accepted.items() if t == tenant}
    for row in rows:
        ends = [e for e in table.events(row.run_id) if e[2] in FINAL]
        assert [e[2] for e in ends] == [row.status], row.run_id
        # a solve runs at most twice; a run fails only when two workers died in it
        assert row.solves <= 2
        assert row.status == "succeeded" or (row.reason, row.solves) == ("solved_twice", 2), row.problem
    used = sum(r.solver_s for r in rows if r.status == "succeeded")
    account = parts.ledger(tenant, cluster.config.tier_of(tenant, "free").budgets()).accounts()["solver_sec"]
    assert account.reserved == pytest.approx(0, abs=1e-6)
    assert account.used == pytest.approx(used, abs=1e-4 * len(rows))
    return rows


def _queue(parts: Parts, cluster: Cluster) -> None:
    """No tag, cap or slot is held, in our tables or the engine's."""
    assert parts.depth() == {}
    assert counted(parts, "SELECT count(*) FROM queue_jobs WHERE state <> 'done'") == 0
    table = "dbos.workflow_status" if cluster.url.startswith("postgresql") else "workflow_status"
    until(lambda: counted(parts, f"SELECT count(*) FROM {table} WHERE status <> 'SUCCESS'") == 0)
    until(lambda: counted(parts, "SELECT count(*) FROM queue_workers") == len(cluster.workers), meanwhile=cluster.tend)


def _left(cluster: Cluster) -> list[str]:
    """Return jobs, folders and control groups that nobody works on any more."""
    folders = [str(f) for t in TENANTS for f in (cluster.config.tenant_folder(t) / "jobs").glob("*")]
    parts = [str(f) for t in TENANTS for f in cluster.config.tenant_folder(t).rglob(".part-*") if f.is_dir()]
    living = {p.name for p in Path("/proc").iterdir() if p.name.isdigit()}
    groups = [str(g) for g in Path("/sys/fs/cgroup").glob("**/dyocense-*-*") if g.name.split("-")[1] not in living]
    return list(jobs_below(cluster.state).values()) + folders + parts + groups


def _objects(cluster: Cluster, servers: OwnServers, rows: list[RunRow]) -> None:
    """The object store has every succeeded run whole, under its tenant, and nothing else."""
    bucket, _, prefix = cluster.settings["store"].removeprefix("s3://").partition("/")
    keys = {str(o.object_name) for o in servers.minio().list_objects(bucket, prefix=prefix, recursive=True)}
    expected: set[str] = set()
    for run, tenant in {(json.loads(r.result)["kernel_run_id"], r.tenant_id) for r in rows if r.status == "succeeded"}:
        manifest = json.loads(run_files(cluster.config, tenant).read(run, "manifest.json"))
        names = {"manifest.json", *(s["name"] for s in manifest["subject"])}
        expected |= {f"{prefix}/{tenant}/runs/{run}/{n}" for n in names}
    extra = {k for k in keys - expected if not k.endswith("manifest.json.sha256")}  # it seals the manifest, which cannot name it
    assert sorted(extra)[:5] == []
    assert sorted(expected - keys)[:5] == []


def _graph(servers: OwnServers, rows: list[RunRow]) -> None:
    """The graph has the evidence of every succeeded run, under its tenant."""
    from neo4j import GraphDatabase

    s = servers.settings
    done = [
        (r.tenant_id, json.loads(r.result)["evidence"]["evidence_ref"].rpartition("run/")[2].removeprefix("sha256:"))
        for r in rows
        if r.result
    ]
    with GraphDatabase.driver(s["DYOCENSE_NEO4J_URL"], auth=(s["DYOCENSE_NEO4J_USER"], s["DYOCENSE_NEO4J_PASSWORD"])) as driver:
        for tenant in TENANTS:
            found = driver.execute_query("MATCH (n:Run {tenant_id: $t}) WHERE n.complete RETURN n.key AS k", t=tenant).records
            assert {r["k"].rpartition(":")[2] for r in found} == {run for t, run in done if t == tenant}

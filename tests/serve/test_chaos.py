"""Kill workers and the API at any time: every accepted run ends exactly once, budgets settle exactly, nothing leaks."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from dyocense_cli.serve.auth import mint
from dyocense_cli.serve.config import FINAL, read_config
from dyocense_cli.wiring_service import open_parts

from .api import REPO, migrate_for, settings_for

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
JOBS, KILLS, WORKERS = (*map(int, os.environ.get("DYOCENSE_CHAOS", "2000,200").split(",")), 3) if FULL else (16, 2, 2)
pytestmark = pytest.mark.timeout(7200 if FULL else 900)  # a busy machine takes its time
TENANTS = {"gold": ("enterprise", 8), "silver": ("standard", 2), "free": ("free", 1), "extra": ("pro", 4)}


class Cluster:
    """An API process and worker processes on one database, started again whenever one is killed."""

    def __init__(self, state: Path, url: str) -> None:
        migrate_for(url)
        self.state, self.url = state, url
        self.tenants = state / "tenants.yaml"
        state.mkdir(parents=True, exist_ok=True)
        lines = [
            f"{t}: {{tier: {tier}, requests_per_min: 1000000, budget_solver_s: 100000, parallel_solves: {max(2, cap)}}}"
            for t, (tier, cap) in TENANTS.items()
        ]
        self.tenants.write_text("\n".join(lines))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.config = read_config(settings_for(state, url, tenants=str(self.tenants)))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: Counter[str] = Counter()

    def start(self, name: str) -> None:
        module = ["tests.serve.chaos_api", str(self.state), self.url, str(self.tenants), str(self.port)]
        if name != "api":
            module = ["tests.serve.chaos_worker", str(self.state), self.url, str(self.tenants), "3", "rlimits"]
        log = (self.state / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen([sys.executable, "-m", *module], cwd=REPO, stderr=log, stdout=log)
        log.close()

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()
        self.kills["api" if name == "api" else "worker"] += 1
        self.start(name)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def cluster(database_url: str, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "state", database_url)
    yield made
    made.stop()


def submit(cluster: Cluster, tenant: str, seed: int, accepted: dict[str, str]) -> None:
    """Submit one job, again with the same key until an answer arrives, as a client would."""
    key = uuid.uuid4().hex
    token = mint(cluster.config, tenant=tenant, tier=TENANTS[tenant][0])
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    body = {"goal_id": "newsvendor", "seed": seed, "time_limit_s": 5, "overrides": {"sleep": 0.02}}
    while True:
        try:
            answer = httpx.post(f"http://127.0.0.1:{cluster.port}/plans", json=body, headers=headers, timeout=30)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code in (200, 202):  # 200: it ended while the API was away
            accepted[answer.json()["run_id"]] = tenant
            return
        assert answer.status_code in (409, 503), answer.text
        time.sleep(0.2)


def test_kills_lose_and_double_nothing(cluster: Cluster) -> None:
    rng = random.Random(7)
    for name in ("api", *(f"worker{i}" for i in range(WORKERS))):
        cluster.start(name)
    accepted: dict[str, str] = {}
    tenants = sorted(TENANTS)
    plan = [(tenants[i % len(tenants)], i) for i in range(JOBS)]
    chunks = [plan[i::4] for i in range(4)]
    threads = [threading.Thread(target=lambda c=c: [submit(cluster, t, s, accepted) for t, s in c]) for c in chunks]
    for thread in threads:
        thread.start()
    parts = open_parts(cluster.url, dead_after_s=5.0)
    left = {"runs": 1}

    def done() -> int:
        with parts.engine.connect() as c:
            return int(c.execute(sa.text("SELECT count(*) FROM queue_jobs WHERE state = 'done'")).scalar_one())

    last = 0
    for i in range(KILLS):
        target = min(JOBS - 2, (i + 1) * JOBS // (KILLS + 1))
        limit = time.monotonic() + 60
        while done() < target and time.monotonic() < limit:
            time.sleep(0.05)
        last = max(last, done())
        cluster.kill("api" if i % 4 == 3 else rng.choice([n for n in cluster.processes if n != "api"]))
    for thread in threads:
        thread.join()
    while left["runs"]:  # the test's own time limit is the bound
        left["runs"] = sum(parts.depth().values())
        time.sleep(0.1)
    assert left["runs"] == 0, parts.depth()
    assert len(accepted) == JOBS
    assert sum(cluster.kills.values()) == KILLS
    for tenant in tenants:
        check_tenant(cluster, parts, tenant, {r for r, t in accepted.items() if t == tenant})
    assert_no_leaks(cluster)
    parts.close()


def check_tenant(cluster: Cluster, parts: object, tenant: str, runs: set[str]) -> None:
    rows, before = [], ""
    table = parts.runs(tenant)  # type: ignore[attr-defined]
    while page := table.recent(500, before=before):
        rows += page
        before = page[-1].run_id
    assert {r.run_id for r in rows} == runs
    assert {r.status for r in rows} <= {"succeeded", "failed"}, Counter(r.status for r in rows)
    assert Counter(r.status for r in rows)["succeeded"] == len(runs), [r.problem for r in rows if r.status == "failed"][:3]
    for row in rows:
        ends = [e for e in table.events(row.run_id) if e[2] in FINAL]
        assert len(ends) == 1, row.run_id
    limits = cluster.config.tier_of(tenant, "free").budgets()
    account = parts.ledger(tenant, limits).accounts()["solver_sec"]  # type: ignore[attr-defined]
    assert account.reserved == pytest.approx(0, abs=1e-6)
    assert account.used == pytest.approx(sum(r.solver_s for r in rows), abs=1e-3 * len(rows))


def assert_no_leaks(cluster: Cluster) -> None:
    """No child of a killed worker is alive, no folder of a job is left."""
    for tenant in TENANTS:
        assert list((cluster.config.tenant_folder(tenant) / "jobs").iterdir()) == []
    for name in [n for n in cluster.processes if n != "api"]:
        cluster.processes[name].send_signal(signal.SIGTERM)
        assert cluster.processes[name].wait() in (0, -signal.SIGTERM)  # one that was only just started has no handler yet
    children = []
    for process in Path("/proc").iterdir():
        try:
            if (
                process.name.isdigit()
                and str(cluster.state).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
                and b"newsvendor_child" in (process / "cmdline").read_bytes()
            ):
                children.append(process.name)
        except OSError:
            continue
    assert children == []

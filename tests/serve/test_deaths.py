"""Deaths at the worst moments: after a solve and before it is recorded, of jobs whose worker is gone, of parts and of who works on them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.sandbox import cgroups
from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import FINAL
from dyocense_cli.wiring_service import open_parts

from .api import Service
from .chaos import Nursery, counted, jobs_below, until
from .test_service import Live

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time


class House:
    """A service, and workers of it that can be killed."""

    def __init__(self, state: Path, sandbox: str, database_url: str = "") -> None:
        self.url = database_url or f"sqlite:///{state / 'service.sqlite'}"
        self.service = Service(state, self.url, sandbox=sandbox)
        self.state, self.nursery, self.workers = state, Nursery(), list[int]()
        self._settings = {"serve_state": str(state), "database_url": self.url, "sandbox": sandbox}
        self.runs = self.service.parts.runs(self.service.tenant)

    def start(self, slots: int) -> int:
        self.workers.append(self.nursery.start("worker", slots, self.state / "worker.log", self._settings))
        return self.workers[-1]

    def kill(self, worker: int) -> None:
        self.nursery.end(worker)
        self.workers.remove(worker)

    def submit(self, **overrides: Any) -> str:
        body = {"goal_id": "newsvendor", "seed": uuid.uuid4().int % 10**6, "overrides": {"sleep": 0.0, **overrides}}
        answer = self.service.post("/plans", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def row(self, run: str) -> RunRow:
        found = self.runs.read(run)
        assert found is not None
        return found

    def solved(self, run: str) -> int:
        """Return how many attempts came behind their solve."""
        mark = self.service.config.tenant_folder(self.service.tenant) / f"lingered-{run}"
        return len(mark.read_text()) if mark.exists() else 0

    def ends(self, run: str) -> list[str]:
        return [e[2] for e in self.runs.events(run) if e[2] in FINAL]

    def close(self) -> None:
        for worker in self.workers:
            self.nursery.end(worker)
        self.nursery.close()
        self.service.close()


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    sandbox = getattr(request, "param", "rlimits")
    if sandbox == "bubblewrap" and not bubblewrap_works():
        pytest.skip("needs bubblewrap: apt install bubblewrap")
    made = House(tmp_path, sandbox)
    yield made
    made.close()


def test_a_solve_that_died_unrecorded_runs_once_more_and_never_a_third_time(house: House) -> None:
    once, twice = house.submit(linger=1), house.submit(linger=2)
    worker = house.start(2)
    until(lambda: (house.solved(once), house.solved(twice)) == (1, 1))
    house.kill(worker)
    worker = house.start(2)
    until(lambda: house.row(once).status == "succeeded" and house.solved(twice) == 2)
    house.kill(worker)
    house.start(2)
    until(lambda: house.row(twice).status in FINAL)
    row, refused = house.row(once), house.row(twice)
    assert (row.solves, row.attempts, house.ends(once)) == (2, 2, ["succeeded"])
    assert (refused.status, refused.reason, refused.solves, refused.attempts) == ("failed", "solved_twice", 2, 3)
    assert house.ends(twice) == ["failed"]
    assert house.solved(twice) == 2  # the third attempt came up to the gate and no further
    view = house.service.get(f"/runs/{twice}").json()
    assert view["problem"]["code"] == "DY4702"
    assert "submit it again" in view["problem"]["hints"][0]
    account = house.service.get("/usage").json()["budgets"]["solver_sec"]
    assert account["reserved"] == 0
    assert account["used"] == pytest.approx(row.solver_s, abs=1e-3)  # the refused one is refunded


@pytest.mark.parametrize("house", ["bubblewrap", "rlimits"], indirect=True)
def test_jobs_die_with_their_worker(house: House) -> None:
    run = house.submit(linger=1)
    worker = house.start(1)
    until(lambda: house.solved(run) == 1)
    assert jobs_below(house.state)
    house.kill(worker)
    until(lambda: jobs_below(house.state) == {})


def test_what_a_dead_worker_left_in_its_control_group_dies_when_the_next_one_starts(house: House) -> None:
    if not cgroups.available():
        pytest.skip("needs a writable control group")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    group = cgroups.create(f"dyocense-{gone.pid}-{uuid.uuid4().hex}", memory_bytes=64 << 20, processes=8, cpus=1)
    assert group is not None
    orphan = subprocess.Popen(["sleep", "3600"])
    try:
        for folder in group.folders:
            (folder / "cgroup.procs").write_text(str(orphan.pid))
        house.start(1)
        assert orphan.wait() == -signal.SIGKILL
        until(lambda: not any(f.exists() for f in group.folders))
    finally:
        orphan.kill()


@pytest.mark.parametrize("house", ["bubblewrap"], indirect=True)
def test_a_run_in_parts_ends_once_and_right_though_a_part_and_the_worker_of_another_are_killed(house: House) -> None:
    names = ["flour", "milk", "yeast"]
    run = house.submit(parts=",".join(names))
    worker = house.start(1)

    def part_in_hand(but: str = "") -> str:
        with house.service.parts.engine.connect() as c:
            found = c.exec_driver_sql("SELECT run_id FROM queue_jobs WHERE kind = 'shard' AND state = 'running'").fetchall()
        return next((str(r[0]) for r in found if r[0] != but), "")

    until(lambda: bool(part_in_hand()) and bool(jobs_below(house.state)))
    first = part_in_hand()

    def end_the_first() -> None:
        """Kill the part's own process, as the kernel would for memory; what is seen may be the end of the child before it."""
        if part_in_hand() == first:
            for job in jobs_below(house.state):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job, signal.SIGKILL)

    until(lambda: bool(part_in_hand(first)), meanwhile=end_the_first)
    second = part_in_hand(first)
    house.kill(worker)
    house.start(1)
    (house.service.config.tenant_folder(house.service.tenant) / "release").touch()
    until(lambda: house.row(run).status in FINAL)
    row = house.row(run)
    assert (row.status, house.ends(run), row.solves) == ("succeeded", ["succeeded"], 1)
    view = house.service.get(f"/runs/{run}").json()
    assert {n: view["result"]["kpis"][n] for n in names} == {n: round(random.Random(n).gauss(100, 20), 3) for n in names}
    parts = {p: house.row(p).status for p in (first, second, *json.loads(row.payload)["parts"]["skus"])}
    assert sorted(parts.values()) == ["failed", "succeeded", "succeeded"]
    assert parts[first] == "failed"
    assert house.service.parts.depth() == {}
    assert house.service.get("/usage").json()["budgets"]["solver_sec"]["reserved"] == 0


def test_a_service_told_twice_to_stop_hands_back_its_run_and_the_next_one_ends_it(tmp_path: Path) -> None:
    environment = {"DYOCENSE_DATABASE_URL": "", "DYOCENSE_REDIS_URL": "", "DYOCENSE_SANDBOX": "rlimits"}
    state, url = tmp_path / "state", f"sqlite:///{tmp_path / 'state' / 'service.sqlite'}"
    first = Live(state, environment)
    with first.client("acme", "enterprise") as client:
        run = client.post("/plans", json={"goal_id": "dairy", "time_limit_s": 60}, headers={"Idempotency-Key": "a"}).json()["run_id"]
        first.until(lambda: client.get(f"/runs/{run}").json()["status"] != "queued")
    parts = open_parts(url, dead_after_s=10.0)
    first.process.send_signal(signal.SIGTERM)
    until(lambda: counted(parts, "SELECT count(*) FROM queue_workers WHERE draining = 0") == 0)
    assert first.stop() == 0
    assert counted(parts, "SELECT count(*) FROM queue_workers") == 0
    parts.close()
    second = Live(state, environment)
    try:
        with second.client("acme", "enterprise") as client:
            second.until(lambda: client.get(f"/runs/{run}").json()["attempts"] == 2 or client.get(f"/runs/{run}").json()["status"] in FINAL)
            client.delete(f"/runs/{run}")
            second.until(lambda: client.get(f"/runs/{run}").json()["status"] in FINAL)
            assert client.get("/usage").json()["budgets"]["solver_sec"]["reserved"] == 0
    finally:
        second.stop()

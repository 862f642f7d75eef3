"""Kill workers and the API at any time, restart the database, stop the other servers: nothing accepted is lost, doubled or leaked.

At full scale (DYOCENSE_TEST_SCALE=full) 200 SIGKILLs hit a run of 2,000 jobs; DYOCENSE_CHAOS=jobs,kills sets other numbers.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dyocense_cli.adapters.policy.build import bundles
from dyocense_cli.adapters.policy.pack import load_pack
from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from dyocense_cli.wiring_service import open_parts

from .api import REPO, Service, migrate_for
from .chaos import Client, Cluster, Nursery, audit, counted, until
from .own_servers import OwnServers, own_servers

__all__ = ["own_servers"]

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
SIZES = {"postgres": (2000, 200), "sqlite": (400, 40)} if FULL else {"postgres": (24, 6), "sqlite": (12, 3)}
if "DYOCENSE_CHAOS" in os.environ:
    SIZES = dict.fromkeys(SIZES, tuple(map(int, os.environ["DYOCENSE_CHAOS"].split(","))))  # type: ignore[arg-type]
pytestmark = pytest.mark.timeout(7200 if FULL else 900)  # a busy machine takes its time


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: make services-up")
    if request.param == "sqlite":
        url, more = f"sqlite:///{tmp_path}/service.sqlite", {"graph": "ladybug"}
        migrate_for(url)
    else:
        servers: OwnServers = request.getfixturevalue("own_servers")
        for name in ("postgres", "minio", "neo4j"):
            servers.up(name)
        url, more = servers.database(), servers.service_settings("minio", "neo4j")
        migrate_for(url, owner=servers.settings["DYOCENSE_PG_OWNER_DSN"])
    made = Cluster(tmp_path / "state", url, workers=3 if FULL else 2, **more)
    yield made
    made.stop()


def outages(cluster: Cluster, servers: OwnServers, at: int, kills: int) -> None:
    """Do what happens to the servers after so many of all kills: the database restarts thrice, the others are away for a while."""
    if at in (kills // 4, kills // 2, 3 * kills // 4):
        servers.restart("postgres", crash=at == kills // 2)
    for name, begin in (("minio", kills // 3), ("neo4j", 2 * kills // 3)):
        if at == begin:
            servers.down(name)
            for _ in range(2):  # what is killed now comes up without it
                time.sleep(1.0)
                cluster.kill()
            servers.up(name)


@pytest.mark.parametrize("cluster", ["sqlite", "postgres"], indirect=True)
def test_kills_and_outages_lose_and_double_nothing(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    servers: OwnServers | None = request.getfixturevalue("own_servers") if cluster.url.startswith("postgresql") else None
    jobs, kills = SIZES["postgres" if servers is not None else "sqlite"]
    begin = time.monotonic()
    client = Client(cluster, jobs, whole_every=20 if FULL else jobs // 2)
    parts = open_parts(cluster.url, dead_after_s=10.0)
    while (done := sum(cluster.kills.values())) < kills:
        ended = counted(parts, "SELECT count(*) FROM queue_jobs WHERE state = 'done'")
        if ended < min(jobs - 4, done * jobs // kills):
            cluster.tend()
            time.sleep(0.05)
            continue
        cluster.kill()
        if servers is not None:
            outages(cluster, servers, done, kills)
    until(client.done, meanwhile=cluster.tend)
    until(lambda: sum(parts.depth().values()) == 0, meanwhile=cluster.tend)
    ran = time.monotonic() - begin
    parts.close()
    assert len(client.accepted) == jobs
    figures = audit(cluster, client, servers)
    print({"jobs": jobs, "seconds": round(ran), "audited_s": round(time.monotonic() - begin - ran), **figures})


class Away:
    """A service on the test's own servers, with a worker; what either does when a server is away is `when_down`."""

    def __init__(self, servers: OwnServers, state: Path, when_down: str) -> None:
        own = servers.folder / "opa" / "bundles"
        own.mkdir(parents=True, exist_ok=True)
        for file, content in bundles(load_pack(str(REPO / "policies"))).items():
            (own / file).write_bytes(content)
        for name in ("postgres", "minio", "neo4j", "opa"):
            servers.up(name)
        url = servers.database()
        migrate_for(url, owner=servers.settings["DYOCENSE_PG_OWNER_DSN"])
        settings = {**servers.service_settings("minio", "neo4j"), "opa_url": servers.settings["DYOCENSE_OPA_URL"], "when_down": when_down}
        self.servers = servers
        self.service = Service(state / "state", url, sandbox="bubblewrap", migrated=True, **settings)
        self.nursery = Nursery()
        shared = {"serve_state": str(state / "state"), "database_url": url, "sandbox": "bubblewrap", **settings}
        self.worker = self.nursery.start("worker", 2, state / "worker.log", shared)
        self.runs = self.service.parts.runs(self.service.tenant)

    def submit(self, *, whole: bool = False, sleep: float = 0.02) -> httpx.Response:
        more = {} if whole else {"overrides": {"sleep": sleep}}
        return self.service.post("/plans", {"goal_id": "newsvendor", "seed": uuid.uuid4().int % 10**6, **more})

    def events(self, run: str) -> list[str]:
        return [e[2] for e in self.runs.events(run)]

    def ends(self, run: str) -> None:
        until(lambda: self.runs.read(run).status == "succeeded")  # type: ignore[union-attr]
        assert self.events(run).count("succeeded") == 1
        until(lambda: counted(self.service.parts, "SELECT count(*) FROM outbox_due") == 0)

    def close(self) -> None:
        self.service.close()
        self.nursery.end(self.worker)
        self.nursery.close()


@pytest.fixture
def away(request: pytest.FixtureRequest, own_servers: OwnServers, tmp_path: Path) -> Iterator[Away]:
    made = Away(own_servers, tmp_path, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("away", ["refuse"], indirect=True)
def test_where_runs_are_refused_submits_answer_503_until_the_server_is_back(away: Away) -> None:
    for name, code in (("minio", "DY4301"), ("opa", "DY4201"), ("postgres", "DY4501")):
        away.servers.down(name)
        until(lambda: away.submit().status_code == 503)  # what was known of it is two seconds old at most
        answer = away.submit()
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer.headers["Retry-After"]) > 0
        away.servers.up(name)
        until(lambda: away.submit().status_code == 202)
    until(lambda: away.service.parts.depth() == {})
    assert {r.status for r in away.runs.recent(200)} == {"succeeded"}


@pytest.mark.parametrize("away", ["hold"], indirect=True)
def test_where_runs_are_held_they_wait_for_the_server_and_end_once(away: Away) -> None:
    for name, whole in (("minio", False), ("opa", True)):
        away.servers.down(name)
        answer = away.submit(whole=whole)
        assert answer.status_code == 202
        run = answer.json()["run_id"]
        until(lambda run=run: "held" in away.events(run))
        away.servers.up(name)
        away.ends(run)
    away.servers.down("neo4j")
    run = away.submit().json()["run_id"]
    until(lambda: away.runs.read(run).status == "succeeded")  # evidence is written behind
    assert counted(away.service.parts, "SELECT count(*) FROM outbox_due WHERE kind = 'evidence'") == 1
    away.servers.up("neo4j")
    away.ends(run)
    run = away.submit(sleep=1.0).json()["run_id"]
    until(lambda: "stage" in away.events(run))
    away.servers.restart("postgres", crash=True)  # under a run in hand
    away.ends(run)
    row = away.runs.read(run)
    assert row is not None
    assert row.solves <= 2
    assert json.loads(row.result)["kernel_run_id"] == run

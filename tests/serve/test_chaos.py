"""Kill workers and the API at any time, restart the database, stop the other servers: nothing accepted is lost, doubled or leaked.

At full scale (DYOCENSE_TEST_SCALE=full) 200 SIGKILLs hit a run of 2,000 jobs; DYOCENSE_CHAOS=jobs,kills sets other numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from dyocense_cli.wiring_service import open_parts

from .api import migrate_for
from .chaos import Client, Cluster, audit, counted, until
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

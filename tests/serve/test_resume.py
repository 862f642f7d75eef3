"""A run goes on at its last finished stage on another machine: workers share a database and an object store, and no folder."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from .api import Service
from .chaos import Nursery, until

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time


def new_bucket() -> str:
    """Make a bucket of its own and return its URL."""
    from minio import Minio

    endpoint = os.environ["DYOCENSE_S3_ENDPOINT"]
    store = Minio(endpoint.partition("://")[2], os.environ["DYOCENSE_S3_ACCESS_KEY"], os.environ["DYOCENSE_S3_SECRET_KEY"], secure=False)
    name = f"serve-{uuid.uuid4().hex[:12]}"
    store.make_bucket(name)
    return f"s3://{name}/kept"


def s3_settings() -> dict[str, str]:
    return {f"s3_{n}": os.environ[f"DYOCENSE_S3_{n.upper()}"] for n in ("endpoint", "access_key", "secret_key")}


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # machines that share no folder share a server
def test_another_machine_goes_on_at_the_last_finished_stage(
    minio: Mapping[str, str], nursery: Nursery, database_url: str, tmp_path: Path
) -> None:
    settings = {"store": new_bucket(), "sandbox": "rlimits", **s3_settings()}
    service = Service(tmp_path / "api", database_url, **settings)

    def start(name: str) -> int:
        own = {"serve_state": str(tmp_path / name), "database_url": database_url, **settings}
        return nursery.start("worker", 1, tmp_path / f"{name}.log", own)

    try:
        runs = service.parts.runs(service.tenant)
        run_id = service.post("/plans", {"goal_id": "dairy"}).json()["run_id"]

        def stages(after: int = 0) -> list[tuple[str, str]]:
            said = [json.loads(e[3]) for e in runs.events(run_id) if e[2] == "stage" and e[0] > after]
            return [(s["stage"], s["state"]) for s in said if s["state"] != "begin"]

        first = start("one")
        until(lambda: ("compile", "run") in stages())
        nursery.end(first)
        done = stages()
        assert done[-1] == ("compile", "run")  # it was in the solve, or before it
        seen = runs.events(run_id)[-1][0]
        second = start("two")
        until(lambda: runs.read(run_id).status == "succeeded")  # type: ignore[union-attr]
        nursery.end(second, signal.SIGTERM)  # it drains
        again = stages(seen)
        assert again[: len(done)] == [(name, "cached") for name, _ in done]
        assert again[len(done)] == ("solve", "run")
        row = runs.read(run_id)
        assert row is not None
        assert (row.attempts, row.solves <= 2) == (2, True)
        assert service.get(f"/runs/{run_id}/artifacts/plan.csv").status_code == 200  # the API has neither's folder
        assert json.loads(row.result)["kernel_run_id"] == run_id
    finally:
        service.close()

"""Parts of a run as runs of their own: the same queue, the same tenant, the same bytes."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.queue import pump, shards
from dyocense_cli.serve import shards as parts
from dyocense_cli.serve.packs import PACKS
from dyocense_cli.serve.worker import RunHandler

from .api import Service
from .test_child import run

BODY = {"tier": "enterprise", "skus": [], "horizon": 4, "num_scenarios": 6, "seed": 7, "model": "statsmodels:SARIMAX"}
BODY |= {"context_ref": "fixtures/dairy"}


def test_a_run_waits_without_a_slot_for_its_parts_and_goes_on_once(engine: sa.Engine) -> None:
    queued: list[tuple[str, str]] = []

    def enqueue(_c: sa.Connection, run_id: str, _tenant: str, _pool: str, _priority: int, workflow: str) -> None:
        queued.append((run_id, workflow))

    def finish(run_id: str, seconds: float, workflow: str = "") -> bool:
        with engine.begin() as c:
            return pump.finish(c, run_id, actual_s=seconds, enqueue=enqueue, workflow=workflow)

    def state(run_id: str) -> str:
        with engine.connect() as c:
            return str(c.execute(sa.text("SELECT state FROM queue_jobs WHERE run_id = :r"), {"r": run_id}).scalar_one())

    job: dict[str, Any] = {"tenant": "t-parts", "pool": "parts", "kind": "plan", "cost_s": 2.0, "weight": 1.0, "cap": 2}
    with engine.begin() as c:
        virtual = pump.lock(c, "parts")
        for name in ("whole", "other"):
            pump.park(c, virtual, run_id=name, **job)
        pump.promote(c, "parts", "t-parts", enqueue)
        assert pump.start(c, "whole", "whole") == ("t-parts", "plan")
        assert shards.split(c, "whole", "t-parts", {"p1": 0.5, "p2": 0.5, "p3": 0.5}, enqueue)
    with engine.begin() as c:
        assert not shards.split(c, "whole", "t-parts", {"p9": 0.5}, enqueue)  # a worker that died in between asks again
        assert pump.start(c, "whole", "whole") is None  # and its workflow, begun again, finds the run waiting
    assert not finish("whole", 0.0, "whole")
    assert [state(n) for n in ("whole", "other", "p1", "p2", "p3")] == ["waiting", "ready", "ready", "parked", "parked"]  # the cap is two
    for part in ("p1", "p2", "other", "p3"):
        with engine.begin() as c:
            assert pump.start(c, part) is not None
        assert finish(part, 0.5)
        assert not finish(part, 0.5)
    assert queued[-1] == ("whole", "whole.1")
    with engine.begin() as c:
        assert pump.start(c, "whole", "whole") is None  # the first workflow is over
        assert pump.start(c, "whole", "whole.1") == ("t-parts", "plan")
    assert finish("whole", 1.0, "whole.1")
    with engine.connect() as c:
        paid = c.execute(sa.text("SELECT last_finish FROM queue_tenants WHERE tenant_id = 't-parts'")).scalar_one()
    assert paid == 10_000 * (0.5 + 3 * 0.5 + 1.0)  # the tenant has paid real seconds: of the other run, of the parts, of the whole
    assert len(queued) == len(set(queued)) == 6


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path / "state", f"sqlite:///{tmp_path / 'service.sqlite'}", sandbox="rlimits")
    yield made
    made.close()


def test_a_forecast_in_parts_is_the_same_bytes_though_one_of_them_fails(
    alone: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "number", lambda _name: -1e9)  # whatever they save
    with alone.parts.engine.begin() as c:
        c.execute(sa.text("INSERT INTO queue_workers (executor, pools, slots, beat) VALUES ('w', 'shared', 3, 1e12)"))
    headers = {**alone.headers(key=uuid.uuid4().hex), "Prefer": "wait=0"}
    asked = {**BODY, "tenant_id": alone.tenant}
    whole = str(alone.http.post("/forecast/scenarios", json=asked, headers=headers).json()["run_id"])
    handler = RunHandler(alone.config, alone.parts)
    broken = RunHandler(alone.config, alone.parts, command=("false",))

    def work(run_id: str, by: RunHandler) -> None:
        """Do what a worker does with a run."""
        with alone.parts.engine.begin() as c:
            begun = pump.start(c, run_id)
        assert begun is not None
        seconds = by(alone.tenant, run_id, begun[1])
        with alone.parts.engine.begin() as c:
            pump.finish(c, run_id, actual_s=seconds, enqueue=lambda *_: None)

    work(whole, handler)
    view = alone.get(f"/runs/{whole}").json()
    assert view["status"] == "queued"
    pieces = json.loads(alone.parts.runs(alone.tenant).read(whole).payload)["parts"]["skus"]  # type: ignore[union-attr]
    assert len(pieces) == 3
    assert [r["run_id"] for r in alone.get("/runs").json()["runs"]] == [whole]  # parts are nobody's runs
    for i, piece in enumerate(pieces):
        work(piece, broken if i == 1 else handler)
    done = [alone.get(f"/runs/{p}").json() for p in pieces]
    assert [d["status"] for d in done] == ["failed" if i == 1 else "succeeded" for i in range(len(pieces))], done
    assert all(d["result"]["forecast"] == d["result"]["skus"] > 0 for i, d in enumerate(done) if i != 1)
    work(whole, handler)
    view = alone.get(f"/runs/{whole}").json()
    assert view["status"] == "succeeded", view
    again, _ = run(tmp_path, "forecast", {**asked, "tenant_id": "acme"})
    assert again is not None
    fresh = {k: v for k, v in view["result"].items() if k != "protections"}
    assert json.dumps(fresh, sort_keys=True) == json.dumps(again["result"], sort_keys=True)


def test_parts_on_machines_without_a_common_disk_are_carried_in_packs(tmp_path: Path) -> None:
    asked = {**BODY, "tenant_id": "acme"}

    def machine(name: str, kind: str, body: dict[str, Any], packs: list[Path], **more: Any) -> tuple[Any, list[Path]]:
        """Run a child on an empty disk that was brought packs; return what it said last, and its packs."""
        folder = tmp_path / name / "job" / PACKS
        folder.mkdir(parents=True)
        for pack in packs:
            shutil.copy(pack, folder / pack.name)
        said, _ = run(tmp_path / name, kind, body, shelve=True, **more)
        return said, sorted(folder.glob("*.zip"))

    said, packs = machine("first", "forecast", asked, [], most_parts=2, part_saves=-1e9)
    skus = [part["skus"] for part in said["result"]["parts"]]
    assert sum(map(len, skus)) == 8 - 4  # four were forecast to learn what one costs
    for i, part in enumerate(said["result"]["parts"]):
        body = {"kind": "forecast", "body": asked, "part": part}
        done, packs_of = machine(f"other{i}", "shard", body, packs, run_id=f"part-{i}")
        assert done["result"] == {"skus": len(skus[i]), "forecast": len(skus[i])}
        packs += [p for p in packs_of if p.name not in {q.name for q in packs}]
    # a forecaster would find nothing missing: as a part it has all that it is asked for already
    body = {"kind": "forecast", "body": asked, "part": {"kind": "skus", "skus": [s for one in skus for s in one]}}
    last, _ = machine("last", "forecast", asked, packs, most_parts=2, part_saves=-1e9, apart=["skus"])
    fresh, _ = machine("fresh", "forecast", asked, [])
    assert last["result"] == fresh["result"]
    shutil.rmtree(tmp_path / "last" / "job")
    known, _ = run(tmp_path / "last", "shard", body)
    assert known is not None
    assert known["result"]["forecast"] == 0

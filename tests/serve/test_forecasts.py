"""Scenario requests: those that arrive together are one pass with the same bytes, and what is known is not computed again."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.queue import pump
from dyocense_cli.adapters.queue.dbos import DbosQueue, client_of
from dyocense_cli.errors import InputError
from dyocense_cli.ports import Scope
from dyocense_cli.serve.forecasts import KnownForecasts
from dyocense_cli.serve.scenarios import split, together
from dyocense_cli.serve.worker import RunHandler

from .api import Service, migrate_for
from .test_child import run

DAIRY = {"horizon": 4, "num_scenarios": 8, "seed": 7, "context_ref": "fixtures/dairy"}
LATER = 3600.0


def request(skus: list[str], **more: Any) -> dict[str, Any]:
    return {"tenant_id": "acme", "tier": "pro", "skus": skus, "model": "auto", **DAIRY, **more}


def test_a_batch_is_one_pass_with_the_bytes_of_each_alone(tmp_path: Path) -> None:
    asked = {
        "a": request(["EGGS-LARGE-1", "EGGS-MEDIUM-1"]),
        "b": request(["EGGS-LARGE-1"], seed=8, num_scenarios=5),
        "c": request([], context_ref="fixtures/jewelry"),
        "wrong": request(["NO-SUCH"]),
    }
    requests = [{"run_id": k, "body": v, "scenarios": 20, "time_limit_s": 15.0} for k, v in asked.items()]
    (tmp_path / "batch").mkdir()
    outcome, said = run(tmp_path / "batch", "forecasts", {"requests": requests})
    assert outcome is not None
    answers = outcome["result"]["answers"]
    assert set(answers) == set(asked)
    assert answers["wrong"]["problem"]["code"] == "DY2002"
    assert len(list((tmp_path / "batch/cache").rglob("*.entry"))) >= 10  # the pass kept every series of both contexts
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
        alone, _ = run(tmp_path / name, "forecast", asked[name])
        assert alone is not None
        assert json.dumps(answers[name]["result"], sort_keys=True) == json.dumps(alone["result"], sort_keys=True)
    assert len(answers["a"]["result"]["scenarios"]) == 8
    assert [s["stage"] for s in said if s["what"] == "stage" and s["state"] == "run"].count("forecast") == 2  # one per context


def test_a_document_taken_apart_is_put_together_again() -> None:
    document = {
        "horizon": 2,
        "num_scenarios": 2,
        "skus": ["A", "B"],
        "scenarios": [
            {"id": 0, "probability": 0.5, "demand": {"A:t1": 1, "A:t2": 2, "B@N:t1": 3, "B@S:t1": 4}, "lead_time_days": 3.0},
            {"id": 1, "probability": 0.5, "demand": {"A:t1": 5, "A:t2": 6, "B@N:t1": 7, "B@S:t1": 8}, "lead_time_days": 4.0},
        ],
        "stats": {"A": {"mean": 1.0}, "B@N": {"mean": 2.0}, "B@S": {"mean": 3.0}},
        "quality": {"A": "good"},
        "reasons": {"all": "few rows"},
        "seed": 1,
    }
    assert together(split(document), []) == document
    assert together(split(document), ["B", "A"]) == document
    one = together(split(document), ["A"])
    assert one["scenarios"][1]["demand"] == {"t1": 5, "t2": 6}
    assert (one["stats"], one["quality"], one["reasons"]) == ({"A": {"mean": 1.0}}, {"A": "good"}, {"all": "few rows"})
    assert together(split(one), []) == one
    assert together(split(document), ["B"])["scenarios"][0]["demand"] == {"B@N:t1": 3, "B@S:t1": 4}
    with pytest.raises(InputError, match="no SKU is named `C`"):
        together(split(document), ["A", "C"])


def test_requests_that_arrive_together_share_a_slot_and_are_paid_for(engine: sa.Engine, database_url: str, monkeypatch: Any) -> None:
    migrate_for(database_url)
    monkeypatch.setattr(pump, "WINDOW_S", LATER)
    queue, other = (DbosQueue(engine, Scope(t), client_of(engine)) for t in ("batching", "bystander"))
    job: dict[str, Any] = {"kind": "forecast", "pool": "joining", "cost_s": 0.5, "weight": 2.0, "cap": 1}
    for name in ("a", "b", "c"):
        assert queue.submit(f"batching-{name}", **job, batch="forecast-4")
    assert queue.submit("batching-d", **job, batch="forecast-9")
    assert other.submit("bystander-a", **job, batch="forecast-4")
    assert not queue.submit("batching-a", **job, batch="forecast-4")

    def state(run_id: str) -> Any:
        with engine.connect() as c:
            return tuple(c.execute(sa.text("SELECT state, leader, cost_s FROM queue_jobs WHERE run_id = :r"), {"r": run_id}).one())

    assert state("batching-a") == ("ready", "", 1.5)
    assert state("batching-b") == ("joined", "batching-a", 0.5)
    assert state("batching-d") == ("parked", "", 0.5)  # another horizon, and the cap is one
    assert queue.place("batching-c") == queue.place("batching-a")
    with engine.connect() as c:
        paid = c.execute(sa.text("SELECT last_finish FROM queue_tenants WHERE tenant_id = 'batching'")).scalar_one()
    assert paid == 3 * 0.5 * 10_000 / 2.0
    assert queue.cancel("batching-b") == "removed"
    assert queue.cancel("batching-a") == "running"  # another counts on its place
    monkeypatch.setattr(pump, "WINDOW_S", 0.02)
    begin = time.monotonic()
    assert queue.members("batching-a") == ["batching-a", "batching-c"]
    assert time.monotonic() - begin < LATER
    assert queue.submit("batching-e", **job, batch="forecast-4")
    assert state("batching-e")[0] == "parked"  # too late to join
    assert queue.members("batching-a") == ["batching-a", "batching-c"]  # asked again after a kill
    with engine.begin() as c:
        assert pump.finish(c, "batching-a", actual_s=0.0, enqueue=lambda *_: None)
    assert [state(f"batching-{n}")[0] for n in "abcd"] == ["done", "done", "done", "ready"]


def submit(service: Service, skus: list[str], tenant: str = "") -> str:
    """Ask for scenarios without waiting; returns the run."""
    tenant = tenant or service.tenant
    headers = {**service.headers(tenant=tenant, key=uuid.uuid4().hex), "Prefer": "wait=0"}
    body = {**request(skus), "tenant_id": tenant, "tier": "enterprise"}
    return str(service.http.post("/forecast/scenarios", json=body, headers=headers).json()["run_id"])


def test_what_is_known_is_answered_without_a_child_and_only_to_its_tenant(service: Service, monkeypatch: Any) -> None:
    monkeypatch.setattr(pump, "WINDOW_S", LATER)
    first, second = (submit(service, skus) for skus in (["EGGS-LARGE-1", "EGGS-MEDIUM-1"], ["EGGS-MEDIUM-1", "CREAM-CHEESE-1"]))
    monkeypatch.setattr(pump, "WINDOW_S", 0.02)
    handler = RunHandler(service.config, service.parts)
    assert handler(service.tenant, first, "forecast") == 0.0  # both, in one child
    views = [service.get(f"/runs/{r}").json() for r in (first, second)]
    assert [v["status"] for v in views] == ["succeeded"] * 2, views
    broken = RunHandler(service.config, service.parts, command=("false",))
    third = submit(service, ["EGGS-MEDIUM-1", "EGGS-LARGE-1", "CREAM-CHEESE-1"])
    broken(service.tenant, third, "forecast")
    known = service.get(f"/runs/{third}").json()
    assert known["status"] == "succeeded", known
    document = known["result"]
    assert set(document["skus"]) == {"EGGS-MEDIUM-1", "EGGS-LARGE-1", "CREAM-CHEESE-1"}
    for view in views:
        fresh = {k: v for k, v in view["result"].items() if k != "protections"}
        assert json.dumps(together(split(document), fresh["skus"]), sort_keys=True) == json.dumps(fresh, sort_keys=True)
    usage = service.get("/usage").json()["budgets"]["solver_sec"]
    assert (usage["used"], usage["reserved"]) == (0, 0)
    stranger = f"{service.tenant}-x"
    fourth = submit(service, ["EGGS-MEDIUM-1"], tenant=stranger)
    row = service.parts.runs(stranger).read(fourth)
    assert row is not None
    assert KnownForecasts(service.config, service.parts).answer(row) is None
    broken(stranger, fourth, "forecast")
    assert service.get(f"/runs/{fourth}", tenant=stranger).json()["status"] == "failed"

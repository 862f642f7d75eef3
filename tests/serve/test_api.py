"""Every refusal as specified, with its headers, on SQLite and Postgres."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.tenancy.tiers import TIERS
from dyocense_cli.serve.bodies import depth_of
from dyocense_cli.serve.limits import RateLimits
from dyocense_cli.serve.problems import ProblemError

from .api import Service

PLAN = {"goal_id": "newsvendor"}


def test_a_plan_is_taken_on_with_its_place_and_estimate(service: Service) -> None:
    answer = service.post("/plans", PLAN)
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/runs/{body['run_id']}"
    assert (body["status"], body["position"], body["reason"]) == ("queued", 0, "no_worker")
    assert body["estimate_s"] > 0
    view = service.get(answer.headers["Location"]).json()
    assert (view["status"], view["goal_id"], view["reason"]) == ("queued", "newsvendor", "no_worker")
    reserved = service.get("/usage").json()["budgets"]["solver_sec"]["reserved"]
    assert reserved == pytest.approx(body["estimate_s"], abs=1e-3)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/plans", PLAN),
        ("/forecast/scenarios", {"tier": "enterprise", "skus": [], "horizon": 4, "num_scenarios": 5}),
        ("/optiguide/compile", {"tier": "enterprise", "goal_dsl": {}, "context": {}, "scenarios": {}}),
        ("/optimizer/solve", {"tier": "enterprise", "optimodel": {}}),
        ("/evidence/write", {"plan_id": "p", "solution": {}}),
    ],
)
def test_a_call_that_computes_needs_a_key_a_token_and_its_own_tenant(service: Service, path: str, body: dict[str, Any]) -> None:
    own = {**body, "tenant_id": service.tenant}
    without_key = service.http.post(path, json=own, headers=service.headers())
    assert (without_key.status_code, without_key.json()["code"]) == (400, "DY3108")
    without_token = service.http.post(path, json=own, headers={"Idempotency-Key": "k"})
    assert (without_token.status_code, without_token.headers["WWW-Authenticate"]) == (401, "Bearer")
    foreign = service.post(path, {**body, "tenant_id": "somebody"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "DY3107")
    other_tier = service.post(path, {**own, "tier": "free"})
    assert (other_tier.status_code, other_tier.json()["code"]) == (403, "DY3107")


def test_a_token_without_the_scope_is_403(service: Service) -> None:
    token = service.token(scope="kernel.look")
    answer = service.http.get("/runs", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "DY3102")


def test_same_key_and_body_replays_another_body_is_422(service: Service) -> None:
    first = service.post("/plans", PLAN, key="k1")
    again = service.post("/plans", PLAN, key="k1")
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    other = service.post("/plans", {"goal_id": "dairy"}, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "DY3110")
    elsewhere = service.post("/plans", {"goal_id": "dairy"}, key="k1", tenant=service.tenant + "-b")
    assert elsewhere.status_code == 202


def test_identical_work_under_another_key_is_the_same_run(service: Service) -> None:
    first = service.post("/plans", PLAN).json()
    second = service.post("/plans", PLAN).json()
    assert second["run_id"] == first["run_id"]
    assert second["deduplicated"] is True
    assert service.post("/plans", {**PLAN, "seed": 7}).json()["run_id"] != first["run_id"]
    assert service.get("/usage").json()["budgets"]["solver_sec"]["reserved"] == pytest.approx(2 * first["estimate_s"], abs=0.01)


def test_a_key_in_flight_is_409(service: Service) -> None:
    async def both() -> tuple[httpx.Response, httpx.Response]:
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
            headers = service.headers(key="flight")
            first = asyncio.create_task(client.post("/plans", json=PLAN, headers={**headers, "Prefer": "wait=50"}))
            while not (runs := (await client.get("/runs", headers=headers)).json()["runs"]):
                await asyncio.sleep(0.05)
            second = await client.post("/plans", json=PLAN, headers=headers)
            await client.delete(f"/runs/{runs[0]['run_id']}", headers=headers)  # ends the wait of the first
            return await first, second

    first, second = asyncio.run(both())
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (409, "DY3109", "1")
    assert (first.status_code, first.json()["status"]) == (202, "cancelled")


def test_two_hundred_concurrent_identical_submits_make_one_run(service: Service) -> None:
    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
            token = service.headers()
            keys = ["one"] * 100 + [uuid.uuid4().hex for _ in range(100)]
            return await asyncio.gather(*(client.post("/plans", json=PLAN, headers={**token, "Idempotency-Key": k}) for k in keys))

    answers = asyncio.run(all_of_them())
    assert {a.status_code for a in answers} == {202}
    assert len({a.json()["run_id"] for a in answers}) == 1
    assert len(service.get("/runs").json()["runs"]) == 1
    assert sum(service.parts.depth().values()) >= 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"goal_id": NaN}', 400),
        (b'{"goal_id": "a", "goal_id": "b"}', 400),
        (b'{"goal_dsl": {"a": {"x": 1, "x": 2}}}', 400),
        (b'{"goal_dsl": {"a": 1e999}}', 400),
        (b'{"goal_dsl": {"a": -Infinity}}', 400),
        (b'{"goal_dsl": {"a": 1' + b"0" * 40 + b"}}", 400),
        (b'{"goal_dsl": {"a": ' + b"9" * 100_000 + b"}}", 400),
        (b'{"goal_id": "newsvendor", "variant": "\\ud800"}', 400),
        (b'{"goal_id": "newsvendor", "variant": "\\u0000"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b"{}", 422),
        (b'{"goal_id": "newsvendor", "nonsense": 1}', 422),
        (b'{"goal_id": "../etc/passwd"}', 422),
        (b'{"goal_id": "newsvendor", "goal_dsl": {}}', 422),
        (b'{"goal_id": "newsvendor", "scenarios": 0}', 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"", 422),
        (b'{"goal_id": "newsvendor", "overrides": ["a"]}', 422),
        (b'{"goal_id":"' + b"x" * (9 << 20) + b'"}', 413),
    ],
)
def test_bodies_that_do_not_fit(service: Service, raw: bytes, status: int) -> None:
    headers = {**service.headers(key=uuid.uuid4().hex), "Content-Type": "application/json"}
    answer = service.http.post("/plans", content=raw, headers=headers)
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/x-yaml"}, {"Content-Encoding": "gzip"}, {"Content-Type": "x"}]
)
def test_bodies_of_other_types_are_415(service: Service, headers: dict[str, str]) -> None:
    given = {"Content-Type": "application/json", **headers, **service.headers(key=uuid.uuid4().hex)}
    answer = service.http.post("/plans", content=b'{"goal_id": "newsvendor"}', headers=given)
    assert (answer.status_code, answer.json()["code"]) == (415, "DY1053")
    for kind in ("application/json; charset=utf-8", "application/merge-patch+json", "APPLICATION/JSON"):
        given["Content-Type"], given["Content-Encoding"] = kind, "identity"
        assert service.http.post("/plans", content=b'{"goal_id": "newsvendor"}', headers=given).status_code in (202, 409), kind


def test_depth_counts_brackets_outside_texts_only() -> None:
    assert depth_of(b'{"a": [1, {"b": "[[[[\\"]]]]"}]}') == 3
    assert depth_of(b'"' + b"[" * 1000) == 0
    assert depth_of(b"") == 0


def test_more_than_the_tier_allows_is_402(service: Service) -> None:
    answer = service.post("/plans", {**PLAN, "scenarios": 21}, tier="free")
    assert (answer.status_code, answer.json()["code"]) == (402, "DY3105")
    slow = service.post(
        "/optimizer/solve", {"tenant_id": service.tenant, "tier": "free", "optimodel": {}, "time_limit_sec": 16}, tier="free"
    )
    assert (slow.status_code, slow.json()["code"]) == (402, "DY3105")


def test_a_spent_budget_is_402_with_the_quote_and_what_fits_then_passes(service: Service) -> None:
    ledger = service.parts.ledger(service.tenant, TIERS["free"].budgets())
    ledger.reserve("earlier", {"solver_sec": 598.0})
    asked = {**PLAN, "scenarios": 20, "time_limit_s": 15}
    answer = service.post("/plans", asked, tier="free")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (402, "DY3106")
    assert body["quote"]["estimate_s"] > body["quote"]["left_s"] == pytest.approx(2.0, abs=1e-6)
    fits = body["quote"]["fits"]
    assert 1 <= fits["scenarios"] < 20
    assert 0 < fits["time_limit_s"] <= 2.0
    assert service.get("/runs", tier="free").json()["runs"] == []
    assert service.post("/plans", {**asked, "scenarios": fits["scenarios"] + 1}, tier="free").status_code == 402
    fewer = service.post("/plans", {**asked, "scenarios": fits["scenarios"]}, tier="free")
    assert (fewer.status_code, fewer.json()["estimate_s"] <= 2.0) == (202, True)
    service.http.delete(f"/runs/{fewer.json()['run_id']}", headers=service.headers(tier="free"))  # its reservation is given back
    shorter = service.post("/plans", {**asked, "time_limit_s": fits["time_limit_s"]}, tier="free")
    assert (shorter.status_code, shorter.json()["estimate_s"]) == (202, fits["time_limit_s"])


def test_the_80_percent_warning_is_on_answers_and_delivered_once(service: Service) -> None:
    hook = service.post("/webhooks", {"url": "http://127.0.0.1:9/hook"}, tier="free").json()
    service.parts.ledger(service.tenant, TIERS["free"].budgets()).reserve("earlier", {"solver_sec": 479.9})
    for seed in range(3):
        answer = service.post("/plans", {**PLAN, "seed": seed, "time_limit_s": 1}, tier="free")
        assert answer.headers["Dyocense-Budget-Warning"] == "solver_sec"
        assert answer.json()["warnings"] == ["80 % of budget solver_sec is used"]
    month = service.parts.clock.now()[:7]
    mine = [i for i in service.parts.due_items(10_000) if i[1] == service.tenant]
    assert [i[0] for i in mine] == [f"{hook['webhook_id']}-budget-solver_sec-{month}"]


def test_too_many_requests_are_429_with_headers(service: Service) -> None:
    answers = [service.post("/plans", {**PLAN, "seed": i}, tier="free") for i in range(11)]
    assert [a.status_code for a in answers[:10]] == [202] * 10
    assert answers[0].headers["RateLimit-Policy"] == '"plans";q=10;w=60'
    assert answers[0].headers["RateLimit"].startswith('"plans";r=9;t=')
    last = answers[10]
    assert (last.status_code, last.json()["code"]) == (429, "DY3104")
    assert 1 <= int(last.headers["Retry-After"]) <= 61
    assert last.headers["RateLimit"].startswith('"plans";r=0;t=')
    assert service.get("/runs", tier="free").status_code == 200  # another endpoint has its own window
    assert service.post("/plans", PLAN, tenant=service.tenant + "-b", tier="free").status_code == 202


def test_runs_are_paged(service: Service) -> None:
    ids = [service.post("/plans", {**PLAN, "seed": i}).json()["run_id"] for i in range(5)]
    first = service.get("/runs?limit=3").json()
    second = service.get(f"/runs?limit=3&before={first['next']}").json()
    assert [r["run_id"] for r in first["runs"] + second["runs"]] == ids[::-1]
    assert second["next"] is None
    assert service.get("/runs?limit=0").status_code == 400


def test_cancelling_a_waiting_run_gives_its_budget_back(service: Service) -> None:
    run_id = service.post("/plans", PLAN).json()["run_id"]
    answer = service.http.delete(f"/runs/{run_id}", headers=service.headers())
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert service.get("/usage").json()["budgets"]["solver_sec"]["reserved"] == 0
    again = service.http.delete(f"/runs/{run_id}", headers=service.headers())
    assert (again.status_code, again.json()["status"]) == (202, "cancelled")
    events = service.get(f"/runs/{run_id}/events").text
    assert [line[7:] for line in events.splitlines() if line.startswith("event: ")] == ["queued", "cancelled"]
    assert service.post("/plans", PLAN).json()["run_id"] != run_id


def test_evidence_of_a_plan_is_kept_under_its_hash(service: Service) -> None:
    body = {"tenant_id": service.tenant, "plan_id": "p1", "solution": {"status": "OPTIMAL", "kpis": {"total_cost": 1.5}}}
    first = service.post("/evidence/write", body, key="e1")
    again = service.post("/evidence/write", body, key="e1")
    assert first.status_code == 200
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json()["snapshot_hash"].startswith("sha256:")
    name = first.json()["snapshot_hash"].removeprefix("sha256:") + ".json"
    kept = json.loads((service.config.tenant_folder(service.tenant) / "evidence" / name).read_text())
    assert kept["solution"]["kpis"]["total_cost"] == 1.5
    assert service.post("/evidence/write", {**body, "plan_id": "p2"}, key="e1").status_code == 422


def test_metrics_are_the_operators(service: Service) -> None:
    away = {"X-Forwarded-For": "192.0.2.7"}  # through a proxy: not this machine
    assert service.http.get("/metrics", headers=away).status_code == 401
    assert service.http.get("/metrics", headers={**away, **service.headers()}).status_code == 403
    token = service.token(scope="kernel.operate")
    assert service.http.get("/metrics", headers={**away, "Authorization": f"Bearer {token}"}).status_code == 200
    text = service.http.get("/metrics").text
    assert "dyocense_requests_total" in text
    assert "dyocense_database_up 1.0" in text


def test_health_names_the_sandbox_and_readiness_the_workers(service: Service) -> None:
    health = service.http.get("/healthz").json()
    assert (health["status"], health["sandbox"]) == ("ok", "rlimits")
    assert service.http.get("/readyz").json() == {"status": "ready", "workers": 0, "slots": 0}


def test_unknown_pages_and_methods_are_problems(service: Service) -> None:
    for answer, status in ((service.get("/nothing"), 404), (service.http.put("/plans", headers=service.headers()), 405)):
        assert (answer.status_code, answer.json()["code"]) == (status, "DY1052")


def test_a_database_that_is_down_is_503_with_retry_after(service: Service) -> None:
    kept, service.parts.engine = service.parts.engine, open_engine("postgresql://dyo_app@127.0.0.1:1/none")
    try:
        for answer in (service.post("/plans", PLAN), service.get("/runs"), service.http.get("/readyz")):
            assert (answer.status_code, answer.json()["code"]) == (503, "DY4501")
            assert int(answer.headers["Retry-After"]) > 0
        assert service.http.get("/healthz").status_code == 200
        assert "dyocense_database_up 0.0" in service.http.get("/metrics").text
    finally:
        service.parts.engine.dispose()
        service.parts.engine = kept
    assert service.post("/plans", PLAN).status_code == 202


def test_limits_count_together_in_redis_under_the_tenants_keys(redis: dict[str, str], service: Service) -> None:
    import redis as client

    first, second = RateLimits(redis["DYOCENSE_REDIS_URL"]), RateLimits(redis["DYOCENSE_REDIS_URL"])
    for i in range(10):
        (first if i % 2 else second).check(service.tenant, TIERS["free"], "plans")
    with pytest.raises(ProblemError, match="more than 10 requests"):
        first.check(service.tenant, TIERS["free"], "plans")
    keys = [k.decode() for k in client.Redis.from_url(redis["DYOCENSE_REDIS_URL"]).keys(f"*{service.tenant}*")]
    assert keys
    assert all(k.startswith(f"tn:{service.tenant}:") for k in keys), keys


def test_redis_that_is_down_refuses_rather_than_waives() -> None:
    with pytest.raises(UnavailableError, match="cannot be counted"):
        RateLimits("redis://127.0.0.1:1/0").check("t", TIERS["free"], "plans")

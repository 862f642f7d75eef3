"""Tenants are apart on every route of the document and in every store: a new route or table cannot be forgotten."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.serve.config import read_config

from .api import Service, settings_for
from .test_service import Live, live, opa_binary, opa_url

__all__ = ["live", "opa_binary", "opa_url"]
pytestmark = pytest.mark.timeout(900)
FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"

#: A body that fits, by operation. Each call that takes one has to stand here.
BODIES: dict[str, dict[str, Any]] = {
    "createPlan": {"goal_id": "newsvendor"},
    "forecastScenarios": {"tier": "enterprise", "skus": [], "horizon": 4, "num_scenarios": 5},
    "optiguideCompile": {"tier": "enterprise", "goal_dsl": {}, "context": {}, "scenarios": {}},
    "optimizerSolve": {"tier": "enterprise", "optimodel": {}},
    "evidenceWrite": {"plan_id": "p", "solution": {}},
    "createWebhook": {"url": "http://127.0.0.1:9/"},
    "rotateWebhookSecret": {},
}
#: Calls without a tenant.
OPEN = {"health", "ready", "metrics"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (method, path, operation) of every route that the document has."""
    from fastapi import FastAPI

    from dyocense_cli.serve.app import described

    document = described(FastAPI(title="t", version="1")).openapi()
    return [(method, path, op) for path, methods in document["paths"].items() for method, op in methods.items()]


ALL = operations()
RSA = RSAKey.generate_key(2048)
CLOSED = [o for o in ALL if o[2]["operationId"] not in OPEN]
NAMES = [o[2]["operationId"] for o in CLOSED]


def body_of(service: Service, operation: dict[str, Any], tenant: str) -> dict[str, Any] | None:
    """Return a body that fits, naming its tenant where the call asks for it."""
    if "requestBody" not in operation:
        return None
    body = dict(BODIES[operation["operationId"]])
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = service.app.openapi()["components"]["schemas"][schema]["properties"]
    return {**body, "tenant_id": tenant} if "tenant_id" in fields else body


def ask(service: Service, method: str, path: str, operation: dict[str, Any], token: str | None, **ids: str) -> httpx.Response:
    """Make a call as its document asks, with the ids given."""
    values = {"run_id": str(uuid.uuid4()), "webhook_id": str(uuid.uuid4()), "name": "report.html", **ids}
    query = {"line": "PO-0001"} if operation["operationId"] == "runEvidence" else {}
    headers = {"Idempotency-Key": uuid.uuid4().hex, **({"Authorization": f"Bearer {token}"} if token is not None else {})}
    body = body_of(service, operation, ids.get("tenant", service.tenant))
    return service.http.request(method, path.format(**values), params=query, headers=headers, json=body)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def bad_tokens(service: Service) -> dict[str, str | None]:
    """Return what is no token of this service, by what is wrong with it."""
    secret, now = service.config.jwt_secret, int(time.time())
    claims = {
        "sub": "u",
        "aud": "dyocense",
        "exp": now + 600,
        "nbf": now,
        "tenant_id": service.tenant,
        "tier": "pro",
        "scope": "kernel.run",
    }
    key = OctKey.import_key(secret)

    def signed(**more: Any) -> str:
        return jwt.encode({"alg": "HS256"}, {**claims, **more}, key)

    good = signed()
    rsa = RSA
    mark = hmac.new(rsa.as_pem(private=False), b"", hashlib.sha256).digest()
    return {
        "none": None,
        "garbage": "x.y.z",
        "expired": signed(exp=now - 3600),
        "not yet": signed(nbf=now + 3600),
        "another audience": signed(aud="another"),
        "no audience": jwt.encode({"alg": "HS256"}, {k: v for k, v in claims.items() if k != "aud"}, key),
        "forged": jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("t" * 48)),
        "swapped claims": ".".join([good.split(".")[0], _part({**claims, "tenant_id": "victim"}), good.split(".")[2]]),
        "alg none": f"{_part({'alg': 'none'})}.{_part(claims)}.",
        "alg None": f"{_part({'alg': 'None'})}.{_part(claims)}.{good.split('.')[2]}",
        "another algorithm": jwt.encode({"alg": "RS256"}, claims, rsa, algorithms=["RS256"]),
        "key confusion": f"{_part({'alg': 'HS256'})}.{_part(claims)}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}",
        "own key in its head": jwt.encode(
            {"alg": "HS256", "jwk": OctKey.import_key("t" * 48).as_dict()}, claims, OctKey.import_key("t" * 48)
        ),
        "no tier": jwt.encode({"alg": "HS256"}, {k: v for k, v in claims.items() if k != "tier"}, key),
        "tenant of another folder": signed(tenant_id="../victim"),
    }


def test_each_call_with_a_body_has_one_here() -> None:
    assert {o[2]["operationId"] for o in ALL if "requestBody" in o[2]} == set(BODIES)
    assert {o[2]["operationId"] for o in ALL if not o[2].get("security")} == OPEN


@pytest.mark.parametrize(("method", "path", "operation"), CLOSED, ids=NAMES)
def test_what_is_no_token_is_401_everywhere(service: Service, method: str, path: str, operation: dict[str, Any]) -> None:
    for what, token in bad_tokens(service).items():
        answer = ask(service, method, path, operation, token)
        assert (answer.status_code, answer.json()["code"], answer.headers["WWW-Authenticate"]) == (401, "DY3101", "Bearer"), what
        assert answer.headers["Content-Type"] == "application/problem+json"
    without_scope = ask(service, method, path, operation, service.token(scope="kernel.look kernel.runs"))
    assert (without_scope.status_code, without_scope.json()["code"]) == (403, "DY3102")


@pytest.mark.parametrize(("method", "path", "operation"), [o for o in CLOSED if "{" in o[1]], ids=lambda v: v if isinstance(v, str) else "")
def test_a_foreign_id_is_404_as_an_unknown_one(service: Service, method: str, path: str, operation: dict[str, Any]) -> None:
    mine = {
        "run_id": service.post("/plans", {"goal_id": "newsvendor"}).json()["run_id"],
        "webhook_id": service.post("/webhooks", {"url": "http://127.0.0.1:9/"}).json()["webhook_id"],
    }
    other = service.tenant + "-other"
    foreign = ask(service, method, path, operation, service.token(other), tenant=other, **mine)
    unknown = ask(service, method, path, operation, service.token(other), tenant=other)
    assert foreign.status_code == unknown.status_code == 404
    assert {**foreign.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert service.tenant not in foreign.text.replace(other, "")
    assert len(service.get("/webhooks").json()["webhooks"]) == 1
    assert service.get(f"/runs/{mine['run_id']}").json()["status"] == "queued"


WITH_TENANT = [o for o in CLOSED if o[2]["operationId"] in BODIES and o[2]["operationId"] not in ("createWebhook", "rotateWebhookSecret")]


@pytest.mark.parametrize(("method", "path", "operation"), WITH_TENANT, ids=[o[2]["operationId"] for o in WITH_TENANT])
def test_a_body_that_names_another_tenant_or_tier_is_403(service: Service, method: str, path: str, operation: dict[str, Any]) -> None:
    body = body_of(service, operation, "victim")
    assert body is not None
    assert body["tenant_id"] == "victim"
    headers = {**service.headers(), "Idempotency-Key": uuid.uuid4().hex}
    for wrong in (body, {**body, "tenant_id": service.tenant.upper()}, {**body, "tenant_id": service.tenant, "tier": "free"}):
        answer = service.http.request(method, path, json=wrong, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "DY3107"), wrong


def test_pages_and_lists_end_at_the_tenant(service: Service) -> None:
    mine = [service.post("/plans", {"goal_id": "newsvendor", "seed": i}).json()["run_id"] for i in range(3)]
    other = {"tenant": service.tenant + "-other"}
    assert service.get(f"/runs?before={mine[-1]}", **other).json() == {"runs": [], "next": None}
    assert service.get("/runs?before=ffffffff", **other).json()["runs"] == []


def _inline(canary: str) -> dict[str, Any]:
    """Return a plan request that carries a word in every name a tenant can give."""
    goal = {
        "dsl": "goal/v1", "id": f"goal-{canary}", "title": f"title {canary}", "owner": f"owner-{canary}", "model": "goals/models/newsvendor.yaml",
        "context": "context.yaml", "horizon": {"periods": 1, "every": "day", "start": "2026-11-30"},
        "forecast": {"model": "auto", "num_scenarios": 3, "seed": 1}, "objective": {"cost": 1.0}, "robust": {"aggregation": "mean"},
    }  # fmt: skip
    papers = {
        "rows": [{"paper": f"SKU-{canary}", "cost": 0.6, "price": 1.5, "salvage": 0.1}],
        "units": {"cost": "EUR/each", "price": "EUR/each", "salvage": "EUR/each"},
    }
    outcomes = {"rows": [{"scenario": i, "paper": f"SKU-{canary}", "demand": 90 + i} for i in (1, 2, 3)], "units": {"demand": "each"}}
    context = {
        "dsl": "context/v1",
        "currency": "EUR",
        "tables": {"papers": papers, "outcomes": outcomes},
        "scenarios": {"table": "outcomes"},
    }
    return {"goal_dsl": goal, "context": context}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()


def _rows(url: str) -> Iterator[tuple[str, str]]:
    """Yield (table, row as text) of every table of a database, read by its owner."""
    engine = open_engine(url)
    inspector = sa.inspect(engine)
    for schema in inspector.get_schema_names():
        if schema in ("information_schema", "pg_catalog"):
            continue
        for table in inspector.get_table_names(schema=schema):
            with engine.connect() as c:
                for row in c.execute(sa.text(f'SELECT * FROM "{schema}"."{table}"')).mappings():
                    yield f"{schema}.{table}", repr(dict(row))
    engine.dispose()


def test_a_word_of_one_tenant_is_found_nowhere_else(live: Live) -> None:
    words = {f"tn-{uuid.uuid4().hex[:8]}": f"canary{uuid.uuid4().hex[:12]}" for _ in range(2)}
    runs: dict[str, str] = {}
    for tenant, word in words.items():
        with live.client(tenant) as client:
            view = live.plan(client, {**_inline(word), "variant": f"variant-{word}"})
            assert view["status"] == "succeeded", view.get("problem")
            runs[tenant] = view["run_id"]
            client.post("/webhooks", json={"url": f"http://127.0.0.1:9/{word}"})
            client.post(
                "/evidence/write", json={"tenant_id": tenant, "plan_id": word, "solution": {}}, headers={"Idempotency-Key": f"key-{word}"}
            )
    live.until(lambda: 'kind="evidence"} 0.0' in httpx.get(f"{live.url}/metrics", timeout=10).text)
    (one, word), (two, other_word) = words.items()
    _answers(live, two, word)
    _answers(live, one, other_word)
    for tenant, own in words.items():
        places = _places(live, own)
        assert places, tenant  # the word is kept where it belongs
        assert [p for p in places if tenant not in p[1]] == []
    text = httpx.get(f"{live.url}/metrics", timeout=10).text
    for line in (x for x in text.splitlines() if word in x or other_word in x):
        assert (one in line) == (word in line), line


def _answers(live: Live, tenant: str, word: str) -> None:
    """No answer to a tenant holds the word of the other."""
    with live.client(tenant) as client:
        run_id = client.get("/runs").json()["runs"][0]["run_id"]
        for method, path, operation in ALL:
            if method == "get" and operation["operationId"] != "metrics":
                answer = client.get(path.format(run_id=run_id, name="report.html", webhook_id="x"), params={"line": "x"})
                assert word not in answer.text, path


def _places(live: Live, word: str) -> list[tuple[str, str]]:
    """Return (store, place with what stands there) for everything in all stores that holds a word."""
    needle = word.encode()
    found = [
        ("file", name) for name, data in _files(live.state) if not name.startswith("service.sqlite") and needle in name.encode() + data
    ]
    e = live.environment
    url = e.get("DYOCENSE_DATABASE_OWNER_URL") or read_config(settings_for(live.state, "")).database_url
    found += [(f"table {table}", row) for table, row in _rows(url) if word in row]
    if e.get("DYOCENSE_REDIS_URL"):
        import redis

        client = redis.Redis.from_url(e["DYOCENSE_REDIS_URL"])
        found += [("redis", k.decode()) for k in client.scan_iter("*") if word in k.decode() or word in repr(_value(client, k))]
    if e.get("DYOCENSE_STORE", "").startswith("s3://"):
        found += _remote(e, needle)
    return found


def _value(client: Any, key: bytes) -> Any:
    kind = client.type(key).decode()
    return {"string": client.get, "zset": lambda k: client.zrange(k, 0, -1), "list": lambda k: client.lrange(k, 0, -1)}.get(kind, repr)(key)


def _remote(e: dict[str, str], needle: bytes) -> list[tuple[str, str]]:
    from minio import Minio
    from neo4j import GraphDatabase

    store = Minio(e["DYOCENSE_S3_ENDPOINT"].partition("://")[2], e["DYOCENSE_S3_ACCESS_KEY"], e["DYOCENSE_S3_SECRET_KEY"], secure=False)
    bucket = e["DYOCENSE_STORE"].removeprefix("s3://").partition("/")[0]
    found = []
    for one in store.list_objects(bucket, recursive=True):
        assert one.object_name is not None
        if needle in store.get_object(bucket, one.object_name).data:
            found.append(("object", one.object_name))
    with GraphDatabase.driver(e["DYOCENSE_NEO4J_URL"], auth=(e["DYOCENSE_NEO4J_USER"], e["DYOCENSE_NEO4J_PASSWORD"])) as driver:
        rows = driver.execute_query(
            "MATCH (n) WHERE any(k IN keys(n) WHERE toString(n[k]) CONTAINS $w) OPTIONAL MATCH (n)--(m)"
            " RETURN n.tenant_id AS t, collect(DISTINCT m.tenant_id) AS beside",
            w=needle.decode(),
        ).records
    assert rows
    assert all(set(r["beside"]) <= {r["t"]} for r in rows)
    return found + [("node", str(r["t"])) for r in rows]


#: What stands in files that must not be read.
SECRETS = ("root:", "SQLite format", "uuid7")
FILES = (
    "/etc/passwd", "../../../../../../../../etc/passwd", "goals/../../../../../../../etc/passwd", "../../../service.sqlite", "../../other/store",
    "file:///etc/passwd", "http://127.0.0.1:9/data.csv", "s3://bucket/key", "..", ".", "", "~/.ssh/id_rsa", "/proc/self/environ", "\\\\host\\share", "a\nb",
)  # fmt: skip


def _model(body: dict[str, Any], name: str) -> None:
    body["goal_dsl"]["model"] = name


def _goals_context(body: dict[str, Any], name: str) -> None:
    del body["context"]
    body["goal_dsl"]["context"] = name


def _table(body: dict[str, Any], name: str) -> None:
    body["context"]["tables"]["papers"] = {"file": name}


def _scenarios(body: dict[str, Any], name: str) -> None:
    body["goal_dsl"]["forecast"]["scenarios"] = name


def _reference(body: dict[str, Any], name: str) -> None:
    del body["context"]
    body["context_ref"] = name


def _query(body: dict[str, Any], name: str) -> None:
    body["context"]["tables"]["papers"] = {"sql": f"select * from read_csv('{name}')"}


def _overrides(body: dict[str, Any], name: str) -> None:
    body["overrides"] = {"context": name, "model": name}


REACHES = (_model, _goals_context, _table, _scenarios, _reference, _query, _overrides)


def test_what_lies_outside_is_not_read(live: Live) -> None:
    tenant, runs = f"tn-{uuid.uuid4().hex[:8]}", {}
    with live.client(tenant, "enterprise") as client:
        for i, reach in enumerate(REACHES):
            for name in FILES if FULL else (FILES[i % len(FILES)], FILES[(i + 7) % len(FILES)]):
                body = _inline(uuid.uuid4().hex[:8])
                reach(body, name)
                answer = client.post("/plans", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
                assert answer.status_code in (202, 422), answer.text
                if answer.status_code == 202:
                    runs[answer.json()["run_id"]] = (reach.__name__, name)

        def view(run_id: str) -> dict[str, Any]:
            out: dict[str, Any] = client.get(f"/runs/{run_id}").json()
            return out

        for run_id, what in runs.items():
            live.until(lambda run_id=run_id: view(run_id)["status"] in ("succeeded", "failed"))  # type: ignore[misc]
            found = view(run_id)
            if found["status"] == "succeeded":  # no name, or the goal's own folder, may mean what is there anyway
                assert what[1] in ("", "."), (what, found)
                continue
            assert 400 <= int(found["problem"]["status"]) < 500, (what, found["problem"])
            assert found["problem"]["code"].startswith(("DY2", "DY1")), (what, found["problem"])
            assert not any(s in str(found["problem"]) for s in SECRETS), (what, found["problem"])

"""The whole service as its operator starts it: `dyocense serve`, real runs in sandboxed children, embedded and on all servers."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from dyocense_cli.adapters.policy.build import bundles
from dyocense_cli.adapters.policy.pack import load_pack
from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from tests.opa import opa_binary

from .api import REPO, migrate_for
from .conftest import drop_postgres_database, new_postgres_database

__all__ = ["Live", "opa_binary"]
pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time


class Live:
    """A running service and how to speak to it."""

    def __init__(self, state: Path, environment: dict[str, str]) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        plain = {k: v for k, v in os.environ.items() if k != "DYOCENSE_OPA_URL"}
        self.environment = {**plain, **environment, "DYOCENSE_SERVE_STATE": str(state), "PYTHONPATH": str(REPO)}
        self.state = state
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = state.parent / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command("--port", str(self.port), "--workers", "2"), cwd=REPO, env=self.environment, stderr=log, stdout=log
            )
        self.until(self._ready)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "dyocense_cli", "serve", *arguments]

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).json().get("slots") == 2
        except (httpx.TransportError, ValueError):
            return False

    def until(self, claim: Callable[[], Any], seconds: float = 800.0) -> None:
        end = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def token(self, tenant: str, tier: str = "pro") -> str:
        done = subprocess.run(
            self.command("token", "--tenant", tenant, "--tier", tier),
            cwd=REPO,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def client(self, tenant: str, tier: str = "pro") -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token(tenant, tier)}"}, timeout=800)

    def plan(self, client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
        """Plan and follow the run to its end by its events."""
        run = client.post("/plans", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}).json()
        with client.stream("GET", f"/runs/{run['run_id']}/events", timeout=800) as answer:
            names = [line[7:] for line in answer.iter_lines() if line.startswith("event: ")]
        view: dict[str, Any] = client.get(f"/runs/{run['run_id']}").json()
        return {**view, "events": names}

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


@pytest.fixture(scope="module")
def opa_url(opa_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OPA server of somebody else's that holds the project's policies."""
    folder = tmp_path_factory.mktemp("opa")
    for name, content in bundles(load_pack(str(REPO / "policies"))).items():
        (folder / name).write_bytes(content)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    argv = [opa_binary, "run", "--server", "--disable-telemetry", "--addr", address, "-b", "base.tar.gz", "-b", "org.tar.gz"]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        assert process.poll() is None
        try:
            if httpx.get(f"http://{address}/health?bundles", timeout=5).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.05)
    yield f"http://{address}"
    process.terminate()
    process.wait()


def _full(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of every server, on a database of their own."""
    for name in ("postgres", "redis", "minio", "neo4j"):
        request.getfixturevalue(name)
    owner, app = new_postgres_database()
    migrate_for(app)
    from minio import Minio

    endpoint = os.environ["DYOCENSE_S3_ENDPOINT"]
    store = Minio(endpoint.partition("://")[2], os.environ["DYOCENSE_S3_ACCESS_KEY"], os.environ["DYOCENSE_S3_SECRET_KEY"], secure=False)
    bucket = f"serve-{uuid.uuid4().hex[:12]}"
    store.make_bucket(bucket)
    return {
        "DYOCENSE_DATABASE_URL": app,
        "DYOCENSE_STORE": f"s3://{bucket}/kept",
        "DYOCENSE_GRAPH": "neo4j",
        "DYOCENSE_DATABASE_OWNER_URL": owner,
        "DYOCENSE_OPA_URL": request.getfixturevalue("opa_url"),
        "DYOCENSE_REDIS_URL": os.environ["DYOCENSE_REDIS_URL"],
        "DYOCENSE_WEBHOOK_ALLOW": "127.0.0.0/8",
        "DYOCENSE_WHEN_DOWN": "hold",  # servers that many tests share may answer late
    }


@pytest.fixture(params=["embedded", "full"], scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: make services-up")
    environment = {"DYOCENSE_DATABASE_URL": "", "DYOCENSE_REDIS_URL": ""} if request.param == "embedded" else _full(request)
    made = Live(tmp_path_factory.mktemp("live") / "state", environment)
    yield made
    code = made.stop()
    if request.param == "full":
        drop_postgres_database(environment["DYOCENSE_DATABASE_URL"])
    assert code == 0, made.log.read_text()[-2000:]


def test_a_goal_is_planned_in_a_sandbox_and_its_files_are_kept(live: Live) -> None:
    tenant = f"tn-{uuid.uuid4().hex[:8]}"
    with live.client(tenant) as client:
        view = live.plan(client, {"goal_id": "newsvendor"})
        assert view["status"] == "succeeded", view
        assert view["result"]["status"] == "OPTIMAL"
        assert view["result"]["kpis"]["bought"] == 109
        assert view["result"]["protections"][0] == "bubblewrap"
        assert view["events"][:2] == ["queued", "running"]
        assert view["events"][-1] == "succeeded"
        assert {"report.html", "plan.csv", "solution.json", "manifest.json"} <= set(view["artifacts"])
        report = client.get(f"/runs/{view['run_id']}/artifacts/report.html")
        assert report.headers["Content-Type"].startswith("text/html")
        assert "sandbox" in report.headers["Content-Security-Policy"]
        evidence = client.get(f"/runs/{view['run_id']}/evidence", params={"line": view["result"]["steps"][0]["line"]}).json()
        assert evidence["nodes"][0]["depth"] == 0
        assert evidence["edges"]
        assert client.get(f"/runs/{view['run_id']}/evidence", params={"line": "PO-9999"}).status_code == 404
        budget = client.get("/usage").json()["budgets"]["solver_sec"]
        assert budget["reserved"] == 0
        assert budget["used"] == pytest.approx(view["solver_s"], abs=0.01)
        again = client.post("/plans", json={"goal_id": "newsvendor"}, headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=60"})
        assert (again.status_code, again.json()["run_id"]) == (200, view["run_id"])  # the same work
        like = client.post(
            "/plans", json={"goal_id": "newsvendor", "seed": 5}, headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=60"}
        ).json()
        found = client.get(f"/runs/{like['run_id']}/similar").json()["similar"]
        assert [(n["run_id"], n["goal"]) for n in found] == [(view["run_id"], "newsvendor:base")]  # the tenant's only other plan
        assert found[0]["distance"] < 1
        dna = like["result"]["fingerprints"]["plan_dna"]
        assert dna.startswith("sha256:")
        manifest = client.get(f"/runs/{like['run_id']}/artifacts/manifest.json").json()
        assert manifest["predicate"]["fingerprints"]["plan_dna"] == dna
        assert manifest["predicate"]["settings"]["sandbox"] == "bubblewrap"
    with live.client(tenant + "-other") as other:
        for path in ("", "/events", "/artifacts/report.html", "/evidence?line=PO-0001", "/similar"):
            assert other.get(f"/runs/{view['run_id']}{path}").status_code == 404
    live.until(lambda: 'kind="evidence"} 0.0' in httpx.get(f"{live.url}/metrics", timeout=10).text)  # evidence and files are delivered
    metrics = httpx.get(f"{live.url}/metrics", timeout=10).text
    assert f'outcome="optimal",tenant_id="{tenant}"' in metrics
    _kept_everywhere(live, tenant, view)


def _kept_everywhere(live: Live, tenant: str, view: dict[str, Any]) -> None:
    """On servers: the run's files lie in the object store under the tenant, its evidence in the graph with the tenant."""
    if not live.environment.get("DYOCENSE_STORE", "").startswith("s3://"):
        return
    from minio import Minio
    from neo4j import GraphDatabase

    e = live.environment
    store = Minio(e["DYOCENSE_S3_ENDPOINT"].partition("://")[2], e["DYOCENSE_S3_ACCESS_KEY"], e["DYOCENSE_S3_SECRET_KEY"], secure=False)
    bucket, _, prefix = e["DYOCENSE_STORE"].removeprefix("s3://").partition("/")
    names = [o.object_name for o in store.list_objects(bucket, prefix=prefix, recursive=True)]
    mine = [n for n in names if n and view["result"]["kernel_run_id"] in n]
    assert any(n.endswith("manifest.json") for n in mine)
    assert all(f"/{tenant}/" in f"/{n}" for n in mine)
    with GraphDatabase.driver(e["DYOCENSE_NEO4J_URL"], auth=(e["DYOCENSE_NEO4J_USER"], e["DYOCENSE_NEO4J_PASSWORD"])) as driver:
        found = driver.execute_query("MATCH (n {tenant_id: $t}) RETURN count(n) AS n", t=tenant).records[0]["n"]
    assert found > 5
    decided = httpx.get(f"{e['DYOCENSE_OPA_URL']}/metrics", timeout=10).text
    asked = [line for line in decided.splitlines() if line.startswith("http_request_duration_seconds_count") and 'method="post"' in line]
    assert asked, decided[:500]
    counted = [k.decode() for k in redis.Redis.from_url(e["DYOCENSE_REDIS_URL"]).scan_iter(f"*{tenant}*")]
    assert counted
    assert all(k.startswith(f"tn:{tenant}:") or k.startswith(f"tn:{tenant}-other:") for k in counted), counted


def test_the_four_kernel_calls_answer_in_the_designs_shapes(live: Live) -> None:
    tenant = f"tn-{uuid.uuid4().hex[:8]}"
    own = {"tenant_id": tenant, "tier": "pro"}
    with live.client(tenant) as client:

        def call(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = client.post(path, json={**own, **body}, headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=60"})
            while answer.status_code == 202:
                time.sleep(0.2)
                view = client.get(f"/runs/{answer.json()['run_id']}").json()
                if view["status"] in ("succeeded", "failed"):
                    assert view["status"] == "succeeded", view
                    result: dict[str, Any] = view["result"]
                    return result
            assert answer.status_code == 200, answer.text[:500]
            out: dict[str, Any] = answer.json()
            return out

        scenarios = call("/forecast/scenarios", {"skus": ["EGGS-LARGE-1"], "horizon": 3, "num_scenarios": 4, "context_ref": "dairy"})
        assert (scenarios["horizon"], scenarios["num_scenarios"], scenarios["skus"]) == (3, 4, ["EGGS-LARGE-1"])
        assert all(set(s["demand"]) == {"t1", "t2", "t3"} for s in scenarios["scenarios"])
        unknown = client.post(
            "/optiguide/compile",
            json={**own, "goal_dsl": {"dsl": "goal/v1"}, "context": {"dsl": "context/v1"}, "scenarios": {}},
            headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=60"},
        )
        assert unknown.status_code == 422, unknown.text
        assert unknown.json()["code"].startswith("DY2")
        assert unknown.json()["findings"]
        ref = call("/evidence/write", {"plan_id": "p1", "solution": {"status": "OPTIMAL"}})
        assert ref["snapshot_hash"].startswith("sha256:")


def test_a_running_plan_is_cancelled_and_its_slot_is_free_again(live: Live) -> None:
    with live.client(f"tn-{uuid.uuid4().hex[:8]}", "free") as client:
        run = client.post("/plans", json={"goal_id": "dairy", "time_limit_s": 15}, headers={"Idempotency-Key": "a"}).json()
        live.until(lambda: client.get(f"/runs/{run['run_id']}").json()["status"] != "queued")
        answer = client.delete(f"/runs/{run['run_id']}")
        assert answer.status_code == 202
        live.until(lambda: client.get(f"/runs/{run['run_id']}").json()["status"] in ("cancelled", "succeeded"))
        assert client.get("/usage").json()["budgets"]["solver_sec"]["reserved"] == 0
        after = live.plan(client, {"goal_id": "newsvendor"})  # the tier allows one at a time
        assert after["status"] == "succeeded"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    heard: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if len(heard) == 1 else 204)  # the first try fails: it is sent again
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_signed_and_sent_until_it_arrives(live: Live, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]) -> None:
    url, heard = receiver
    with live.client(f"tn-{uuid.uuid4().hex[:8]}") as client:
        hook = client.post("/webhooks", json={"url": url}).json()
        run = live.plan(client, {"goal_id": "newsvendor", "seed": 3})
        live.until(lambda: len(heard) >= 2)
        headers, body = heard[1]
        assert json.loads(body) == {
            "event": "run.succeeded",
            "run_id": run["run_id"],
            "tenant_id": run_tenant(body),
            "goal_id": "newsvendor",
        }
        expected = hmac.new(hook["secret"].encode(), headers["webhook-timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["webhook-signature"] == f"v1={expected}"
        assert heard[0][0]["webhook-id"] == headers["webhook-id"]  # a receiver tells a repeat by it


def run_tenant(body: bytes) -> str:
    return str(json.loads(body)["tenant_id"])


def test_status_names_workers_and_queue(live: Live) -> None:
    def status() -> dict[str, Any]:
        done = subprocess.run(live.command("status", "--json"), cwd=REPO, env=live.environment, capture_output=True, text=True, check=True)
        out: dict[str, Any] = json.loads(done.stdout)
        return out

    live.until(lambda: sum(w["slots"] for w in status()["workers"]) == 2)  # a busy machine may beat late
    assert status()["sandbox"] == "bubblewrap"

"""Stateful fuzzing of a service that really runs: submit, look, listen, fetch, cancel, webhooks, as the document's links lead.

Ten minutes with DYOCENSE_TEST_SCALE=full; a short deterministic walk otherwise. Every answer is held to the document, every run that was
taken on to an end that is no bug.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import CHECKS

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works

from .test_service import Live

pytestmark = pytest.mark.timeout(1800)
FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
SECONDS = float(os.environ.get("DYOCENSE_FUZZ_SECONDS", "600"))
NAMES = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance", "response_headers_conformance",
)  # fmt: skip
#: Inline goals and models that go all the way, beside the generated ones that are refused on it.
GOALS = ("newsvendor", "dairy", "no-such-goal")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: make services-up")
    made = Live(tmp_path_factory.mktemp("fuzz") / "state", {"DYOCENSE_DATABASE_URL": "", "DYOCENSE_REDIS_URL": ""})
    yield made
    assert made.stop() == 0


class _OverError(KeyboardInterrupt):
    """The time is over; the one kind of exception that is not taken for a finding."""


def _choice(case: Any, n: int) -> int:
    """Return a number below `n` that depends on the case alone, so that a walk can be repeated."""
    return zlib.crc32(json.dumps([case.method, case.path, case.body, case.query], default=str, sort_keys=True).encode()) % n


def _meaningful(case: Any, tenant: str) -> None:
    """Give most bodies the caller's tenant and tier, and some a goal that exists: else every walk ends at the first refusal."""
    body = case.body
    if not isinstance(body, dict):
        return
    if "tenant_id" in body and _choice(case, 8):
        body["tenant_id"] = tenant
    if "tier" in body and _choice(case, 8):
        body["tier"] = "enterprise"
    name = case.operation.definition.raw.get("operationId")
    if name == "createWebhook" and _choice(case, 4):
        body["url"] = "http://127.0.0.1:9/hook"
    if name == "createPlan" and _choice(case, 4):
        body.pop("goal_dsl", None)
        body.pop("context_ref", None)
        body.pop("context", None)
        body.pop("variant", None)
        body["goal_id"] = GOALS[_choice(case, len(GOALS))]
        body["overrides"] = {}
        body["time_limit_s"], body["scenarios"] = 2, 5


def _at_the_end(case: Any, run: dict[str, Any]) -> None:
    if case.path == "/runs/{run_id}/artifacts/{name}":
        case.path_parameters = {"run_id": run["run_id"], "name": run["artifacts"][_choice(case, len(run["artifacts"]))]}
    if case.path == "/runs/{run_id}/evidence":
        case.path_parameters = {"run_id": run["run_id"]}
        case.query = {**(case.query or {}), "line": (run["result"].get("steps") or [{"line": "PO-0001"}])[0]["line"]}


def test_a_walk_along_the_links_never_breaks(live: Live) -> None:
    tokens = {f"fuzz-{uuid.uuid4().hex[:8]}": "" for _ in range(40 if FULL else 3)}
    for tenant in tokens:
        tokens[tenant] = live.token(tenant, "enterprise")
    client = live.client(next(iter(tokens)), "enterprise")
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    schema.config.update(base_url=live.url)
    checks = [CHECKS.get_one(n) for n in NAMES]
    seen: Counter[tuple[str, int]] = Counter()
    taken: dict[str, str] = {}
    found: list[Exception] = []
    planned: dict[str, dict[str, Any]] = {}  # by tenant, its last plan with files
    until = time.monotonic() + SECONDS

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made for this document
        def setup(self) -> None:
            self.tenant = list(tokens)[sum(seen.values()) // 25 % len(tokens)]

        def before_call(self, case: Any) -> None:
            kept = {k: v for k, v in (case.headers or {}).items() if k.lower() not in ("authorization", "prefer", "idempotency-key")}
            own = {"Authorization": f"Bearer {tokens[self.tenant]}", "Prefer": f"wait={_choice(case, 2)}"}
            if _choice(case, 10):
                own["Idempotency-Key"] = uuid.uuid4().hex
            case.headers = {**kept, **own}
            _meaningful(case, self.tenant)
            if self.tenant in planned and _choice(case, 2):  # what is at the end of a plan that a walk is too short to wait for
                _at_the_end(case, planned[self.tenant])
            if case.path == "/runs/{run_id}/events" and _choice(case, 2):  # a stream ends with its run
                client.delete(f"/runs/{(case.path_parameters or {}).get('run_id')}", headers={"Authorization": own["Authorization"]})

        def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **kwargs: Any) -> None:
            seen[f"{case.method} {case.path}", response.status_code] += 1
            if response.status_code == 202 and case.method == "POST":
                taken[response.json()["run_id"]] = self.tenant
            if response.status_code == 200 and case.path in ("/runs/{run_id}", "/plans") and response.json().get("artifacts"):
                planned[self.tenant] = response.json()
            try:
                case.validate_response(response, checks=checks)
            except Exception as error:
                found.append(error)
                raise

        def step(self, input: Any) -> Any:  # its name there
            if FULL and time.monotonic() > until:
                raise _OverError
            return super().step(input)

    settings = hypothesis.settings(
        max_examples=50 if FULL else 12,
        stateful_step_count=20 if FULL else 8,
        deadline=None,
        derandomize=not FULL,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    with contextlib.suppress(_OverError):
        while not found:
            # a run moves on by itself, so that a walk may not repeat: what counts is what was found
            with contextlib.suppress(hypothesis.errors.Flaky):
                Walk.run(settings=settings)
            if not FULL:
                break
    if found:
        raise found[0]
    print(*(f"{n:6d}  {status}  {call}" for (call, status), n in sorted(seen.items())), sep="\n")
    _all_end_well(live, tokens, taken)
    assert any(status == 202 for _, status in seen)
    client.close()


def _all_end_well(live: Live, tokens: dict[str, str], taken: dict[str, str]) -> None:
    """Every run that was taken on ends, as a result, a refusal of the caller's input, or a cancel: never as a bug."""
    import httpx

    ends: Counter[str] = Counter()
    with httpx.Client(base_url=live.url, timeout=60) as http:

        def view(run_id: str) -> dict[str, Any]:
            out: dict[str, Any] = http.get(f"/runs/{run_id}", headers={"Authorization": f"Bearer {tokens[taken[run_id]]}"}).json()
            return out

        for run_id in taken:
            live.until(lambda run_id=run_id: view(run_id).get("status") in ("succeeded", "failed", "cancelled"))  # type: ignore[misc]
            found = view(run_id)
            code = str((found.get("problem") or {}).get("code", "-"))
            ends[f"{found['kind']} {found['status']} {code}"] += 1
            assert code not in ("DY9001", "DY4702"), found
    print(*(f"{n:6d}  {end}" for end, n in sorted(ends.items())), sep="\n")

"""The served OpenAPI document equals the design's excerpt wherever that speaks, and the service keeps to its own document."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from schemathesis.checks import CHECKS

from .api import Service

EXCERPT = yaml.safe_load(Path(__file__).with_name("openapi_excerpt.yaml").read_text("utf-8"))
FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and look through the `anyOf` that marks a field as optional."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [p for p in schema.get("anyOf", ()) if p.get("type") != "null"]
    if len(parts) == 1:
        return {**_resolve(document, parts[0]), **{k: v for k, v in schema.items() if k not in ("anyOf", "title")}}
    return schema


def _holds(ours: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any], wanted: Mapping[str, Any], at: str) -> None:
    """Assert that schema `mine` says all that `wanted` says."""
    mine, wanted = _resolve(ours, mine), _resolve(theirs, wanted)
    if "type" in wanted:
        assert mine.get("type") == wanted["type"], at
    assert set(wanted.get("required", ())) <= set(mine.get("required", ())), at
    for key in ("minimum", "maximum", "default"):
        if key in wanted and not (key == "maximum" and mine.get(key, wanted[key]) <= wanted[key]):
            assert mine.get(key) == wanted[key], f"{at}.{key}"
    if "enum" in wanted:
        assert set(wanted["enum"]) <= set(mine["enum"]), at
    if "items" in wanted:
        _holds(ours, theirs, mine["items"], wanted["items"], at + "[]")
    if isinstance(wanted.get("additionalProperties"), Mapping):
        _holds(ours, theirs, mine["additionalProperties"], wanted["additionalProperties"], at + "{}")
    for name, schema in wanted.get("properties", {}).items():
        assert name in mine["properties"], f"{at}.{name}"
        _holds(ours, theirs, mine["properties"][name], schema, f"{at}.{name}")


def test_the_excerpt_of_the_design_holds(service: Service) -> None:
    ours = service.http.get("/openapi.json").json()
    assert ours["info"]["title"] == EXCERPT["info"]["title"]
    for path, methods in EXCERPT["paths"].items():
        for method, wanted in methods.items():
            mine = ours["paths"][path][method]
            assert (mine["operationId"], mine["summary"]) == (wanted["operationId"], wanted["summary"])
            keys = [p for p in mine["parameters"] if p["in"] == "header" and p["name"] == "Idempotency-Key"]
            assert keys, path
            assert keys[0]["required"] is True
            _holds(
                ours,
                EXCERPT,
                mine["requestBody"]["content"]["application/json"]["schema"],
                wanted["requestBody"]["content"]["application/json"]["schema"],
                path,
            )
            for status, answer in wanted["responses"].items():
                assert mine["responses"][status]["description"] == answer["description"]
                _holds(
                    ours,
                    EXCERPT,
                    mine["responses"][status]["content"]["application/json"]["schema"],
                    answer["content"]["application/json"]["schema"],
                    f"{path} {status}",
                )
    for name, wanted in EXCERPT["components"]["schemas"].items():
        _holds(ours, EXCERPT, ours["components"]["schemas"][name], wanted, name)


def test_every_call_but_health_asks_for_a_token(service: Service) -> None:
    ours = service.http.get("/openapi.json").json()
    open_calls = {op["operationId"] for methods in ours["paths"].values() for op in methods.values() if not op.get("security")}
    assert open_calls == {"health", "ready", "metrics"}


@pytest.mark.timeout(1200)
def test_fuzzed_calls_never_break_and_answer_only_what_is_documented(service: Service) -> None:
    if service.parts.engine.dialect.name == "postgresql":
        return  # the shapes do not depend on the database
    schema = schemathesis.openapi.from_dict(service.http.get("/openapi.json").json())
    schema.config.update(base_url=service.url)
    checks = [
        CHECKS.get_one(n)
        for n in ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
    ]
    strategies = [
        operation.ok().as_strategy() for operation in schema.get_all_operations() if operation.ok().path != "/runs/{run_id}/events"
    ]
    assert len(strategies) >= 13

    known: list[str] = []
    count = 0

    @hypothesis.given(case=hypothesis.strategies.one_of(strategies), real=hypothesis.strategies.booleans())
    @hypothesis.settings(
        max_examples=3000 if FULL else 60,
        deadline=None,
        derandomize=not FULL,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def fuzz(case: Any, real: bool) -> None:
        nonlocal count
        if FULL and time.monotonic() > until:
            return
        if count % 100 == 0:  # a fresh tenant has its own rate limits, and no runs yet
            service.tenant = f"fuzz-{os.urandom(4).hex()}"
            known[:] = [service.post("/plans", {"goal_id": "newsvendor"}).json()["run_id"]]
        count += 1
        case.headers = {
            **{k: v for k, v in (case.headers or {}).items() if k.lower() != "authorization"},
            "Authorization": f"Bearer {service.token()}",
            "Prefer": "wait=0",
        }
        if real and case.path_parameters and "run_id" in case.path_parameters:
            case.path_parameters["run_id"] = known[count % len(known)]
        response = case.call()
        if response.status_code == 202 and case.method == "POST":
            known.append(response.json()["run_id"])
        case.validate_response(response, checks=checks)

    until = time.monotonic() + 600
    fuzz()
    assert count >= 50


@pytest.mark.parametrize("path", ["/plans", "/optimizer/solve"])
def test_the_document_names_every_refusal(service: Service, path: str) -> None:
    responses = service.http.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    assert set(responses) >= {"200", "202", "400", "401", "402", "403", "409", "413", "422", "429", "503"}
    assert list(responses["402"]["content"]) == ["application/problem+json"]

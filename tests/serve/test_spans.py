"""One trace from the caller through the queue, the worker and the sandboxed child into the solver; metrics under bounded labels."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from dyocense_cli.adapters.telemetry.none import NoTelemetry
from dyocense_cli.adapters.telemetry.otel import OtelTelemetry
from dyocense_cli.adapters.telemetry.told import MOST, ToldTelemetry
from dyocense_cli.serve.names import TOP_TENANTS, Labels
from dyocense_cli.serve.spans import RunSpans
from dyocense_cli.serve.worker import MEASURED

from .collector import Collector, Span
from .test_service import Live

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
TAGS = {"tenant_id": "acme", "tier": "pro", "run_id": "r1"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_what_a_child_tells_becomes_spans_of_the_callers_trace(collector: Collector) -> None:
    otel = OtelTelemetry(exporter="otlp", endpoint=collector.url)
    spans = RunSpans(otel, TAGS, CALLER)
    lines: list[str] = []
    child = ToldTelemetry(say=lines.append, traceparent=spans.for_child()["traceparent"], attributes={"tenant_id": "somebody else"})
    with child.span("kernel.solve"), child.span("solver.solve", backend="highs"):
        assert child.carrier().startswith(f"00-{TRACE}-")
    with pytest.raises(ZeroDivisionError), child.span("kernel.check"):
        raise ZeroDivisionError
    killed = child.span("kernel.stress")
    killed.__enter__()
    for line in [*lines, '{"what": "span", "trace": "f", "span": 1}', json.dumps({"what": "span", "trace": TRACE, "span": "zz"})]:
        spans.heard(json.loads(line))
    spans.close()
    otel.close()
    found = {s.name: s for s in collector.spans()}
    assert set(found) == {"serve.run", "kernel.solve", "solver.solve", "kernel.check", "kernel.stress"}
    assert {s.trace for s in found.values()} == {TRACE}
    assert found["serve.run"].parent == "b7ad6b7169203331"
    assert found["kernel.solve"].parent == found["serve.run"].id
    assert found["solver.solve"].parent == found["kernel.solve"].id
    assert found["kernel.solve"].begin <= found["solver.solve"].begin <= found["solver.solve"].end <= found["kernel.solve"].end
    assert [n for n in sorted(found) if found[n].failed] == ["kernel.check", "kernel.stress"]
    assert all(s.attributes["tenant_id"] == "acme" and s.attributes["run_id"] == "r1" for s in found.values())


def test_a_caller_that_does_not_sample_and_a_thousand_solves_cost_nothing(collector: Collector) -> None:
    lines: list[str] = []
    quiet = ToldTelemetry(say=lines.append, traceparent=CALLER[:-2] + "00", attributes={})
    with quiet.span("kernel.solve"):
        assert quiet.carrier() == ""
    assert lines == []
    busy = ToldTelemetry(say=lines.append, traceparent=CALLER, attributes={})
    for _ in range(MOST + 50):
        with busy.span("solver.solve"):
            pass
    assert len(lines) == 2 * MOST
    off = RunSpans(NoTelemetry(), TAGS, CALLER)
    assert off.for_child() == {"telemetry": "none"}
    off.heard(json.loads(lines[0]))
    off.close()
    assert collector.bodies == []


def test_labels_have_a_bound() -> None:
    labels = Labels()
    seen = {labels.of(f"t{i}", "pro", f"g{i}") for i in range(3 * TOP_TENANTS)}
    assert len(seen) == TOP_TENANTS + 1
    assert ("other", "pro", "other") in seen
    assert labels.of("t0", "free", "g0") == ("t0", "free", "g0")


def test_a_job_without_telemetry_imports_none() -> None:
    text = "import sys, dyocense_cli.serve.child as c; from dyocense_cli import wiring; c.say; sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


@pytest.mark.timeout(900)
def test_one_trace_reaches_from_the_caller_into_the_solver(tmp_path: Path, collector: Collector) -> None:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: make services-up")
    environment = {"DYOCENSE_DATABASE_URL": "", "DYOCENSE_REDIS_URL": "", "DYOCENSE_TELEMETRY": "otlp", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    live = Live(tmp_path / "state", {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    tenant = f"tn-{uuid.uuid4().hex[:8]}"
    try:
        with live.client(tenant) as client:
            body, key = {"goal_id": "newsvendor"}, uuid.uuid4().hex
            run: dict[str, Any] = client.post("/plans", json=body, headers={"Idempotency-Key": key, "traceparent": CALLER}).json()
            live.until(lambda: client.get(f"/runs/{run['run_id']}").json()["status"] == "succeeded")
            solve = {"tenant_id": tenant, "tier": "pro", "optimodel": {}}
            client.post("/optimizer/solve", json=solve, headers={"Idempotency-Key": key + "b", "Prefer": "wait=60"})
        live.until(lambda: "kernel.evidence.write" in {s.name for s in collector.spans()})
    finally:
        assert live.stop() == 0, live.log.read_text()[-3000:]
    mine = [s for s in collector.spans() if s.trace == TRACE]
    by_id = {s.id: s for s in mine}

    def way(span: Span) -> list[str]:
        return [span.name, *(way(by_id[span.parent]) if span.parent in by_id else [span.parent])]

    solver = next(s for s in mine if s.name == "solver.solve")
    assert way(solver) == ["solver.solve", "kernel.solve", "serve.run", "serve.submit", "b7ad6b7169203331"]
    names = {s.name for s in mine}
    stages = (
        "bind",
        "lint",
        "admit",
        "forecast",
        "sample",
        "compile",
        "solve",
        "check",
        "interpret",
        "stress",
        "explain",
        "guard",
        "evidence",
    )
    assert names >= {f"kernel.{s}" for s in (*stages, "evidence.write")} - {"kernel.forecast"}  # its demand is stated: nothing to forecast
    for span in mine:
        assert (span.attributes["tenant_id"], span.attributes["tier"]) == (tenant, "pro"), span
        assert span.attributes["run_id"] == run["run_id"], span
    others = {s.trace for s in collector.spans()} - {TRACE}
    assert len(others) == 1  # the call without a trace of its own made one
    metrics = collector.metrics()
    assert set(metrics) >= {*MEASURED, "evidence_write_ms"} - {"forecast_rmse"}
    assert {"tenant_id": tenant, "tier": "pro", "goal_id": "newsvendor"} in metrics["solver_wall_time"]

"""S12, three tenants, one box: fair order, idempotency, limits, budgets, tokens, one trace."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from tests.serve.collector import Collector
from tests.stories.telling import tell

#: Jobs of the flood; the whole thousand takes half an hour on two cores.
FLOOD = "1000" if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else "8"


@pytest.mark.timeout(1800)
def test_s12_three_tenants_share_one_box(tmp_path: Path) -> None:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: make services-up")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    spans = tmp_path / "spans.jsonl"
    collector = Collector(log=spans)
    try:
        told = tell(
            tmp_path, "s12_three_tenants", PORT=str(port), FLOOD=FLOOD, SPANS=str(spans), TRACE="0af7651916cd43dd8448eb211c80319c",
            DYOCENSE_TELEMETRY="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200",
        )  # fmt: skip
    finally:
        collector.close()
    for status in (202, 401, 402, 404, 409, 422, 429):
        assert f"HTTP/1.1 {status}" in told or f"HTTP {status}" in told, status
    assert "idempotency-replayed: true" in told
    assert "began within one job length: True" in told
    assert "solver.solve < kernel.solve < serve.run < serve.submit < the caller" in told
    assert all(json.loads(line) for line in spans.read_text("utf-8").splitlines())

"""Spans and metrics reach the console and an OTLP collector; off leaves no trace and imports nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cli.project import dyocense, environment, make_project

SPANS = {"kernel.forecast", "kernel.compile", "kernel.solve", "kernel.evidence.write"}
METRICS = {"solver_wall_time", "mip_gap", "status_code", "scenario_count", "evidence_write_ms"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_console_shows_every_span_and_metric_under_the_callers_trace(tmp_path: Path) -> None:
    done = dyocense("plan", "goals/newsvendor.yaml", "--quiet", cwd=make_project(tmp_path), DYOCENSE_TELEMETRY="console", TRACEPARENT=TRACE)
    assert done.code == 0, done.err
    assert [s for s in SPANS if f'"name": "{s}"' not in done.err] == []
    assert [m for m in METRICS if f'"name": "{m}"' not in done.err] == []
    assert "0x0af7651916cd43dd8448eb211c80319c" in done.err
    assert '"tenant_id": "local"' in done.err


def test_otlp_reaches_a_collector(tmp_path: Path) -> None:
    posted: dict[str, bytes] = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted[self.path] = posted.get(self.path, b"") + self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        environ = {"DYOCENSE_TELEMETRY": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        done = dyocense("plan", "goals/newsvendor.yaml", "--quiet", cwd=make_project(tmp_path), **environ)
    finally:
        server.shutdown()
        server.server_close()
    assert done.code == 0, done.err
    assert [s for s in SPANS if s.encode() not in posted["/v1/traces"]] == []
    assert [m for m in METRICS if m.encode() not in posted["/v1/metrics"]] == []


def test_telemetry_that_is_off_imports_no_telemetry_library(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    argv = [sys.executable, "-X", "importtime", "-m", "dyocense_cli", "plan", "goals/newsvendor.yaml", "--json"]
    done = subprocess.run(argv, cwd=project, env=environment(), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == "OPTIMAL"
    assert "opentelemetry" not in done.stderr


def test_an_unknown_exporter_is_named(tmp_path: Path) -> None:
    done = dyocense("plan", "goals/newsvendor.yaml", cwd=make_project(tmp_path), DYOCENSE_TELEMETRY="carrier-pigeon")
    assert done.code == 2
    assert "error[DY1021]: telemetry exporter `carrier-pigeon` is not known" in done.err

"""An OTLP collector on loopback that keeps what it is sent, read as protobuf."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class Span:
    """One span as it arrived; ids in hex, times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    begin: int
    end: int
    failed: bool
    attributes: dict[str, str]


def _plain(attributes: list[KeyValue]) -> dict[str, str]:
    return {a.key: a.value.string_value for a in attributes}


def _spans(data: bytes) -> list[Span]:
    out = []
    request = ExportTraceServiceRequest.FromString(data)
    for one in (s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans):
        ids = (one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex())
        times = (one.start_time_unix_nano, one.end_time_unix_nano)
        out.append(Span(one.name, *ids, *times, one.status.code == 2, _plain(list(one.attributes))))
    return out


class Collector:
    """Listens until it is closed; with `log`, each span is a line of JSON in that file as well."""

    def __init__(self, log: Path | None = None) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        collector, lock = self, threading.Lock()
        if log is not None:
            log.touch()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                data = gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data
                collector.bodies.append((self.path, data))
                if log is not None and self.path == "/v1/traces":
                    with lock, log.open("a", encoding="utf-8") as file:
                        file.writelines(json.dumps(asdict(span)) + "\n" for span in _spans(data))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def spans(self) -> list[Span]:
        """Return all spans that arrived."""
        return [span for path, data in list(self.bodies) if path == "/v1/traces" for span in _spans(data)]

    def metrics(self) -> dict[str, list[dict[str, str]]]:
        """Return the label sets of each metric that arrived."""
        out: dict[str, list[dict[str, str]]] = {}
        for path, data in list(self.bodies):
            if path == "/v1/metrics":
                request = ExportMetricsServiceRequest.FromString(data)
                for one in (m for r in request.resource_metrics for scope in r.scope_metrics for m in scope.metrics):
                    out.setdefault(one.name, []).extend(_plain(list(p.attributes)) for p in one.histogram.data_points)
        return out

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

"""OpenTelemetry through the SDK: console or OTLP over HTTP; joins the caller's trace from TRACEPARENT."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from opentelemetry import trace
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dyocense_cli.errors import MissingExtraError, UsageError

__all__ = ["OtelTelemetry"]

#: Units of the metrics that the kernel records.
UNITS: Final[Mapping[str, str]] = {
    "solver_wall_time": "s",
    "mip_gap": "1",
    "status_code": "1",
    "forecast_rmse": "1",
    "scenario_count": "1",
    "evidence_write_ms": "ms",
    "queue_wait_s": "s",
    "end_to_end_s": "s",
    "stages": "1",
    "cache_hits": "1",
    "budget_left": "1",
}


def _exporters(kind: str, endpoint: str) -> tuple[SpanExporter, MetricExporter]:
    if kind == "console":
        return ConsoleSpanExporter(out=sys.stderr), ConsoleMetricExporter(out=sys.stderr)
    if kind != "otlp":
        raise UsageError("DY1021", f"telemetry exporter `{kind}` is not known", hints="use none, console or otlp")
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise MissingExtraError("DY4001", "telemetry `otlp` needs its exporter", hints="pip install 'dyocense-cli[otlp]'") from error
    base = endpoint.rstrip("/")
    return OTLPSpanExporter(endpoint=f"{base}/v1/traces"), OTLPMetricExporter(endpoint=f"{base}/v1/metrics")


class OtelTelemetry:
    """Spans and histograms; `attributes` (tenant_id, tier) go on each of them."""

    features: ClassVar[frozenset[str]] = frozenset({"spans", "metrics", "events"})

    def __init__(
        self, *, exporter: str, endpoint: str = "http://127.0.0.1:4318", traceparent: str = "", attributes: Mapping[str, str] | None = None
    ) -> None:
        spans, metrics = _exporters(exporter, endpoint)
        resource = self._resource = Resource.create({"service.name": "dyocense"})
        self._attributes = dict(attributes or {})
        self._tracing = TracerProvider(resource=resource)
        self._processor = SimpleSpanProcessor(spans) if exporter == "console" else BatchSpanProcessor(spans)
        self._tracing.add_span_processor(self._processor)
        self._tracer = self._tracing.get_tracer("dyocense_cli")
        self._metering = MeterProvider([PeriodicExportingMetricReader(metrics, export_interval_millis=60_000)], resource=resource)
        self._meter = self._metering.get_meter("dyocense_cli")
        self._histograms: dict[str, Histogram] = {}
        self._parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[Any]:
        """Open a span under the current one, or under the caller's trace; an exception marks it as failed."""
        given = attributes.pop("traceparent", "")
        context = None if trace.get_current_span().get_span_context().is_valid else self._parent
        if given:
            context = TraceContextTextMapPropagator().extract({"traceparent": given})
        with self._tracer.start_as_current_span(name, context=context, attributes={**self._attributes, **attributes}) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def told(self, said: Mapping[str, Any]) -> None:
        """Send a span on that another process told of (`told.ToldTelemetry`), with its own ids and times.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is not one.
        """
        flags = TraceFlags(TraceFlags.SAMPLED)
        trace_id = int(str(said["trace"]), 16)
        failed = str(said.get("failed", ""))
        self._processor.on_end(
            ReadableSpan(
                str(said["name"])[:200],
                context=SpanContext(trace_id, int(str(said["span"]), 16), is_remote=False, trace_flags=flags),
                parent=SpanContext(trace_id, int(str(said["parent"]), 16), is_remote=True, trace_flags=flags),
                resource=self._resource,
                attributes={str(k): str(v)[:200] for k, v in dict(said["attributes"]).items()},
                status=Status(StatusCode.ERROR, failed) if failed else Status(StatusCode.UNSET),
                start_time=int(said["begin_ns"]),
                end_time=int(said["end_ns"]),
                instrumentation_scope=InstrumentationScope("dyocense_cli"),
            )
        )

    def carrier(self) -> str:
        """Return the W3C traceparent of the open span; empty when there is none."""
        carried: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carried)
        return carried.get("traceparent", "")

    def metric(self, name: str, value: float, **attributes: Any) -> None:
        """Record one value of a histogram."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._histograms[name] = self._meter.create_histogram(name, unit=UNITS.get(name, "1"))
        histogram.record(value, {**self._attributes, **attributes})

    def event(self, name: str, **attributes: Any) -> None:
        """Add an event to the current span."""
        trace.get_current_span().add_event(name, attributes)

    def close(self) -> None:
        """Flush spans and metrics."""
        self._tracing.shutdown()
        self._metering.shutdown()

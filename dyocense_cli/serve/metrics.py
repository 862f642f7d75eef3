"""Prometheus metrics with bounded cardinality: top tenants and goals by name, the rest as ``other``."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports.service import Figures
from dyocense_cli.serve.names import EVIDENCE, Labels
from dyocense_cli.wiring_service import Parts

__all__ = ["ServiceMetrics"]

_SECONDS: Final = (0.05, 0.1, 0.3, 1, 2, 5, 10, 20, 45, 90, 180)
_LABELS: Final = ("tenant_id", "tier", "goal_id")
_HISTOGRAMS: Final[Mapping[str, tuple[str, str]]] = {
    "solver_wall_time": ("dyocense_solver_wall_time_seconds", "seconds in the solver per run"),
    "compile_s": ("dyocense_compile_seconds", "seconds to compile a goal"),
    "forecast_s": ("dyocense_forecast_seconds", "seconds to forecast and sample"),
    "queue_wait_s": ("dyocense_queue_wait_seconds", "seconds between submit and begin"),
    "end_to_end_s": ("dyocense_end_to_end_seconds", "seconds between submit and end"),
}
_MS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
_GAUGES: Final[Mapping[str, tuple[str, str]]] = {
    "mip_gap": ("dyocense_mip_gap", "relative gap of the last run"),
    "forecast_rmse": ("dyocense_forecast_rmse", "root mean squared error of the last backtest"),
    "status_code": ("dyocense_status_code", "how the last run ended: 0 optimal, 1 feasible, 2 infeasible, 3 unbounded, 4 error, 5 denied"),
    "scenario_count": ("dyocense_scenario_count", "scenarios of the last run"),
    "budget_left": ("dyocense_budget_left_ratio", "share of the month's solver seconds that is left"),
}


class ServiceMetrics:
    """What `/metrics` prints; figures of runs are read from the database when it is asked, since workers are other processes.

    The label `outcome` is ``optimal feasible infeasible denied failed cancelled succeeded``.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._since = 0.0
        self._seen: set[str] = set()
        self._names = Labels()
        self.registry = CollectorRegistry()
        self.requests = Counter("dyocense_requests_total", "HTTP requests", ("route", "method", "status"), registry=self.registry)
        self.request_seconds = Histogram(
            "dyocense_request_seconds", "seconds per HTTP request", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._runs = Counter("dyocense_runs_total", "finished runs", (*_LABELS, "outcome"), registry=self.registry)
        self._stages = Counter(
            "dyocense_stages_total", "stages of runs, by whether the cache held them", (*_LABELS, "cached"), registry=self.registry
        )
        self._solver_seconds = Counter("dyocense_solver_seconds_total", "solver seconds used", _LABELS, registry=self.registry)
        self._histograms = {k: Histogram(n, t, _LABELS, buckets=_SECONDS, registry=self.registry) for k, (n, t) in _HISTOGRAMS.items()}
        self._histograms["evidence_write_ms"] = Histogram(
            "dyocense_evidence_write_ms",
            "milliseconds to write a run's evidence to the graph",
            _LABELS,
            buckets=_MS,
            registry=self.registry,
        )
        self._gauges = {k: Gauge(n, t, _LABELS, registry=self.registry) for k, (n, t) in _GAUGES.items()}
        self._depth = Gauge("dyocense_queue_depth", "runs that wait or run", ("pool", "state"), registry=self.registry)
        self._workers = Gauge("dyocense_workers", "live worker slots", registry=self.registry)
        self._lag = Gauge("dyocense_outbox_lag_seconds", "age of the oldest undelivered item", ("kind",), registry=self.registry)
        self._up = Gauge("dyocense_database_up", "1 when the database answered", registry=self.registry)

    def _observe(self, row: Figures) -> None:
        labels = self._names.of(row.tenant_id, row.tier, row.goal_id or row.kind)
        figures = row.figures
        if row.kind != EVIDENCE:
            self._count(labels, row)
        for key, histogram in self._histograms.items():
            if key in figures:
                histogram.labels(*labels).observe(figures[key])
        for key, gauge in self._gauges.items():
            if key in figures:
                gauge.labels(*labels).set(figures[key])

    def _count(self, labels: tuple[str, str, str], row: Figures) -> None:
        figures = row.figures
        self._runs.labels(*labels, row.status).inc()
        self._solver_seconds.labels(*labels).inc(figures.get("solver_wall_time", 0.0))
        hits = figures.get("cache_hits", 0.0)
        self._stages.labels(*labels, "true").inc(hits)
        self._stages.labels(*labels, "false").inc(max(0.0, figures.get("stages", 0.0) - hits))

    def _refresh(self) -> None:
        # a transaction may commit a little after its time stamp: look back and tell by id what is known
        rows = self._parts.figures_after(self._since - 5.0)
        for row in rows:
            if row.run_id not in self._seen:
                self._observe(row)
        if rows:
            self._since = max(self._since, rows[-1].seq)
            self._seen = {r.run_id for r in rows}
        self._depth.clear()
        for (pool, state), count in self._parts.depth().items():
            self._depth.labels(pool, state).set(count)
        self._workers.set(sum(w[2] for w in self._parts.workers()))
        for kind in ("webhook", "evidence"):
            self._lag.labels(kind).set(self._parts.lag_s(kind))

    def render(self) -> bytes:
        """Return the exposition text; with the database down it says so and keeps the last figures."""
        with self._lock:
            try:
                self._refresh()
                self._up.set(1)
            except UnavailableError:
                self._up.set(0)
            return generate_latest(self.registry)

"""Prometheus metrics with bounded cardinality: top tenants and goals by name, the rest as ``other``."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports.service import Figures
from dyocense_cli.wiring_service import Parts

__all__ = ["TOP_GOALS", "TOP_TENANTS", "ServiceMetrics"]

TOP_TENANTS: Final = 50
TOP_GOALS: Final = 50
_SECONDS: Final = (0.05, 0.1, 0.3, 1, 2, 5, 10, 20, 45, 90, 180)
_LABELS: Final = ("tenant_id", "tier", "goal_id")
_HISTOGRAMS: Final[Mapping[str, tuple[str, str]]] = {
    "solver_wall_time": ("dyocense_solver_wall_time_seconds", "seconds in the solver per run"),
    "compile_s": ("dyocense_compile_seconds", "seconds to compile a goal"),
    "forecast_s": ("dyocense_forecast_seconds", "seconds to forecast and sample"),
    "queue_wait_s": ("dyocense_queue_wait_seconds", "seconds between submit and begin"),
    "end_to_end_s": ("dyocense_end_to_end_seconds", "seconds between submit and end"),
}
_GAUGES: Final[Mapping[str, tuple[str, str]]] = {
    "mip_gap": ("dyocense_mip_gap", "relative gap of the last run"),
    "forecast_rmse": ("dyocense_forecast_rmse", "root mean squared error of the last backtest"),
    "scenario_count": ("dyocense_scenario_count", "scenarios of the last run"),
    "budget_left": ("dyocense_budget_left_ratio", "share of the month's solver seconds that is left"),
}


class _Names:
    """Keeps the first `top` names, each further one is ``other``: label values never grow without bound."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._known: set[str] = set()
        self.others: Tally[str] = Tally()

    def of(self, name: str) -> str:
        if name in self._known:
            return name
        if len(self._known) < self._top:
            self._known.add(name)
            return name
        self.others[name] += 1
        return "other"


class ServiceMetrics:
    """What `/metrics` prints; figures of runs are read from the database when it is asked, since workers are other processes.

    The label `outcome` is ``optimal feasible infeasible denied failed cancelled succeeded``.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._since = 0.0
        self._seen: set[str] = set()
        self._tenants = _Names(TOP_TENANTS)
        self._goals = _Names(TOP_GOALS)
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
        self._gauges = {k: Gauge(n, t, _LABELS, registry=self.registry) for k, (n, t) in _GAUGES.items()}
        self._depth = Gauge("dyocense_queue_depth", "runs that wait or run", ("pool", "state"), registry=self.registry)
        self._workers = Gauge("dyocense_workers", "live worker slots", registry=self.registry)
        self._lag = Gauge("dyocense_outbox_lag_seconds", "age of the oldest undelivered item", ("kind",), registry=self.registry)
        self._up = Gauge("dyocense_database_up", "1 when the database answered", registry=self.registry)

    def _observe(self, row: Figures) -> None:
        labels = (self._tenants.of(row.tenant_id), row.tier, self._goals.of(row.goal_id or row.kind))
        figures = row.figures
        self._runs.labels(*labels, row.status).inc()
        self._solver_seconds.labels(*labels).inc(figures.get("solver_wall_time", 0.0))
        hits = figures.get("cache_hits", 0.0)
        self._stages.labels(*labels, "true").inc(hits)
        self._stages.labels(*labels, "false").inc(max(0.0, figures.get("stages", 0.0) - hits))
        for key, histogram in self._histograms.items():
            if key in figures:
                histogram.labels(*labels).observe(figures[key])
        for key, gauge in self._gauges.items():
            if key in figures:
                gauge.labels(*labels).set(figures[key])

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

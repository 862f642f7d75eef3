"""Every adapter by port and name, imported on first use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.errors import MissingExtraError, UsageError

__all__ = ["ENTRIES", "Entry", "entries", "load"]

_BASE: Final = "dyocense_cli.adapters."


@dataclass(frozen=True, slots=True)
class Entry:
    """One adapter: `path` is ``module:Class``; `extra` the optional dependency it needs; `server` true if it needs a service."""

    port: str
    name: str
    path: str
    extra: str | None = None
    server: bool = False


ENTRIES: Final[tuple[Entry, ...]] = (
    Entry("clock", "system", _BASE + "clock.system:SystemClock"),
    Entry("clock", "frozen", _BASE + "clock.frozen:FrozenClock"),
    Entry("workspace", "directory", _BASE + "workspace.directory:DirectoryWorkspace"),
    Entry("blobs", "directory", _BASE + "blobs.directory:DirectoryBlobs"),
    Entry("blobs", "minio", _BASE + "blobs.s3:S3Blobs", extra="s3", server=True),
    Entry("runs", "directory", _BASE + "blobs.runs_directory:DirectoryRuns"),
    Entry("runs", "s3", _BASE + "blobs.runs_s3:S3Runs", extra="s3", server=True),
    Entry("runs", "mirror", _BASE + "blobs.runs_mirror:MirroredRuns"),
    Entry("cache", "files", _BASE + "cache.files:FileCache"),
    Entry("cache", "redis", _BASE + "cache.redis:RedisCache", extra="serve", server=True),
    Entry("series", "files", _BASE + "cache.series:SeriesCache"),
    Entry("forecaster", "builtin", _BASE + "forecaster.builtin:BuiltinForecaster"),
    Entry("forecaster", "statsforecast", _BASE + "forecaster.statsforecast:StatsforecastForecaster", extra="forecast"),
    Entry("forecaster", "statsmodels", _BASE + "forecaster.statsmodels:StatsmodelsForecaster", extra="forecast"),
    Entry("solver", "highs", _BASE + "solver.highs:HighsSolver"),
    Entry("solver", "cpsat", _BASE + "solver.cpsat:CpSatSolver", extra="ortools"),
    Entry("solver", "mathopt", _BASE + "solver.mathopt:MathOptSolver", extra="ortools"),
    Entry("solver", "pyomo", _BASE + "solver.pyomo:PyomoSolver", extra="pyomo"),
    Entry("policy", "opa_process", _BASE + "policy.opa_process:OpaProcess"),
    Entry("policy", "opa_wasm", _BASE + "policy.opa_wasm:OpaWasm"),
    Entry("policy", "opa_server", _BASE + "policy.opa_server:OpaServer", server=True),
    Entry("policy", "opa_managed", _BASE + "policy.opa_managed:OpaManaged"),
    Entry("graph", "ladybug", _BASE + "graph.ladybug:LadybugGraph"),
    Entry("graph", "neo4j", _BASE + "graph.neo4j:Neo4jGraph", extra="neo4j", server=True),
    Entry("vectors", "qdrant", _BASE + "vectors.qdrant:QdrantIndex", extra="vectors"),
    Entry("queue", "dbos", _BASE + "queue.dbos:DbosQueue", extra="serve"),
    Entry("ledger", "sqlite", _BASE + "ledger.sqlite:SqliteLedger", extra="serve"),
    Entry("ledger", "postgres", _BASE + "ledger.postgres:PostgresLedger", extra="serve", server=True),
    Entry("sandbox", "rlimits", _BASE + "sandbox.rlimits:RlimitsSandbox"),
    Entry("sandbox", "bubblewrap", _BASE + "sandbox.bubblewrap:BubblewrapSandbox"),
    Entry("telemetry", "none", _BASE + "telemetry.none:NoTelemetry"),
    Entry("telemetry", "told", _BASE + "telemetry.told:ToldTelemetry"),
    Entry("telemetry", "otel", _BASE + "telemetry.otel:OtelTelemetry"),
)


def entries(port: str) -> tuple[Entry, ...]:
    """Return the entries of a port: ours, then those of the entry point group ``dyocense.adapters``."""
    import importlib.metadata

    theirs = tuple(
        Entry(port, ep.name.split(".", 1)[1], ep.value)
        for ep in importlib.metadata.entry_points(group="dyocense.adapters")
        if ep.name.split(".", 1)[0] == port and "." in ep.name
    )
    return tuple(e for e in ENTRIES if e.port == port) + theirs


def load(port: str, name: str) -> Any:  # the class of any port
    """Import and return an adapter class.

    Raises
    ------
    UsageError
        DY4002 if no adapter has this name.
    MissingExtraError
        DY4001 if its optional library is not installed.
    """
    for entry in ENTRIES:  # ours first: asking the environment for entry points costs as much as a cached plan
        if entry.port == port and entry.name == name:
            return _import(entry)
    known = entries(port)
    for entry in known:
        if entry.name == name:
            return _import(entry)
    raise UsageError("DY4002", f"no {port} is named `{name}`", hints="use one of " + ", ".join(e.name for e in known))


def _import(entry: Entry) -> Any:
    module, _, attribute = entry.path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if entry.extra is None or (error.name or "").startswith("dyocense_cli"):
            raise
        raise MissingExtraError(
            "DY4001",
            f"{entry.port} `{entry.name}` needs {error.name}, which is not installed",
            hints=f"pip install 'dyocense-cli[{entry.extra}]'",
        ) from error

"""The composition root: the only module that names adapters. Settings in, a ready kernel out."""

from __future__ import annotations

import atexit
import importlib.metadata
import os
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyocense_cli.adapters import registry
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.policy import Principal
from dyocense_cli.defaults import default
from dyocense_cli.errors import DyocenseError, MissingExtraError, UnavailableError, UsageError
from dyocense_cli.kernel.privacy.mask import Mask
from dyocense_cli.ports import Scope
from dyocense_cli.runner.execute import Observer, Ports, Quiet
from dyocense_cli.runner.memo import Memo
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.order import House, Order
from dyocense_cli.runner.run import Kernel
from dyocense_cli.wiring_runs import archive_runs, bucket_rules, local_runs, mirrored_runs, remote_runs, run_store

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.adapters.cache.series import SeriesCache
    from dyocense_cli.ports import Forecaster, GraphStore, Lent, PolicyEngine, SolveEvent, Telemetry, VectorIndex, Workspace
    from dyocense_cli.settings import Settings

__all__ = [
    "archive_runs",
    "bucket_rules",
    "build",
    "forecaster_for",
    "graph_store",
    "kept_forecaster",
    "local_runs",
    "mirrored_runs",
    "package_version",
    "peer_forecaster",
    "policy_engine",
    "policy_keeper",
    "policy_tool",
    "remote_runs",
    "run_store",
    "series_cache",
    "solver",
    "survey",
    "telemetry",
    "today",
    "vector_index",
    "workspace",
]

_LIBRARY = {"highs": "highspy", "cpsat": "ortools", "mathopt": "ortools", "pyomo": "pyomo"}


@cache
def package_version() -> str:
    """Return this package's version."""
    try:
        return importlib.metadata.version("dyocense-cli")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def telemetry(settings: Settings) -> Telemetry:
    """Return the telemetry that the settings name; `none` costs nothing."""
    if settings["telemetry"] == "none":
        made: Telemetry = registry.load("telemetry", "none")()
        return made
    own = {"traceparent": settings["traceparent"], "attributes": {"tenant_id": settings["tenant_id"], "tier": settings["tier"]}}
    if settings["telemetry"] == "told":
        told: Telemetry = registry.load("telemetry", "told")(**own)
        return told
    adapter: Telemetry = registry.load("telemetry", "otel")(exporter=settings["telemetry"], endpoint=settings["otlp_endpoint"], **own)
    return adapter


def vector_index(settings: Settings) -> VectorIndex:
    """Return the index of plan features: a local folder, or the Qdrant server that the settings name."""
    scope = Scope(settings["tenant_id"])
    made: VectorIndex = registry.load("vectors", "qdrant")(settings["qdrant_url"], str(settings.path("cache") / "vectors"), scope)
    return made


def graph_store(settings: Settings) -> GraphStore | None:
    """Return the evidence graph that the settings name: a file below the cache folder, Neo4j, or none."""
    scope = Scope(settings["tenant_id"])
    if settings["graph"] == "neo4j":
        server: GraphStore = registry.load("graph", "neo4j")(
            settings["neo4j_url"] or "bolt://127.0.0.1:7687", settings["neo4j_user"], settings["neo4j_password"], scope
        )
        return server
    if settings["graph"] == "none":
        return None
    embedded: GraphStore = registry.load("graph", settings["graph"])(str(settings.path("cache") / "graph" / scope.tenant_id), scope)
    return embedded


@cache
def solver(name: str) -> Any:
    """Return a solver by name, one for the whole process; ``auto`` is HiGHS, ``mathopt:pdlp`` an engine within a library."""
    base, _, engine = name.partition(":")
    made = registry.load("solver", "highs" if base == "auto" else base)
    return made(engine) if engine else made()


def _solver_version(backend: str) -> str:
    name = "highs" if backend == "auto" else backend
    try:
        return importlib.metadata.version(_LIBRARY.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return ""


def _threads(asked: int) -> int:
    return asked or max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _resolve_solver(options: SolverOptions, tier: str) -> SolverOptions:
    """Fill in the number of threads and hold the time limit to the tier's."""
    limit = float(str(default(f"tier.{tier}.time_limit_s"))) if tier in ("free", "standard", "pro", "enterprise") else options.time_limit_s
    return SolverOptions(
        options.backend,
        min(options.time_limit_s, limit),
        options.mip_gap,
        _threads(options.threads),
        options.seed,
        options.nodes,
        options.work,
        options.method,
    )


def _cache_folder(settings: Settings) -> Path:
    base = settings.path("cache")
    return base if settings["tenant_id"] == "local" else base / "tenants" / settings["tenant_id"]


def build(
    settings: Settings, *, allow: tuple[str, ...] = (), observer: Observer | None = None, interrupted: Callable[[], bool] = lambda: False
) -> Kernel:
    """Return a kernel of one tenant, with every adapter that the settings name; each is imported on first use."""
    if settings["tier"] not in ("free", "standard", "pro", "enterprise"):
        raise UsageError("DY1014", f"tier `{settings['tier']}` is not known", hints="use free, standard, pro or enterprise")
    base = _cache_folder(settings)
    memo = Memo(registry.load("blobs", "directory")(str(base / "blobs")), registry.load("cache", "files")(str(base / "keys")))
    clock = registry.load("clock", "system")()
    spans = telemetry(settings)
    principal = Principal(settings["tenant_id"], settings["tier"], "local")

    def ports(order: Order, watcher: Observer, progress: Callable[[SolveEvent], bool]) -> Ports:
        del watcher
        engine = cache(lambda: _policy(settings))
        return Ports(
            forecaster=lambda model: _by_sku(settings, model, keep=order.use_cache and order.keep),
            policy=engine,
            lent=lambda: _lent(progress, spans),
            telemetry=spans,
            tags=lambda stage: _tags(stage, settings, order, engine, _today(order, clock.now())),
            interrupted=interrupted,
            compile_policy=order.compile_policy,
            draft_reason=order.draft_reason,
            today=_today(order, clock.now()),
            use_cache=order.use_cache,
        )

    house = House(
        package_version(),
        principal,
        clock.now,
        settings.shown(),
        json_sha({"forecaster": settings["forecaster"], "tier": settings["tier"]}),
        _parquet,
        str(settings.path("signing_key")) if settings["signing_key"] else "",
    )
    return Kernel(
        workspace=registry.load("workspace", "directory")(settings.root, allow=allow),
        memo=memo,
        runs=run_store(settings),
        telemetry=spans,
        house=house,
        ports=ports,
        graph=lambda: None if settings["graph"] == "none" else graph_store(settings),
        resolve_solver=_resolve_solver,
        observer=observer or Quiet(),
        interrupted=interrupted,
        mask=Mask(settings["pii_key"], settings["tenant_id"]),
    )


def workspace(settings: Settings, allow: tuple[str, ...] = ()) -> Workspace:
    """Return the workspace of the project."""
    made: Workspace = registry.load("workspace", "directory")(settings.root, allow=allow)
    return made


def today() -> str:
    """Return the date of the clock, ISO."""
    now: str = registry.load("clock", "system")().now()
    return now[:10]


def policy_engine(settings: Settings, *, keep: bool = False) -> PolicyEngine:
    """Return the policy engine; with `keep`, one OPA server for many questions in place of a process for each."""
    engine = _policy(settings)
    if not keep or engine.name != "opa_process":
        return engine
    binary = shutil.which(settings["opa"] or "opa") or settings["opa"]
    folder = str(settings.path("policies"))
    kept = registry.load("policy", "opa_managed")(
        binary, lambda: resolve("adapters.policy.pack:load_pack")(folder), cache=str(settings.path("cache") / "policy")
    )
    atexit.register(kept.close)
    made: PolicyEngine = kept
    return made


def policy_keeper(settings: Settings) -> Callable[[], str]:
    """Return how a worker names the engine its jobs ask: the address of an OPA server kept for all of them, swapped when policies change.

    A configured server is named by a socket that leads to it: jobs have no network. Where no `opa` program decides, the address is
    empty: each job then decides for itself.
    """
    if settings["opa_url"].startswith(("http://", "https://")):
        relay = resolve("adapters.policy.opa_relay:OpaRelay")(settings["opa_url"])
        named: Callable[[], str] = relay.address  # holds the relay, whose folder goes when it goes
        return named
    engine = cache(lambda: policy_engine(settings, keep=True))

    def address() -> str:
        try:
            named: str = getattr(engine(), "address", lambda: settings["opa_url"])()
        except DyocenseError:  # the job that asks policy says what is wrong
            return settings["opa_url"]
        return named

    return address


def _parquet(columns: Mapping[str, np.ndarray]) -> bytes:
    from dyocense_cli.adapters.workspace.parquet import parquet_bytes

    return parquet_bytes(columns)


def _policy(settings: Settings) -> PolicyEngine:
    if settings.sources["policies"] not in ("default", "service") and not settings.path("policies").is_dir():
        raise UsageError(
            "DY1026",
            f"there is no folder of policies `{settings['policies']}` ({settings.sources['policies']})",
            hints="name a folder of Rego packages; without one the shipped pack decides",
        )
    choose = resolve("adapters.policy.choose:choose")
    engine: PolicyEngine = choose(
        opa=settings["opa"], url=settings["opa_url"], policies=str(settings.path("policies")), cache=str(settings.path("cache") / "policy")
    )
    return engine


def policy_tool(name: str) -> Callable[..., Any]:
    """Return a tool for policy folders: ``build``, ``test`` or ``rules``."""
    tool: Callable[..., Any] = resolve(f"adapters.policy.tools:{name}")
    return tool


def series_cache(settings: Settings) -> SeriesCache:
    """Return the cache of forecasts by series, this tenant's part."""
    made: SeriesCache = registry.load("series", "files")(str(_cache_folder(settings) / "series"))
    return made


def forecaster_for(settings: Settings, model: str) -> Forecaster:
    """Return the forecaster of a model's name, uncached."""
    return _forecaster(settings, model)


def peer_forecaster() -> Forecaster | None:
    """Return the forecaster that backtests compare with, None where its library is not installed."""
    try:
        peer: Forecaster = registry.load("forecaster", "statsforecast")()
    except MissingExtraError:
        return None
    return peer


def _forecaster(settings: Settings, model: str) -> Forecaster:
    """Return the forecaster that ``model: statsforecast:AutoETS`` names before the colon, else the configured one."""
    named = model.partition(":")[0]
    known = {entry.name for entry in registry.entries("forecaster")}
    adapter: Forecaster = registry.load("forecaster", named if named in known else settings["forecaster"])()
    return adapter


def _by_sku(settings: Settings, model: str, *, keep: bool) -> Forecaster:
    """Return a forecaster that puts its answer together SKU by SKU, so that what is kept and what is made anew are the same bytes.

    With `keep`, what it says of a SKU is kept by (sku, horizon, features, model configuration) and not asked again.
    """
    adapter = _forecaster(settings, model)
    version = getattr(adapter, "version", lambda: "")()
    name = f"{getattr(adapter, 'name', model.partition(':')[0])} {package_version()} {version}".strip()
    store = series_cache(settings) if keep else resolve("adapters.forecaster.cached:NoEntries")()
    wrapped: Forecaster = resolve("adapters.forecaster.cached:CachedForecaster")(adapter, store, name=name)
    return wrapped


def kept_forecaster(settings: Settings, model: str) -> Any:
    """Return the forecaster of a model's name with this tenant's cache before it: `name` of its keys, `most` SKUs it keeps at once."""
    return _by_sku(settings, model, keep=True)


def _lent(progress: Callable[[SolveEvent], bool], spans: Telemetry) -> Lent:
    from dyocense_cli.ports import Lent

    def solve(model: Any, limits: Any, *, start: Any = None, progress: Any = None, backend: str = "auto") -> Any:
        with spans.span("solver.solve", backend=backend):
            return solver(backend).solve(model, limits, start=start, progress=progress)

    clock = registry.load("clock", "system")()
    return Lent(ground=resolve("kernel.optimizer.ground:ground"), solve=solve, progress=progress, seconds=clock.monotonic)


def _today(order: Order, now: str) -> str:
    return (order.as_of or now)[:10]


def _tags(stage: str, settings: Settings, order: Order, engine: Callable[[], PolicyEngine], today: str) -> dict[str, str]:
    if stage in ("admit", "guard"):
        try:
            asked = engine()
            day = {"as_of": today} if asked.dated() else {}
            return {"snapshot": asked.snapshot(), "compile": str(order.compile_policy), **day}
        except UnavailableError:
            if not order.draft_reason:
                raise
            return {"draft": order.draft_reason}
    if stage == "forecast":
        return {"forecaster": settings["forecaster"]}
    if stage == "evidence":
        return {"forecaster": settings["forecaster"], "tier": settings["tier"]}
    if stage in ("solve", "stress", "explain"):
        return {"highs": _solver_version("highs")}
    return {}


def survey(settings: Settings) -> list[dict[str, str | bool]]:
    """Return one row per adapter: port, name, ready, version, hint; and which engine decides policy."""
    rows: list[dict[str, str | bool]] = []
    for entry in registry.ENTRIES:
        row: dict[str, str | bool] = {"port": entry.port, "name": entry.name, "ready": True, "version": "", "hint": ""}
        try:
            registry.load(entry.port, entry.name)
            row["version"] = _distribution(entry.port, entry.name)
        except ImportError as error:
            row.update(ready=False, hint=f"cannot be imported: {error}")
        except DyocenseError as error:
            row.update(ready=False, hint=error.hints[0] if error.hints else error.message)
        if row["ready"] and entry.server:
            row["hint"] = row["version"] = "needs a server"
        rows.append(row)
    rows.append(_policy_row(settings))
    return rows


def _distribution(port: str, name: str) -> str:
    library = _LIBRARY.get(name, name) if port in ("solver", "forecaster", "graph") else ""
    try:
        return f"{library} {importlib.metadata.version(library)}" if library else ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def _policy_row(settings: Settings) -> dict[str, str | bool]:
    try:
        return {"port": "policy", "name": "decides", "ready": True, "version": _policy(settings).version(), "hint": ""}
    except DyocenseError as error:
        return {"port": "policy", "name": "decides", "ready": False, "version": "", "hint": f"{error.message}; no plan can be approved"}

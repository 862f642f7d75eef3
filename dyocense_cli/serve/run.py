"""Start and stop: the API process with a worker process beside it; status, tokens, migration."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

import uvicorn

from dyocense_cli.errors import UsageError
from dyocense_cli.serve.app import create_app
from dyocense_cli.serve.auth import SCOPE, mint
from dyocense_cli.serve.config import ServeConfig, number, read_config
from dyocense_cli.serve.retention import retain, set_lifecycle
from dyocense_cli.serve.routes.health import OPERATOR_SCOPE
from dyocense_cli.serve.worker import run_worker
from dyocense_cli.settings import Settings
from dyocense_cli.wiring_service import migrate_database, open_parts

__all__ = ["migrate_service", "retain_runs", "run_service", "status", "token", "worker"]

_RESTART_S: Final = 1.0


def _ready(settings: Settings) -> ServeConfig:
    """Return the configuration; an embedded database is migrated on the way, a server's only by its owner."""
    config = read_config(settings)
    if config.database_url.startswith("sqlite"):
        migrate_database(config.database_url)
    return config


class _WorkerProcess:
    """The worker beside the API: started again when it dies, drained when the service stops."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._halt = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, name="worker-watch", daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "dyocense_cli", "serve", "worker", *self._arguments])

    def _watch(self) -> None:
        while not self._halt.wait(_RESTART_S):
            if self._process.poll() is not None and not self._halt.is_set():
                self._process = self._start()

    def again(self) -> None:
        """Pass on a signal that came while the worker drains: it hands back what it holds."""
        if self._halt.is_set():
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Drain: the worker finishes what it holds."""
        self._halt.set()
        self._thread.join()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()


def run_service(settings: Settings, *, host: str, port: int, slots: int) -> int:
    """Serve until SIGTERM or SIGINT; `slots` runs at once in a worker process beside the API, 0 for none."""
    config = _ready(settings)
    parts = open_parts(config.database_url, dead_after_s=number("serve.dead_after_s"))
    parts.check()
    application = create_app(config, parts)
    beside = _WorkerProcess(worker_arguments(config, slots)) if slots else None
    server = uvicorn.Server(
        uvicorn.Config(application, host=host, port=port, log_level="warning", timeout_graceful_shutdown=10, server_header=False)
    )
    sys.stderr.write(f"serving http://{host}:{port}/ · {config.sandbox} · {parts.engine.dialect.name} · {slots} slots\n")
    for one in (signal.SIGTERM, signal.SIGINT):
        # the server raises the signal again when it has stopped; the worker beside it still has to be drained then
        signal.signal(one, lambda *_: beside.again() if beside is not None else None)
    try:
        server.run()
    finally:
        if beside is not None:
            beside.stop()
        parts.close()
    return 0


def worker_arguments(config: ServeConfig, slots: int) -> list[str]:
    """Return the arguments that give a worker process the same settings; secrets go by the environment."""
    out = ["--beside", "--slots", str(slots), "--sandbox", config.sandbox, "--state", str(config.state)]
    if config.settings["tenants"]:
        out += ["--tenants", str(config.settings.path("tenants"))]
    return out if config.settings.sources.get("database_url") != "flag" else [*out, "--database", config.database_url]


def worker(settings: Settings, *, slots: int, beside: bool = False) -> int:
    """Run a worker process; 0 after a drained stop. One `beside` an API process stops when that is gone."""
    return run_worker(_ready(settings), slots=slots, beside=beside)


def token(settings: Settings, *, tenant: str, tier: str, hours: float, operator: bool) -> str:
    """Return a token for local use; `operator` adds the scope that /metrics asks for."""
    scope = f"{SCOPE} {OPERATOR_SCOPE}" if operator else SCOPE
    return mint(read_config(settings), tenant=tenant, tier=tier, hours=hours, scope=scope)


def migrate_service(settings: Settings, *, app_role: str) -> list[str]:
    """Bring the database to this version's schema with the owner's URL; returns what was applied.

    Raises
    ------
    UsageError
        DY4502 when a Postgres database is configured without its owner's URL.
    """
    config = read_config(settings)
    url = settings["database_owner_url"] or config.database_url
    if not url.startswith("sqlite") and not settings["database_owner_url"]:
        raise UsageError(
            "DY4502",
            "migrating needs the owner of the tables",
            hints="set DYOCENSE_DATABASE_OWNER_URL; the service itself runs as another role",
        )
    return migrate_database(url, app_role=app_role if not url.startswith("sqlite") else None)


def retain_runs(
    settings: Settings, *, keep_last: int, archive: str, before: str, dry_run: bool, days: int, storage_class: str
) -> Mapping[str, Any]:
    """Sweep the runs of all tenants; with `days`, set the archive's lifecycle rules too. Returns what was done."""
    config = _ready(settings)
    parts = open_parts(config.database_url, dead_after_s=number("serve.dead_after_s"))
    try:
        parts.check()
        found = retain(config, parts, keep_last=keep_last, archive=archive, before=before, dry_run=dry_run)
        rules = set_lifecycle(config, archive=archive, days=days, storage_class=storage_class) if days and not dry_run else []
    finally:
        parts.close()
    told = [{"tenant": k.tenant, "gone": list(k.gone), "kept": k.kept, "nodes": k.nodes} for k in found]
    return {"tenants": told, "rules": [{"prefix": p, "days": d, "storage_class": c} for p, d, c in rules], "dry_run": dry_run}


def status(settings: Settings) -> Mapping[str, Any]:
    """Return workers, queue and outbox as the database has them."""
    config = _ready(settings)
    parts = open_parts(config.database_url, dead_after_s=number("serve.dead_after_s"))
    try:
        parts.check()
        depth = parts.depth()
        return {
            "database": parts.engine.dialect.name,
            "sandbox": config.sandbox,
            "workers": [{"executor": x, "pools": p.split(","), "slots": s, "beat_s_ago": round(b, 1)} for x, p, s, b in parts.workers()],
            "queue": [{"pool": p, "state": s, "runs": n} for (p, s), n in sorted(depth.items())],
            "outbox_lag_s": {kind: round(parts.lag_s(kind), 1) for kind in ("webhook", "evidence")},
        }
    finally:
        parts.close()

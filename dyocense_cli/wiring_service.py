"""The composition root of the service: a database URL in, everything that `serve` stands on out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyocense_cli.adapters import registry
from dyocense_cli.defaults import default
from dyocense_cli.ports import Clock, Sandbox, Scope

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dyocense_cli.adapters.queue.worker import DbosWorker
    from dyocense_cli.adapters.sql.accounts import SqlAccounts
    from dyocense_cli.adapters.sql.forecasts import SqlForecasts
    from dyocense_cli.adapters.sql.outbox import SqlOutbox
    from dyocense_cli.adapters.sql.runs import SqlRuns
    from dyocense_cli.ports.service import Figures, JobQueue

__all__ = ["Parts", "held_folder", "migrate_database", "open_parts", "sandbox_named", "sweep_folders", "sweep_groups"]


@dataclass(slots=True)
class Parts:
    """Adapters of the service on one database; those of a tenant are made with its scope."""

    engine: sa.Engine
    client: Any  # the durable engine's client
    clock: Clock
    dead_after_s: float
    _memo: dict[str, Any] = field(default_factory=dict)

    def runs(self, tenant: str) -> SqlRuns:
        """Return the runs of a tenant."""
        from dyocense_cli.adapters.sql.runs import SqlRuns

        return SqlRuns(self.engine, Scope(tenant), self.clock)

    def ledger(self, tenant: str, limits: Mapping[str, float]) -> SqlAccounts:
        """Return the ledger of a tenant with its monthly budgets."""
        name = "postgres" if self.engine.dialect.name == "postgresql" else "sqlite"
        made: SqlAccounts = registry.load("ledger", name)(self.engine, Scope(tenant), self.clock, limits)
        return made

    def outbox(self, tenant: str) -> SqlOutbox:
        """Return the outbox of a tenant."""
        from dyocense_cli.adapters.sql.outbox import SqlOutbox

        return SqlOutbox(self.engine, Scope(tenant), self.clock)

    def queue(self, tenant: str) -> JobQueue:
        """Return the queue as a tenant sees it."""
        made: JobQueue = registry.load("queue", "dbos")(self.engine, Scope(tenant), self.client, dead_after_s=self.dead_after_s)
        return made

    def forecasts(self, tenant: str) -> SqlForecasts:
        """Return the scenario sets of a tenant by content hash."""
        from dyocense_cli.adapters.sql.forecasts import SqlForecasts

        return SqlForecasts(self.engine, Scope(tenant))

    @contextmanager
    def unit(self, tenant: str) -> Iterator[None]:
        """Make everything inside one transaction of a tenant: it all happens or none of it."""
        from dyocense_cli.adapters.sql.engine import tenant_transaction

        with tenant_transaction(self.engine, Scope(tenant)):
            yield

    def now_s(self) -> float:
        """Return the time in seconds since the epoch, by the service's clock."""
        from datetime import datetime

        return datetime.fromisoformat(self.clock.now()).timestamp()

    def due_items(self, limit: int = 100) -> list[tuple[str, str, str, int]]:
        """Return (item, tenant, kind, attempts) of outbox items that are due."""
        from dyocense_cli.adapters.sql.outbox import due_items

        return due_items(self.engine, self.now_s(), limit)

    def waiting_items(self, tenant: str, kind: str) -> list[str]:
        """Return a tenant's outbox items of a kind that did not arrive yet."""
        from dyocense_cli.adapters.sql.outbox import waiting_items

        return waiting_items(self.engine, tenant, kind)

    def lag_s(self, kind: str) -> float:
        """Return the age in seconds of the oldest undelivered item of a kind."""
        from dyocense_cli.adapters.sql.outbox import lag_seconds

        return lag_seconds(self.engine, kind, self.now_s())

    def add_figures(self, row: Figures) -> None:
        """Store a finished run's figures once."""
        from dyocense_cli.adapters.sql.figures import add_figures

        add_figures(self.engine, row)

    def figures_after(self, seq: float) -> list[Figures]:
        """Return figures of runs that finished after a time in seconds since the epoch."""
        from dyocense_cli.adapters.sql.figures import figures_after

        return figures_after(self.engine, seq)

    def finished_sizes(self) -> list[tuple[int, int, int, float]]:
        """Return (variables, constraints, scenarios, solver seconds) of the newest finished solves, of all tenants."""
        from dyocense_cli.adapters.sql.figures import finished_sizes

        return finished_sizes(self.engine, int(str(default("estimate.fitted_on"))))

    def depth(self) -> dict[tuple[str, str], int]:
        """Return how many runs wait or run by (pool, state)."""
        from dyocense_cli.adapters.sql.figures import queue_depth

        return queue_depth(self.engine)

    def workers(self) -> list[tuple[str, str, int, float]]:
        """Return (executor, pools, slots, seconds since its beat) of live workers."""
        from dyocense_cli.adapters.sql.figures import live_workers

        return live_workers(self.engine, self.now_s(), self.dead_after_s)

    def check(self) -> None:
        """Raise UnavailableError if the database is down or not migrated."""
        from dyocense_cli.adapters.sql.migrate import check_schema

        check_schema(self.engine)

    def worker(
        self,
        *,
        executor: str,
        pools: Sequence[str],
        slots: int,
        handler: Callable[[str, str, str], float],
        closer: Callable[[str, str, str], None],
        beat_s: float,
        poll_s: float,
        drain_s: float,
    ) -> DbosWorker:
        """Return this process's worker."""
        from dyocense_cli.adapters.queue.worker import DbosWorker

        return DbosWorker(
            self.engine,
            executor=executor,
            pools=pools,
            slots=slots,
            handler=handler,
            closer=closer,
            beat_s=beat_s,
            dead_after_s=self.dead_after_s,
            poll_s=poll_s,
            drain_s=drain_s,
        )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_parts(url: str, *, dead_after_s: float, clock: Clock | None = None, pool: int = 20) -> Parts:
    """Open the service's database; it has to be migrated."""
    from dyocense_cli.adapters.queue.dbos import client_of
    from dyocense_cli.adapters.sql.engine import open_engine

    engine = open_engine(url, pool=pool)
    return Parts(engine, client_of(engine), clock or registry.load("clock", "system")(), dead_after_s)


def migrate_database(url: str, *, app_role: str | None = None) -> list[str]:
    """Bring a database to this version's schema, the durable engine's tables included; returns the names of what was applied."""
    from dyocense_cli.adapters.queue.dbos import migrate_engine_tables
    from dyocense_cli.adapters.sql.engine import open_engine
    from dyocense_cli.adapters.sql.migrate import migrate

    engine = open_engine(url)
    try:
        done = migrate(engine, app_role=app_role)
    finally:
        engine.dispose()
    migrate_engine_tables(url, app_role=app_role)
    return done


def held_folder(parent: Path, name: str) -> AbstractContextManager[Path]:
    """Make a folder that belongs to this process while it lives, and remove it in the end."""
    from dyocense_cli.adapters import held

    return held.held_folder(parent, name)


def sweep_folders(parent: Path, pattern: str = "*") -> int:
    """Remove folders that no living process holds."""
    from dyocense_cli.adapters import held

    return held.sweep_folders(parent, pattern)


def sweep_groups() -> int:
    """Remove control groups of jobs whose worker died."""
    from dyocense_cli.adapters.sandbox import cgroups

    return cgroups.sweep()


def sandbox_named(name: str, *, env: Mapping[str, str], readable: Sequence[str], hidden: Sequence[str]) -> Sandbox:
    """Return a sandbox by name."""
    made: Sandbox = registry.load("sandbox", name)(env=env, readable=readable, hidden=hidden)
    return made

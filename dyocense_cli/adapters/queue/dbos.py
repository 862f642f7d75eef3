"""Durable queue on DBOS (SQLite or Postgres) in fair order; the engine keeps the jobs, `pump` the order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from dbos import DBOS, DBOSClient

from dyocense_cli.adapters.queue import pump, shards
from dyocense_cli.adapters.queue.bell import ring_all
from dyocense_cli.adapters.sql.engine import guarded, now_sql, statement, transaction
from dyocense_cli.ports import Scope
from dyocense_cli.ports.service import Place

__all__ = ["APP_VERSION", "PRIVATE_NAMES", "WORKFLOW", "DbosQueue", "client_of", "enqueuer", "migrate_engine_tables"]

WORKFLOW: Final = "dyocense-run"
#: Raised when the workflow's steps change. Workers take the runs of their own version, and the latest ones those of all before.
APP_VERSION: Final = 1
#: Names of the engine that are not public; a test holds that this release still has them.
PRIVATE_NAMES: Final = (
    "dbos:DBOS._recover_pending_workflows",
    "dbos:DBOS._sys_db",
    "dbos._core:execute_dequeued_workflow",
    "dbos._sys_db:SystemDatabase.start_queued_workflows",
    "dbos._sys_db:SystemDatabase.get_workflow_statuses",
    "dbos._sys_db:SystemDatabase.get_pending_workflows",
    "dbos._sys_db:SystemDatabase.reenqueue_for_recovery",
)


def migrate_engine_tables(url: str, *, app_role: str | None = None) -> None:
    """Create or update the engine's own tables, and grant the application role its rights on Postgres."""
    if url.startswith("sqlite"):
        DBOS.migrate(url)
    else:
        DBOS.migrate(url, application_role=app_role)


def client_of(engine: sa.Engine) -> DBOSClient:
    """Return a client of the engine's tables, on our connections, so that one transaction spans both."""
    return DBOSClient(system_database_engine=engine)


def enqueuer(client: DBOSClient, *, version: int = APP_VERSION) -> pump.Enqueue:
    """Return the function that puts a run into the engine within a transaction, for workers of a version."""

    def enqueue(c: sa.Connection, run_id: str, tenant: str, pool: str, priority: int, workflow: str) -> None:  # noqa: PLR0917
        options: Any = {
            "workflow_name": WORKFLOW,
            "queue_name": pump.queue_name(pool),
            "workflow_id": workflow,
            "priority": priority,
            "app_version": str(version),
            "authenticated_user": tenant,
        }
        client.enqueue_in_transaction(c, options, run_id)
        ring_all(c)

    return enqueue


class DbosQueue:
    """JobQueue of one tenant."""

    features: ClassVar[frozenset[str]] = frozenset({"fair", "durable", "cancel"})

    def __init__(self, engine: sa.Engine, scope: Scope, client: DBOSClient, *, dead_after_s: float = 5.0) -> None:
        self._engine = engine
        self._scope = scope
        self._enqueue = enqueuer(client)
        self._dead_after_s = dead_after_s

    def submit(self, run_id: str, *, kind: str, pool: str, cost_s: float, weight: float, cap: int, batch: str = "") -> bool:
        """Queue a run once; false if its id is known. A run with a `batch` joins one of that batch that still waits."""
        with transaction(self._engine) as c:
            virtual = pump.lock(c, pool)
            tenant = self._scope.tenant_id
            job: Any = {"run_id": run_id, "tenant": tenant, "pool": pool, "kind": kind, "cost_s": cost_s, "weight": weight, "batch": batch}
            if batch and pump.join(c, **job):
                return True
            share = pump.park(c, virtual, **job, cap=cap)
            if share is not None:
                pump.promote(c, pool, tenant, self._enqueue, share=share)
        return share is not None

    def cancel(self, run_id: str) -> str:
        """Take a waiting run out (``removed``); a running one has to be stopped by its worker (``running``); else ``done``."""
        own = {"run": run_id, "tenant": self._scope.tenant_id}
        with transaction(self._engine) as c:
            row = c.execute(statement("SELECT state, pool FROM queue_jobs WHERE run_id = :run AND tenant_id = :tenant"), own).fetchone()
            if row is None or row[0] == "done":
                return "done"
            pump.lock(c, str(row[1]))
            state = c.execute(statement("SELECT state FROM queue_jobs WHERE run_id = :run"), own).scalar()
            if state == "waiting":
                self._end_parts(c, run_id)
                return "removed"
            if state not in ("parked", "ready", "joined"):
                return "running" if state == "running" else "done"
            if c.execute(statement("SELECT 1 FROM queue_jobs WHERE leader = :run AND state = 'joined'"), own).fetchone():
                return "running"  # others count on its place: the worker drops it from the batch
            pump.finish(c, run_id, actual_s=0.0, enqueue=self._enqueue)
        # the engine still has it: a worker that takes it finds the job done and leaves it alone
        return "removed"

    def _end_parts(self, c: sa.Connection, run_id: str) -> None:
        """End a run that waits for its parts, and those of them that did not begin; one in service finds itself done."""
        own = {"run": run_id, "tenant": self._scope.tenant_id}
        c.execute(statement("UPDATE queue_jobs SET state = 'done' WHERE run_id = :run AND tenant_id = :tenant"), own)
        found = c.execute(statement("SELECT run_id FROM queue_jobs WHERE parent = :run AND state IN ('parked', 'ready')"), own).fetchall()
        for (part,) in found:
            pump.finish(c, str(part), actual_s=0.0, enqueue=self._enqueue)

    def split(self, run_id: str, parts: Mapping[str, float]) -> bool:
        """Queue parts of a running run, by id with their predicted seconds; it waits for them. False if it waits already."""
        with transaction(self._engine) as c:
            return shards.split(c, run_id, self._scope.tenant_id, parts, self._enqueue)

    def members(self, run_id: str) -> list[str]:
        """Return the runs that are done with this one, itself first; waits until nobody can join any more."""
        own = {"run": run_id, "tenant": self._scope.tenant_id, "window": pump.WINDOW_S}
        with guarded(), self._engine.connect() as c:
            left = c.execute(
                statement(
                    f"SELECT at + :window - {now_sql(self._engine)} FROM queue_jobs"
                    " WHERE run_id = :run AND tenant_id = :tenant AND batch <> ''"
                ),
                own,
            ).scalar()
        if left is not None and left > 0:
            time.sleep(min(float(left), pump.WINDOW_S))
        with transaction(self._engine) as c:
            return [run_id, *pump.close_batch(c, run_id)]

    def place(self, run_id: str) -> Place:
        """Return where a run stands: runs ahead are those in service and those with a smaller tag."""
        own: Mapping[str, object] = {"run": run_id, "tenant": self._scope.tenant_id}
        with guarded(), self._engine.connect() as c:
            job = c.execute(
                statement(
                    "SELECT pool, state, finish_tag, seq FROM queue_jobs WHERE tenant_id = :tenant AND run_id = coalesce((SELECT leader"
                    " FROM queue_jobs WHERE run_id = :run AND tenant_id = :tenant AND state = 'joined'), :run)"
                ),
                own,
            ).fetchone()
            if job is None:
                return Place("unknown")
            pool, state, finish_tag, seq = job
            pooled = {**own, "pool": pool, "tag": finish_tag, "seq": seq}
            ahead = self._count(
                c,
                "pool = :pool AND state = 'ready' AND finish_tag < :tag" if state == "ready" else "pool = :pool AND state = 'ready'",
                pooled,
            )
            if state == "parked":
                ahead += self._count(c, "pool = :pool AND state = 'parked' AND tenant_id = :tenant AND seq < :seq", pooled)
            in_flight = self._count(c, "pool = :pool AND state IN ('ready', 'running') AND tenant_id = :tenant", pooled)
            cap = c.execute(statement("SELECT cap FROM queue_tenants WHERE pool = :pool AND tenant_id = :tenant"), pooled).scalar()
            slots = c.execute(
                statement(
                    f"SELECT coalesce(sum(slots), 0) FROM queue_workers WHERE draining = 0 AND beat > {now_sql(self._engine)} - :dead"
                ),
                {"dead": self._dead_after_s},
            ).scalar()
        waiting = state in ("parked", "ready", "waiting")
        return Place(str(state), ahead if waiting else 0, int(slots or 0), in_flight, int(cap or 0))

    @staticmethod
    def _count(c: sa.Connection, where: str, values: Mapping[str, object]) -> int:
        return int(c.execute(statement(f"SELECT count(*) FROM queue_jobs WHERE {where}"), values).scalar_one())

"""A worker process: takes runs in fair order, beats, takes over the runs of workers that stopped beating."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig

from dyocense_cli.adapters.queue import pump
from dyocense_cli.adapters.queue.bell import bell_of, ring_all
from dyocense_cli.adapters.queue.dbos import APP_VERSION, WORKFLOW, client_of, enqueuer
from dyocense_cli.adapters.queue.take import Taker
from dyocense_cli.adapters.sql.engine import guarded, is_postgres, now_sql, statement
from dyocense_cli.errors import UnavailableError

__all__ = ["DbosWorker", "Handler"]

T = TypeVar("T")
_log = logging.getLogger("dyocense.worker")

#: Does one run of a tenant: (tenant, run, kind) -> real solver seconds. Called again if a process died in it: idempotent by run id.
Handler = Callable[[str, str, str], float]
#: Closes a run that ended outside its handler: (tenant, run, why).
Closer = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class _Pace:
    beat_s: float
    dead_after_s: float
    poll_s: float
    drain_s: float


class DbosWorker:
    """One process's share of the work; there is one per process, because the engine is.

    Parameters
    ----------
    slots : int
        Runs at once in this process, over all pools, whatever other workers have.
    handler, closer : callable
        What a run is, and how one is closed that the engine gave up.
    poll_s : float
        How soon a change of a SQLite database is seen; Postgres tells of it.
    drain_s : float
        How long runs in hand may take when the worker was told to stop.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        executor: str,
        pools: Sequence[str],
        slots: int,
        handler: Handler,
        closer: Closer,
        beat_s: float = 1.0,
        dead_after_s: float = 5.0,
        poll_s: float = 0.02,
        drain_s: float = 120.0,
        version: int = APP_VERSION,
    ) -> None:
        self._engine = engine
        self._executor = executor
        self._pools = tuple(pools)
        self._slots = slots
        self._handler = handler
        self._closer = closer
        self._pace = _Pace(beat_s, dead_after_s, poll_s, drain_s)
        self._version = version
        self._enqueue = enqueuer(client_of(engine), version=version)
        self._halt = threading.Event()
        self._hurry = threading.Event()
        self._bell = bell_of(engine, look_s=poll_s)

    def _begin(self, run_id: str) -> tuple[str, str] | None:
        """Put the run in service; None if it was cancelled or is done."""
        with guarded(), self._engine.begin() as c:
            return pump.start(c, run_id, DBOS.workflow_id or "")

    def _work(self, run_id: str) -> float | None:
        job = _held(lambda: self._begin(run_id))
        # the handler is idempotent by run id: when the database goes away under it, it is done again, from the stages that are stored
        return None if job is None else _held(lambda: self._handler(job[0], run_id, job[1]))

    def _release(self, run_id: str, seconds: float | None, workflow: str = "") -> None:
        def release() -> None:
            with guarded(), self._engine.begin() as c:
                pump.finish(c, run_id, actual_s=seconds, enqueue=self._enqueue, workflow=workflow)

        _held(release)

    def launch(self) -> None:
        """Register the workflow and begin to take runs; returns at once."""

        @DBOS.step(name="work")
        def work(run_id: str) -> float | None:
            return self._work(run_id)

        @DBOS.step(name="release")
        def release(run_id: str, seconds: float | None) -> None:
            self._release(run_id, seconds, DBOS.workflow_id or "")

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=1000)
        def run(run_id: str) -> None:
            release(run_id, work(run_id))

        config = DBOSConfig(
            name="dyocense",
            system_database_engine=self._engine,
            system_database_url="sqlite:///unused.sqlite" if not is_postgres(self._engine) else None,
            executor_id=self._executor,
            application_version=str(self._version),
            run_migrations=False,
            log_level="ERROR",
            notification_listener_polling_interval_sec=5.0,
        )
        app = DBOS(config=config)
        DBOS.listen_queues([])
        _held(self._beat)
        DBOS.launch()
        # the engine's own pollers and timers stop here: runs are taken by the gate below, and none is delayed, scheduled or timed
        for event in (*app.background_thread_stop_events, app._background_jobs_stop_event):
            event.set()
        self._taker = Taker(
            app,
            self._bell,
            queues=[pump.queue_name(p) for p in self._pools],
            slots=self._slots,
            executor=self._executor,
            version=str(self._version),
            look_s=self._pace.poll_s,
        )
        self._taker.start()

    def serve(self) -> int:
        """Beat and tend the queue until `stop`, then drain: take no new run and finish those in hand.

        Told to stop again, or when draining takes longer than `drain_s`, it hands back what is in hand: another worker goes on with it,
        and this process has to end at once. Returns how many runs were handed back.
        """
        tended = 0.0
        while not self._halt.wait(self._pace.beat_s):
            due = time.monotonic() - tended >= self._pace.dead_after_s / 4
            self._tend(*((self._beat, self._reap, self._pump, self._close_orphans) if due else (self._beat,)))
            tended = time.monotonic() if due else tended
        return self._drain()

    def _tend(self, *duties: Callable[[], None]) -> None:
        try:
            for duty in duties:
                duty()
        except UnavailableError as error:
            _log.warning("%s", error.message)

    def stop(self) -> None:
        """Ask `serve` to drain and return; a second time, to hand back what is in hand."""
        if self._halt.is_set():
            self._hurry.set()
        self._halt.set()

    def _drain(self) -> int:
        self._taker.stop()
        self._tend(self._leave)
        end = time.monotonic() + self._pace.drain_s
        free = False
        while not free and not self._hurry.is_set() and time.monotonic() < end:
            self._tend(self._beat)  # one that beats no more loses its runs to another
            free = self._taker.wait_until_free(self._pace.beat_s)
        back = 0 if free else self._taker.put_back(held=True)
        if back:
            _log.warning("handed back %s runs", back)
            self._tend(self._ring_all)
        else:
            DBOS.destroy()
        self._tend(self._forget)
        return back

    def _leave(self) -> None:
        self._change("UPDATE queue_workers SET draining = 1 WHERE executor = :x")

    def _forget(self) -> None:
        self._change("DELETE FROM queue_workers WHERE executor = :x")

    def _change(self, text: str) -> None:
        with guarded(), self._engine.begin() as c:
            c.execute(statement(text), {"x": self._executor})

    def _ring_all(self) -> None:
        with guarded(), self._engine.begin() as c:
            ring_all(c)

    def _beat(self) -> None:
        text = (
            f"INSERT INTO queue_workers (executor, pools, slots, beat) VALUES (:x, :pools, :slots, {now_sql(self._engine)})"
            f" ON CONFLICT (executor) DO UPDATE SET beat = {now_sql(self._engine)}"
        )
        with guarded(), self._engine.begin() as c:
            c.execute(statement(text), {"x": self._executor, "pools": ",".join(self._pools), "slots": self._slots})

    def _adopt(self, dead: Sequence[str]) -> None:
        """Make this version's what earlier versions left: runs that wait, and runs of dead workers, from their beginning.

        The engine gives a run only to workers of the version that queued it. Its recorded steps are forgotten, since they may be
        other steps now: a run is idempotent by its id. Earlier versions, which run beside this one during a deploy, adopt nothing.
        """
        earlier = [str(v) for v in range(1, self._version)]
        if not earlier:
            return
        table = "dbos.workflow_status" if is_postgres(self._engine) else "workflow_status"
        own: dict[str, object] = {"mine": str(self._version), "earlier": earlier, "name": WORKFLOW, "dead": list(dead) or [""]}
        mine = "name = :name AND application_version IN :earlier"
        left = f"SELECT workflow_uuid FROM {table} WHERE {mine} AND status = 'PENDING' AND executor_id IN :dead"
        with guarded(), self._engine.begin() as c:
            for text in (
                f"UPDATE {table} SET application_version = :mine WHERE {mine} AND status = 'ENQUEUED'",
                f"DELETE FROM {table.replace('workflow_status', 'operation_outputs')} WHERE workflow_uuid IN ({left})",
                f"UPDATE {table} SET application_version = :mine WHERE {mine} AND status = 'PENDING' AND executor_id IN :dead",
            ):
                known: list[sa.BindParameter[object]] = [sa.bindparam(n, expanding=True) for n in ("earlier", "dead") if f":{n}" in text]
                c.execute(statement(text).bindparams(*known), own)

    def _reap(self) -> None:
        """Take over the runs of workers that stopped beating; safe when several reap at once."""
        late = f"beat < {now_sql(self._engine)} - :dead"
        values = {"dead": self._pace.dead_after_s, "x": self._executor}
        with guarded(), self._engine.connect() as c:
            dead = [str(r[0]) for r in c.execute(statement(f"SELECT executor FROM queue_workers WHERE {late} AND executor <> :x"), values)]
        self._adopt(dead)
        if not dead:
            return
        _log.warning("taking over from %s", ", ".join(dead))
        DBOS._recover_pending_workflows(dead)
        with guarded(), self._engine.begin() as c:
            ring_all(c)
            for executor in dead:
                c.execute(statement(f"DELETE FROM queue_workers WHERE executor = :d AND {late}"), {**values, "d": executor})

    def _pump(self) -> None:
        for pool in self._pools:
            with guarded(), self._engine.connect() as c:
                tenants = pump.with_room(c, pool)
            for tenant in tenants:
                with guarded(), self._engine.begin() as c:
                    pump.lock(c, pool)
                    pump.promote(c, pool, tenant, self._enqueue)

    def _close_orphans(self) -> None:
        """Close runs that the engine ended without their last step: cancelled between two steps, or failed too often."""
        table = "dbos.workflow_status" if is_postgres(self._engine) else "workflow_status"
        text = (
            "SELECT j.run_id, j.tenant_id, w.status FROM queue_jobs j JOIN "
            + table
            + " w ON w.workflow_uuid = coalesce(nullif(j.leader, ''), nullif(j.workflow, ''), j.run_id)"
            " WHERE j.state IN ('ready', 'running', 'joined') AND w.status IN ('CANCELLED', 'ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')"
        )
        with guarded(), self._engine.connect() as c:
            orphans = c.execute(statement(text)).fetchall()
        for run_id, tenant, status in orphans:
            self._closer(str(tenant), str(run_id), str(status).lower())
            self._release(str(run_id), None)


def _held(action: Callable[[], T]) -> T:
    """Do it until the database answers: a run in hand waits out an outage instead of failing."""
    pause = 0.1
    while True:
        try:
            return action()
        except UnavailableError as error:
            if error.code != "DY4501":
                raise
            _log.warning("waiting for the database: %s", error.message)
            time.sleep(pause)
            pause = min(5.0, pause * 2)

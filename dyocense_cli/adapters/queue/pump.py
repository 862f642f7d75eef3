"""The fair queue's tables: park, promote, start, finish, each inside the caller's transaction and under the pool's lock.

Only runs that fit their tenant's cap carry a tag and stand in the durable engine; the rest stay parked here. A tenant's next run is
promoted in the transaction that ends its earlier one, so a slot never falls free before the next claim on it stands.
The arithmetic is `kernel.tenancy.wfq`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, now_sql, statement
from dyocense_cli.kernel.tenancy.wfq import REBASE_AT, UNIT, correct, shift_of, tag

__all__ = ["WINDOW_S", "Enqueue", "Share", "close_batch", "finish", "join", "lock", "park", "promote", "queue_name", "start", "with_room"]

#: Puts a run into the durable engine: (connection, run, tenant, pool, priority, workflow).
Enqueue: TypeAlias = "Callable[[sa.Connection, str, str, str, int, str], None]"
#: Predicted and real solver seconds of a run that ended.
Paid: TypeAlias = "tuple[float, float]"
#: How long a run of a batch may be joined at least, and by how many.
WINDOW_S: Final = 0.02
MOST_JOINED: Final = 63
#: A run that a workflow may begin or end: it is in service, or to be, by that workflow (by any, where none is named).
_MINE: Final = "state NOT IN ('done', 'waiting') AND (:workflow = '' OR coalesce(nullif(workflow, ''), run_id) = :workflow)"
_FLIGHT: Final = "('ready', 'running')"


class Share(NamedTuple):
    """A tenant's weight, cap and last finish tag in a pool."""

    weight: float
    cap: int
    last_finish: int


def queue_name(pool: str) -> str:
    """Return the durable engine's queue of a pool."""
    return f"dyocense-{pool}"


def lock(c: sa.Connection, pool: str) -> int:
    """Become the pool's one writer until the transaction ends; return its virtual time."""
    text = statement("UPDATE queue_pools SET virtual_time = virtual_time WHERE pool = :pool RETURNING virtual_time")
    found = c.execute(text, {"pool": pool}).scalar()
    if found is None:
        c.execute(statement("INSERT INTO queue_pools (pool) VALUES (:pool) ON CONFLICT DO NOTHING"), {"pool": pool})
        found = c.execute(text, {"pool": pool}).scalar_one()
    return int(found)


def park(
    c: sa.Connection,
    virtual: int,
    *,
    run_id: str,
    tenant: str,
    pool: str,
    kind: str,
    cost_s: float,
    weight: float,
    cap: int,
    batch: str = "",
) -> Share | None:
    """Store a waiting run once with the pool's virtual time, and its tenant's weight and cap; None if the run is known. Needs the lock.

    A run of a `batch` may be joined while it waits, and at least for `WINDOW_S`.
    """
    row = c.execute(
        statement(
            "INSERT INTO queue_tenants (pool, tenant_id, weight, cap) VALUES (:pool, :tenant, :weight, :cap)"
            " ON CONFLICT (pool, tenant_id) DO UPDATE SET weight = :weight, cap = :cap RETURNING weight, cap, last_finish"
        ),
        {"pool": pool, "tenant": tenant, "weight": weight, "cap": cap},
    ).one()
    fresh = c.execute(
        statement(
            "INSERT INTO queue_jobs (run_id, pool, tenant_id, kind, cost_s, arrived, batch, at, seq)"
            f" SELECT :run, :pool, :tenant, :kind, :cost, :arrived, :batch, {now_sql(c.engine)}, coalesce(max(seq), 0) + 1"
            " FROM queue_jobs WHERE pool = :pool AND tenant_id = :tenant AND state = 'parked' ON CONFLICT DO NOTHING"
        ),
        {"run": run_id, "pool": pool, "tenant": tenant, "kind": kind, "cost": cost_s, "arrived": virtual, "batch": batch},
    ).rowcount
    return Share(float(row[0]), int(row[1]), int(row[2])) if fresh else None


def join(c: sa.Connection, *, run_id: str, tenant: str, pool: str, kind: str, cost_s: float, weight: float, batch: str) -> bool:
    """Put a run beside one of its batch that still waits or arrived a moment ago, whose slot and tag it shares; false if there is none.

    Needs the lock.
    The tenant pays for it as for any run: where the first one carries its tag already, the tenant's next tag begins later.
    """
    own = {"pool": pool, "tenant": tenant, "batch": batch, "run": run_id, "window": WINDOW_S, "most": MOST_JOINED}
    members = "SELECT count(*) FROM queue_jobs m WHERE m.leader = j.run_id"
    leader = c.execute(
        statement(
            "SELECT run_id, state FROM queue_jobs j WHERE pool = :pool AND tenant_id = :tenant AND batch = :batch"
            f" AND (state IN ('parked', 'ready') OR (state = 'running' AND at > {now_sql(c.engine)} - :window))"
            f" AND run_id <> :run AND ({members}) < :most ORDER BY at DESC LIMIT 1"
        ),
        own,
    ).fetchone()
    if leader is None:
        return False
    values = {**own, "kind": kind, "cost": cost_s, "leader": leader[0]}
    c.execute(
        statement(
            "INSERT INTO queue_jobs (run_id, pool, tenant_id, kind, cost_s, seq, state, leader)"
            " VALUES (:run, :pool, :tenant, :kind, :cost, 0, 'joined', :leader)"
        ),
        values,
    )
    c.execute(statement("UPDATE queue_jobs SET cost_s = cost_s + :cost WHERE run_id = :leader"), values)
    if leader[1] != "parked":
        later = {**own, "by": round(cost_s * UNIT / weight)}
        c.execute(statement("UPDATE queue_tenants SET last_finish = last_finish + :by WHERE pool = :pool AND tenant_id = :tenant"), later)
    return True


def close_batch(c: sa.Connection, run_id: str) -> list[str]:
    """Let nobody join a run any more and return those who did, in the order of their ids. Takes the pool's lock."""
    own = {"run": run_id}
    c.execute(
        statement("UPDATE queue_pools SET virtual_time = virtual_time WHERE pool = (SELECT pool FROM queue_jobs WHERE run_id = :run)"), own
    )
    c.execute(statement("UPDATE queue_jobs SET batch = '' WHERE run_id = :run"), own)
    found = c.execute(statement("SELECT run_id FROM queue_jobs WHERE leader = :run AND state = 'joined' ORDER BY run_id"), own)
    return [str(row[0]) for row in found]


def promote(c: sa.Connection, pool: str, tenant: str, enqueue: Enqueue, *, share: Share | None = None, paid: Paid | None = None) -> int:
    """Tag and enqueue the tenant's oldest parked runs that fit its cap; returns how many. Needs the lock.

    `share` is the tenant's row where the caller has it already; `paid` are the predicted and real seconds of a run that ended: they
    correct the tenant's tags first.
    """
    own = {"pool": pool, "tenant": tenant}
    if share is None:
        row = c.execute(
            statement("SELECT weight, cap, last_finish FROM queue_tenants WHERE pool = :pool AND tenant_id = :tenant"), own
        ).fetchone()
        if row is None:
            return 0
        share = Share(float(row[0]), int(row[1]), int(row[2]))
    last = share.last_finish
    if paid is not None:
        last = correct(last, predicted_s=paid[0], actual_s=paid[1], weight=share.weight)
    waiting = _that_fit(c, own, share.cap)
    for run_id, cost, arrived, phase in waiting:
        tags = tag(arrived, last, cost_s=cost, weight=share.weight)
        last = tags.finish
        workflow = f"{run_id}.{phase}" if phase else run_id
        c.execute(
            statement(
                "UPDATE queue_jobs SET state = 'ready', start_tag = :start, finish_tag = :finish, workflow = :workflow"
                " WHERE run_id = :run"
            ),
            {"start": tags.start, "finish": tags.finish, "workflow": workflow, "run": run_id},
        )
        enqueue(c, run_id, tenant, pool, 1 + tags.finish, workflow)
    if last != share.last_finish:
        c.execute(
            statement("UPDATE queue_tenants SET last_finish = :last WHERE pool = :pool AND tenant_id = :tenant"), {**own, "last": last}
        )
    return len(waiting)


def _that_fit(c: sa.Connection, own: Mapping[str, object], cap: int) -> list[tuple[str, float, int, int]]:
    """Return (run, cost, virtual time at arrival, times queued) of the tenant's oldest parked runs that its cap leaves room for."""
    larger = "greatest" if is_postgres(c.engine) else "max"
    in_flight = f"SELECT count(*) FROM queue_jobs WHERE pool = :pool AND state IN {_FLIGHT} AND tenant_id = :tenant"
    found = c.execute(
        statement(
            "SELECT run_id, cost_s, arrived, phase FROM queue_jobs WHERE pool = :pool AND state = 'parked' AND tenant_id = :tenant"
            f" ORDER BY seq LIMIT {larger}(0, :cap - ({in_flight}))"
        ),
        {**own, "cap": cap},
    ).fetchall()
    return [(str(run_id), float(cost), int(arrived), int(phase)) for run_id, cost, arrived, phase in found]


def with_room(c: sa.Connection, pool: str) -> list[str]:
    """Return tenants that have parked runs and room below their cap: none, unless a process died between two steps. Needs no lock."""
    parked = "SELECT DISTINCT tenant_id FROM queue_jobs WHERE pool = :pool AND state = 'parked'"
    in_flight = f"SELECT count(*) FROM queue_jobs j WHERE j.pool = :pool AND j.state IN {_FLIGHT} AND j.tenant_id = t.tenant_id"
    text = f"SELECT tenant_id FROM queue_tenants t WHERE pool = :pool AND tenant_id IN ({parked}) AND cap > ({in_flight})"
    return sorted(str(row[0]) for row in c.execute(statement(text), {"pool": pool}))


def start(c: sa.Connection, run_id: str, workflow: str = "") -> tuple[str, str] | None:
    """Put a run in service and return its (tenant, kind); None if it is done, waits for its parts, or is another workflow's.

    Virtual time moves to the run's start tag, and the pool's epoch is shifted when it grew too large. One statement takes the pool's lock
    and moves its time, so that many workers starting at once wait for one another briefly.
    """
    larger = "greatest" if is_postgres(c.engine) else "max"
    moved = c.execute(
        statement(
            f"UPDATE queue_pools SET virtual_time = {larger}(virtual_time, coalesce((SELECT start_tag FROM queue_jobs"
            " WHERE run_id = :run AND state = 'ready'), 0)) WHERE pool = (SELECT pool FROM queue_jobs WHERE run_id = :run)"
            " RETURNING virtual_time, pool"
        ),
        {"run": run_id},
    ).fetchone()
    job = c.execute(
        statement(f"UPDATE queue_jobs SET state = 'running' WHERE run_id = :run AND {_MINE} RETURNING tenant_id, kind"),
        {"run": run_id, "workflow": workflow},
    ).fetchone()
    if moved is not None and int(moved[0]) > REBASE_AT:
        _shift(c, str(moved[1]), shift_of(int(moved[0])))
    return None if job is None else (str(job[0]), str(job[1]))


def _shift(c: sa.Connection, pool: str, by: int) -> None:
    """Move the pool's epoch: the engine's priorities are 32-bit. The one direct write to the engine's table."""
    larger = "greatest" if is_postgres(c.engine) else "max"
    table = "dbos.workflow_status" if is_postgres(c.engine) else "workflow_status"
    own = {"pool": pool, "by": by}
    for text, values in (
        (
            f"UPDATE queue_jobs SET start_tag = {larger}(0, start_tag - :by), finish_tag = {larger}(0, finish_tag - :by),"
            f" arrived = {larger}(0, arrived - :by) WHERE pool = :pool AND state <> 'done'",
            own,
        ),
        ("UPDATE queue_pools SET virtual_time = virtual_time - :by WHERE pool = :pool", own),
        (f"UPDATE queue_tenants SET last_finish = {larger}(0, last_finish - :by) WHERE pool = :pool", own),
        (
            f"UPDATE {table} SET priority = {larger}(1, priority - :by) WHERE queue_name = :queue AND status = 'ENQUEUED'",
            {"by": by, "queue": queue_name(pool)},
        ),
    ):
        c.execute(statement(text), values)


def finish(c: sa.Connection, run_id: str, *, actual_s: float | None, enqueue: Enqueue, workflow: str = "") -> bool:
    """End a run once: free its slot, correct its tenant's tags by the real seconds, promote the tenant's next run.

    The last of a run's parts queues the run again.
    """
    locked = c.execute(
        statement(
            "UPDATE queue_pools SET virtual_time = virtual_time"
            " WHERE pool = (SELECT pool FROM queue_jobs WHERE run_id = :run AND state <> 'done') RETURNING virtual_time"
        ),
        {"run": run_id},
    ).scalar()
    if locked is None:
        return False
    job = c.execute(
        statement(
            f"UPDATE queue_jobs SET state = 'done' WHERE run_id = :run AND {_MINE}"
            " RETURNING start_tag, cost_s, pool, tenant_id, parent"
        ),
        {"run": run_id, "workflow": workflow},
    ).fetchone()
    if job is None:
        return False
    c.execute(statement("UPDATE queue_jobs SET state = 'done' WHERE leader = :run AND state = 'joined'"), {"run": run_id})
    if job[4]:
        left = "SELECT 1 FROM queue_jobs WHERE parent = :parent AND state <> 'done'"
        again = "UPDATE queue_jobs SET state = 'parked', phase = phase + 1 WHERE run_id = :parent AND state = 'waiting'"
        c.execute(statement(f"{again} AND NOT EXISTS ({left})"), {"parent": job[4]})
    paid = None if actual_s is None or job[0] is None else (float(job[1]), actual_s)
    promote(c, str(job[2]), str(job[3]), enqueue, paid=paid)
    return True

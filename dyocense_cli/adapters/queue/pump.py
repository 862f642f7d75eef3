"""The fair queue's tables: park, promote, start, finish, each inside the caller's transaction and under the pool's lock.

Only runs that fit their tenant's cap carry a tag and stand in the durable engine; the rest stay parked here. A tenant's next run is
promoted in the transaction that ends its earlier one, so a slot never falls free before the next claim on it stands.
The arithmetic is `kernel.tenancy.wfq`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement
from dyocense_cli.kernel.tenancy.wfq import REBASE_AT, correct, rebase, room, tag

__all__ = ["Enqueue", "finish", "lock", "park", "promote", "promote_all", "queue_name", "start"]

#: Puts a run into the durable engine: (connection, run, tenant, pool, priority).
Enqueue: TypeAlias = "Callable[[sa.Connection, str, str, str, int], None]"
#: Predicted and real solver seconds of a run that ended.
Paid: TypeAlias = "tuple[float, float]"
_FLIGHT: Final = "('ready', 'running')"


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


def park(c: sa.Connection, *, run_id: str, tenant: str, pool: str, kind: str, cost_s: float, weight: float, cap: int) -> bool:
    """Store a waiting run once, and its tenant's weight and cap; false if the run is known. Needs the lock."""
    c.execute(
        statement(
            "INSERT INTO queue_tenants (pool, tenant_id, weight, cap) VALUES (:pool, :tenant, :weight, :cap)"
            " ON CONFLICT (pool, tenant_id) DO UPDATE SET weight = :weight, cap = :cap"
        ),
        {"pool": pool, "tenant": tenant, "weight": weight, "cap": cap},
    )
    seq = c.execute(
        statement("SELECT coalesce(max(seq), 0) + 1 FROM queue_jobs WHERE pool = :pool AND tenant_id = :tenant AND state = 'parked'"),
        {"pool": pool, "tenant": tenant},
    ).scalar_one()
    return bool(
        c.execute(
            statement(
                "INSERT INTO queue_jobs (run_id, pool, tenant_id, kind, cost_s, seq) VALUES (:run, :pool, :tenant, :kind, :cost, :seq)"
                " ON CONFLICT DO NOTHING"
            ),
            {"run": run_id, "pool": pool, "tenant": tenant, "kind": kind, "cost": cost_s, "seq": seq},
        ).rowcount
    )


def promote(c: sa.Connection, pool: str, tenant: str, virtual: int, enqueue: Enqueue, *, paid: Paid | None = None) -> int:
    """Tag and enqueue the tenant's oldest parked runs that fit its cap; returns how many. Needs the lock.

    `paid` are the predicted and real seconds of a run that ended: they correct the tenant's tags first.
    """
    own = {"pool": pool, "tenant": tenant}
    row = c.execute(
        statement("SELECT weight, cap, last_finish FROM queue_tenants WHERE pool = :pool AND tenant_id = :tenant"), own
    ).fetchone()
    if row is None:
        return 0
    weight, cap, before = float(row[0]), int(row[1]), int(row[2])
    last = before if paid is None else correct(before, predicted_s=paid[0], actual_s=paid[1], weight=weight)
    waiting = _that_fit(c, own, cap)
    for run_id, cost in waiting:
        tags = tag(virtual, last, cost_s=cost, weight=weight)
        last = tags.finish
        c.execute(
            statement("UPDATE queue_jobs SET state = 'ready', start_tag = :start, finish_tag = :finish WHERE run_id = :run"),
            {"start": tags.start, "finish": tags.finish, "run": run_id},
        )
        enqueue(c, run_id, tenant, pool, 1 + tags.finish)
    if last != before:
        c.execute(
            statement("UPDATE queue_tenants SET last_finish = :last WHERE pool = :pool AND tenant_id = :tenant"), {**own, "last": last}
        )
    return len(waiting)


def _that_fit(c: sa.Connection, own: Mapping[str, object], cap: int) -> list[tuple[str, float]]:
    """Return (run, cost) of the tenant's oldest parked runs that its cap leaves room for."""
    in_flight = c.execute(
        statement(f"SELECT count(*) FROM queue_jobs WHERE pool = :pool AND state IN {_FLIGHT} AND tenant_id = :tenant"), own
    ).scalar_one()
    free = room(int(in_flight), cap)
    if free == 0:
        return []
    found = c.execute(
        statement(
            "SELECT run_id, cost_s FROM queue_jobs WHERE pool = :pool AND state = 'parked' AND tenant_id = :tenant"
            " ORDER BY seq, run_id LIMIT :n"
        ),
        {**own, "n": free},
    ).fetchall()
    return [(str(run_id), float(cost)) for run_id, cost in found]


def promote_all(c: sa.Connection, pool: str, virtual: int, enqueue: Enqueue) -> int:
    """Promote every tenant that has parked runs and room; a no-op unless a process died between two steps. Needs the lock."""
    tenants = c.execute(
        statement("SELECT DISTINCT tenant_id FROM queue_jobs WHERE pool = :pool AND state = 'parked' ORDER BY tenant_id"), {"pool": pool}
    ).fetchall()
    return sum(promote(c, pool, str(t[0]), virtual, enqueue) for t in tenants)


def start(c: sa.Connection, run_id: str, pool: str) -> None:
    """Put a ready run in service: virtual time moves to its start tag, and the pool's epoch is shifted when it grew too large.

    One statement takes the pool's lock and moves its time, so that many workers starting at once wait for one another briefly.
    """
    larger = "greatest" if is_postgres(c.engine) else "max"
    own = {"run": run_id, "pool": pool}
    virtual = c.execute(
        statement(
            f"UPDATE queue_pools SET virtual_time = {larger}(virtual_time, coalesce((SELECT start_tag FROM queue_jobs"
            " WHERE run_id = :run AND state = 'ready'), 0)) WHERE pool = :pool RETURNING virtual_time"
        ),
        own,
    ).scalar_one()
    c.execute(statement("UPDATE queue_jobs SET state = 'running' WHERE run_id = :run AND state = 'ready'"), own)
    if int(virtual) > REBASE_AT:
        _shift(c, pool, int(virtual))
        c.execute(statement("UPDATE queue_pools SET virtual_time = 0 WHERE pool = :pool"), own)


def _shift(c: sa.Connection, pool: str, by: int) -> None:
    """Move the pool's epoch: the engine's priorities are 32-bit. The one direct write to the engine's table."""
    larger = "greatest" if is_postgres(c.engine) else "max"
    table = "dbos.workflow_status" if is_postgres(c.engine) else "workflow_status"
    own = {"pool": pool, "by": by}
    for text, values in (
        (
            f"UPDATE queue_jobs SET start_tag = {larger}(0, start_tag - :by), finish_tag = {larger}(0, finish_tag - :by)"
            " WHERE pool = :pool",
            own,
        ),
        (f"UPDATE queue_tenants SET last_finish = {larger}(0, last_finish - :by) WHERE pool = :pool", own),
        (
            f"UPDATE {table} SET priority = {larger}(1, priority - :by) WHERE queue_name = :queue AND status = 'ENQUEUED'",
            {"by": by, "queue": queue_name(pool)},
        ),
    ):
        c.execute(statement(text), values)
    assert rebase(by, by) == 0


def finish(c: sa.Connection, run_id: str, *, actual_s: float | None, enqueue: Enqueue) -> bool:
    """End a run once: free its slot, correct its tenant's tags by the real seconds, promote the tenant's next run."""
    row = c.execute(statement("SELECT pool, tenant_id FROM queue_jobs WHERE run_id = :run AND state <> 'done'"), {"run": run_id}).fetchone()
    if row is None:
        return False
    pool, tenant = str(row[0]), str(row[1])
    virtual = lock(c, pool)
    job = c.execute(
        statement("UPDATE queue_jobs SET state = 'done' WHERE run_id = :run AND state <> 'done' RETURNING start_tag, cost_s"),
        {"run": run_id},
    ).fetchone()
    if job is None:
        return False
    paid = None if actual_s is None or job[0] is None else (float(job[1]), actual_s)
    promote(c, pool, tenant, virtual, enqueue, paid=paid)
    return True

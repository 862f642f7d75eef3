"""The fair queue's tables: park, promote, start, finish, each inside the caller's transaction and under the pool's lock.

Only runs that fit their tenant's cap carry a tag and stand in the durable engine; the rest stay parked here. A tenant's next run is
promoted in the transaction that ends its earlier one, so a slot never falls free before the next claim on it stands.
The arithmetic is `kernel.tenancy.wfq`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement
from dyocense_cli.kernel.tenancy.wfq import REBASE_AT, advance, correct, rebase, room, tag

__all__ = ["Enqueue", "backlog", "finish", "lock", "park", "promote", "promote_all", "queue_name", "start"]

#: Puts a run into the durable engine: (connection, run, tenant, pool, priority).
Enqueue: TypeAlias = "Callable[[sa.Connection, str, str, str, int], None]"
_FLIGHT: Final = "('ready', 'running')"


def queue_name(pool: str) -> str:
    """Return the durable engine's queue of a pool."""
    return f"dyocense-{pool}"


def lock(c: sa.Connection, pool: str) -> int:
    """Become the pool's one writer until the transaction ends; return its virtual time."""
    c.execute(statement("INSERT INTO queue_pools (pool) VALUES (:pool) ON CONFLICT DO NOTHING"), {"pool": pool})
    c.execute(statement("UPDATE queue_pools SET virtual_time = virtual_time WHERE pool = :pool"), {"pool": pool})
    return int(c.execute(statement("SELECT virtual_time FROM queue_pools WHERE pool = :pool"), {"pool": pool}).scalar_one())


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


def promote(c: sa.Connection, pool: str, tenant: str, virtual: int, enqueue: Enqueue) -> int:
    """Tag and enqueue the tenant's oldest parked runs that fit its cap; returns how many. Needs the lock."""
    own = {"pool": pool, "tenant": tenant}
    row = c.execute(
        statement("SELECT weight, cap, last_finish FROM queue_tenants WHERE pool = :pool AND tenant_id = :tenant"), own
    ).fetchone()
    if row is None:
        return 0
    weight, cap, last = float(row[0]), int(row[1]), int(row[2])
    in_flight = c.execute(
        statement(f"SELECT count(*) FROM queue_jobs WHERE pool = :pool AND state IN {_FLIGHT} AND tenant_id = :tenant"),
        own,
    ).scalar_one()
    free = room(int(in_flight), cap)
    if free == 0:
        return 0
    waiting = c.execute(
        statement(
            "SELECT run_id, cost_s FROM queue_jobs WHERE pool = :pool AND state = 'parked' AND tenant_id = :tenant"
            " ORDER BY seq, run_id LIMIT :n"
        ),
        {**own, "n": free},
    ).fetchall()
    for run_id, cost in waiting:
        tags = tag(virtual, last, cost_s=float(cost), weight=weight)
        last = tags.finish
        c.execute(
            statement("UPDATE queue_jobs SET state = 'ready', start_tag = :start, finish_tag = :finish WHERE run_id = :run"),
            {"start": tags.start, "finish": tags.finish, "run": run_id},
        )
        enqueue(c, str(run_id), tenant, pool, 1 + tags.finish)
    if waiting:
        c.execute(
            statement("UPDATE queue_tenants SET last_finish = :last WHERE pool = :pool AND tenant_id = :tenant"), {**own, "last": last}
        )
    return len(waiting)


def promote_all(c: sa.Connection, pool: str, virtual: int, enqueue: Enqueue) -> int:
    """Promote every tenant that has parked runs and room; a no-op unless a process died between two steps. Needs the lock."""
    tenants = c.execute(
        statement("SELECT DISTINCT tenant_id FROM queue_jobs WHERE pool = :pool AND state = 'parked' ORDER BY tenant_id"), {"pool": pool}
    ).fetchall()
    return sum(promote(c, pool, str(t[0]), virtual, enqueue) for t in tenants)


def start(c: sa.Connection, run_id: str, pool: str) -> None:
    """Put a ready run in service: virtual time moves to its start tag, and the pool's epoch is shifted when it grew too large."""
    virtual = lock(c, pool)
    found = c.execute(statement("SELECT start_tag FROM queue_jobs WHERE run_id = :run AND state = 'ready'"), {"run": run_id}).scalar()
    if found is None:
        return
    c.execute(statement("UPDATE queue_jobs SET state = 'running' WHERE run_id = :run"), {"run": run_id})
    virtual = advance(virtual, int(found))
    if virtual > REBASE_AT:
        _shift(c, pool, virtual)
        virtual = 0
    c.execute(statement("UPDATE queue_pools SET virtual_time = :v WHERE pool = :pool"), {"v": virtual, "pool": pool})


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
    row = c.execute(statement("SELECT pool, tenant_id FROM queue_jobs WHERE run_id = :run"), {"run": run_id}).fetchone()
    if row is None:
        return False
    pool, tenant = str(row[0]), str(row[1])
    virtual = lock(c, pool)
    job = c.execute(statement("SELECT state, cost_s FROM queue_jobs WHERE run_id = :run"), {"run": run_id}).fetchone()
    if job is None or job[0] == "done":
        return False
    c.execute(statement("UPDATE queue_jobs SET state = 'done' WHERE run_id = :run"), {"run": run_id})
    own = {"pool": pool, "tenant": tenant}
    if actual_s is not None and job[0] in ("ready", "running"):
        weight, last = c.execute(
            statement("SELECT weight, last_finish FROM queue_tenants WHERE pool = :pool AND tenant_id = :tenant"), own
        ).one()
        fixed = correct(int(last), predicted_s=float(job[1]), actual_s=actual_s, weight=float(weight))
        c.execute(statement("UPDATE queue_tenants SET last_finish = :f WHERE pool = :pool AND tenant_id = :tenant"), {**own, "f": fixed})
    promote(c, pool, tenant, virtual, enqueue)
    return True


def backlog(c: sa.Connection) -> dict[tuple[str, str], int]:
    """Return how many runs there are by (pool, state), done ones left out."""
    found = c.execute(statement("SELECT pool, state, count(*) FROM queue_jobs WHERE state <> 'done' GROUP BY pool, state")).fetchall()
    return {(str(p), str(s)): int(n) for p, s, n in found}

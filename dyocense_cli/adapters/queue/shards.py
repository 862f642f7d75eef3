"""A run in parts: its shards stand in the same fair queue under its tenant; the run waits without a slot and goes on after the last."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from dyocense_cli.adapters.queue import pump
from dyocense_cli.adapters.sql.engine import statement

__all__ = ["split"]


def split(c: sa.Connection, run_id: str, tenant: str, parts: Mapping[str, float], enqueue: pump.Enqueue) -> bool:
    """Queue the parts of a running run, each with its predicted seconds, and let the run wait for them; false if it waits already.

    What the run was tagged for is given back to its tenant: it is tagged again when it goes on.
    """
    locked = c.execute(
        statement(
            "UPDATE queue_pools SET virtual_time = virtual_time"
            " WHERE pool = (SELECT pool FROM queue_jobs WHERE run_id = :run AND tenant_id = :tenant) RETURNING virtual_time"
        ),
        {"run": run_id, "tenant": tenant},
    ).scalar()
    row = c.execute(
        statement(
            "UPDATE queue_jobs SET state = 'waiting' WHERE run_id = :run AND tenant_id = :tenant AND state = 'running'"
            " RETURNING pool, cost_s"
        ),
        {"run": run_id, "tenant": tenant},
    ).fetchone()
    if row is None or locked is None:
        return False
    text = statement(
        "INSERT INTO queue_jobs (run_id, pool, tenant_id, kind, cost_s, arrived, seq, parent)"
        " VALUES (:part, :pool, :tenant, 'shard', :cost, :arrived, :seq, :run) ON CONFLICT DO NOTHING"
    )
    for i, (part, cost) in enumerate(sorted(parts.items())):
        values = {"part": part, "cost": cost, "pool": row[0], "tenant": tenant, "arrived": locked, "seq": -len(parts) + i, "run": run_id}
        c.execute(text, values)
    pump.promote(c, str(row[0]), tenant, enqueue, paid=(float(row[1]), 0.0))
    return True

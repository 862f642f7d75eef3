"""Figures of finished runs for the operator: no contents, read across tenants."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import guarded, statement, transaction
from dyocense_cli.ports.service import Figures

__all__ = ["add_figures", "figures_after", "finished_sizes", "live_workers", "queue_depth"]


def add_figures(engine: sa.Engine, row: Figures) -> None:
    """Store the figures of a run once."""
    with transaction(engine) as c:
        c.execute(
            statement(
                "INSERT INTO run_metrics (run_id, seq, tenant_id, tier, goal_id, kind, status, figures)"
                " VALUES (:run, :seq, :tenant, :tier, :goal, :kind, :status, :figures) ON CONFLICT DO NOTHING"
            ),
            {
                "run": row.run_id,
                "seq": row.seq,
                "tenant": row.tenant_id,
                "tier": row.tier,
                "goal": row.goal_id,
                "kind": row.kind,
                "status": row.status,
                "figures": json.dumps(dict(row.figures), sort_keys=True),
            },
        )


def figures_after(engine: sa.Engine, seq: float, limit: int = 5000) -> list[Figures]:
    """Return figures of runs that finished after `seq` (seconds since the epoch), oldest first."""
    with guarded(), engine.connect() as c:
        found = c.execute(
            statement(
                "SELECT run_id, seq, tenant_id, tier, goal_id, kind, status, figures FROM run_metrics"
                " WHERE seq > :seq ORDER BY seq, run_id LIMIT :n"
            ),
            {"seq": seq, "n": limit},
        ).fetchall()
    return [Figures(str(r), float(s), str(t), str(i), str(g), str(k), str(st), _numbers(str(f))) for r, s, t, i, g, k, st, f in found]


def _numbers(text: str) -> Mapping[str, float]:
    return {str(k): float(v) for k, v in json.loads(text).items()}


def finished_sizes(engine: sa.Engine, limit: int) -> list[tuple[int, int, int, float]]:
    """Return (variables, constraints, scenarios, solver seconds) of the newest finished solves of all tenants whose size is known."""
    with guarded(), engine.connect() as c:
        found = c.execute(
            statement(
                "SELECT figures FROM run_metrics WHERE kind IN ('plan', 'solve') AND status NOT IN ('failed', 'cancelled', 'denied')"
                " ORDER BY seq DESC LIMIT :n"
            ),
            {"n": limit},
        ).fetchall()
    rows = [_numbers(str(row[0])) for row in found]
    known = [f for f in rows if f.get("variables") and "solver_wall_time" in f]
    return [(int(f["variables"]), int(f.get("constraints", 1)), int(f.get("scenario_count", 1)), f["solver_wall_time"]) for f in known]


def queue_depth(engine: sa.Engine) -> dict[tuple[str, str], int]:
    """Return how many runs wait or run by (pool, state)."""
    with guarded(), engine.connect() as c:
        found = c.execute(statement("SELECT pool, state, count(*) FROM queue_jobs WHERE state <> 'done' GROUP BY pool, state")).fetchall()
    return {(str(p), str(s)): int(n) for p, s, n in found}


def live_workers(engine: sa.Engine, now: float, dead_after_s: float) -> list[tuple[str, str, int, float]]:
    """Return (executor, pools, slots, seconds since its beat) of workers that beat lately."""
    with guarded(), engine.connect() as c:
        found = c.execute(
            statement("SELECT executor, pools, slots, beat FROM queue_workers WHERE draining = 0 ORDER BY executor")
        ).fetchall()
    return [(str(x), str(p), int(s), now - float(b)) for x, p, s, b in found if now - float(b) <= dead_after_s]

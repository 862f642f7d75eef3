"""Runs and their events in the service's database, one tenant at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import ClassVar, Final

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement, tenant_transaction
from dyocense_cli.ports import Clock, Scope
from dyocense_cli.ports.service import RunRow

__all__ = ["SqlRuns"]

_COLUMNS: Final = tuple(f.name for f in fields(RunRow))
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM kernel_runs WHERE tenant_id = :tenant"
_INSERT: Final = f"INSERT INTO kernel_runs ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + c for c in _COLUMNS)})"


class SqlRuns:
    """RunTable on SQLite or Postgres."""

    features: ClassVar[frozenset[str]] = frozenset({"runs"})

    def __init__(self, engine: sa.Engine, scope: Scope, clock: Clock) -> None:
        self._engine = engine
        self._scope = scope
        self._clock = clock

    def _rows(self, tail: str, values: Mapping[str, object]) -> list[RunRow]:
        with tenant_transaction(self._engine, self._scope) as c:
            found = c.execute(statement(f"{_SELECT} {tail}"), {"tenant": self._scope.tenant_id, **values}).fetchall()
        return [RunRow(*row) for row in found]

    def create(self, row: RunRow) -> RunRow:
        """Store a new run and return it; or the run that holds the same `work_sha` and has not failed."""
        with tenant_transaction(self._engine, self._scope) as c:
            if row.work_sha:
                self._serialise(c, row.work_sha)
                same = c.execute(
                    statement(f"{_SELECT} AND work_sha = :sha AND status IN ('queued', 'running', 'succeeded') ORDER BY run_id LIMIT 1"),
                    {"tenant": self._scope.tenant_id, "sha": row.work_sha},
                ).fetchone()
                if same is not None:
                    return RunRow(*same)
            c.execute(statement(_INSERT), {**asdict(row), "tenant_id": self._scope.tenant_id})
        return row

    def _serialise(self, c: sa.Connection, work_sha: str) -> None:
        """Let one of several identical submits go first: an advisory lock on Postgres, the write lock on SQLite."""
        if is_postgres(self._engine):
            c.execute(statement("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"{self._scope.tenant_id}:{work_sha}"})
        else:
            c.execute(statement("UPDATE kernel_runs SET attempts = attempts WHERE run_id = ''"))

    def read(self, run_id: str) -> RunRow | None:
        """Return a run of this tenant, or None."""
        found = self._rows("AND run_id = :run", {"run": run_id})
        return found[0] if found else None

    def recent(self, limit: int, *, before: str = "") -> list[RunRow]:
        """Return runs, newest first, those older than run id `before`; parts of runs are not among them."""
        older = "AND run_id < :before " if before else ""
        values = {"limit": limit, **({"before": before} if before else {})}
        return self._rows(f"AND kind <> 'shard' {older}ORDER BY run_id DESC LIMIT :limit", values)

    def update(self, run_id: str, values: Mapping[str, object], *, unless: tuple[str, ...] = ()) -> bool:
        """Set columns of a run unless its status is one of `unless`; say whether a row changed."""
        names = sorted(values)
        if not set(names) <= set(_COLUMNS):
            raise KeyError(sorted(set(names) - set(_COLUMNS))[0])
        keep = "".join(f" AND coalesce(status, '') <> :unless{i}" for i in range(len(unless)))
        text = f"UPDATE kernel_runs SET {', '.join(f'{n} = :{n}' for n in names)} WHERE tenant_id = :tenant AND run_id = :run{keep}"
        bound = {**values, "tenant": self._scope.tenant_id, "run": run_id, **{f"unless{i}": s for i, s in enumerate(unless)}}
        with tenant_transaction(self._engine, self._scope) as c:
            return bool(c.execute(statement(text), bound).rowcount)

    def begin_solve(self, run_id: str, at_most: int) -> bool:
        """Count a solve that begins; False, and nothing counted, if it would be more than `at_most`."""
        text = "UPDATE kernel_runs SET solves = solves + 1 WHERE tenant_id = :tenant AND run_id = :run AND solves < :most"
        with tenant_transaction(self._engine, self._scope) as c:
            bound = {"tenant": self._scope.tenant_id, "run": run_id, "most": at_most}
            return bool(c.execute(statement(text), bound).rowcount)

    def uncount_solve(self, run_id: str) -> None:
        """Take back the count of a solve that was broken off on purpose and begins again."""
        text = "UPDATE kernel_runs SET solves = solves - 1 WHERE tenant_id = :tenant AND run_id = :run AND solves > 0"
        with tenant_transaction(self._engine, self._scope) as c:
            c.execute(statement(text), {"tenant": self._scope.tenant_id, "run": run_id})

    def event(self, run_id: str, what: str, data: Mapping[str, object]) -> int:
        """Append an event and return its number, from 1."""
        own = {"tenant": self._scope.tenant_id, "run": run_id}
        with tenant_transaction(self._engine, self._scope) as c:
            # the run's row is the lock that numbers its events
            c.execute(statement("UPDATE kernel_runs SET attempts = attempts WHERE tenant_id = :tenant AND run_id = :run"), own)
            last = c.execute(
                statement("SELECT coalesce(max(seq), 0) FROM run_events WHERE tenant_id = :tenant AND run_id = :run"), own
            ).scalar_one()
            c.execute(
                statement(
                    "INSERT INTO run_events (tenant_id, run_id, seq, at, what, data) VALUES (:tenant, :run, :seq, :at, :what, :data)"
                ),
                {**own, "seq": int(last) + 1, "at": self._clock.now(), "what": what, "data": json.dumps(data, sort_keys=True)},
            )
        return int(last) + 1

    def events(self, run_id: str, after: int = 0) -> list[tuple[int, str, str, str]]:
        """Return (number, time, what, JSON data) of events after a number."""
        with tenant_transaction(self._engine, self._scope) as c:
            found = c.execute(
                statement(
                    "SELECT seq, at, what, data FROM run_events WHERE tenant_id = :tenant AND run_id = :run AND seq > :after ORDER BY seq"
                ),
                {"tenant": self._scope.tenant_id, "run": run_id, "after": after},
            ).fetchall()
        return [(int(seq), str(at), str(what), str(data)) for seq, at, what, data in found]

    def latest(self, kind: str, goal_id: str) -> RunRow | None:
        """Return this tenant's newest succeeded run of a kind and goal with a known size, for the cost estimate."""
        where = "AND status = 'succeeded' AND variables > 0 AND kind = :kind AND goal_id = :goal ORDER BY run_id DESC LIMIT 1"
        found = self._rows(where, {"kind": kind, "goal": goal_id})
        return found[0] if found else None

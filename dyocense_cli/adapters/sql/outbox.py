"""What must leave the house at least once: notifications and evidence, stored with the run and delivered later."""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import guarded, is_postgres, statement, tenant_transaction
from dyocense_cli.ports import Clock, Scope
from dyocense_cli.ports.service import Webhook

__all__ = ["SqlOutbox", "due_items", "lag_seconds", "waiting_items"]


class SqlOutbox:
    """Outbox of one tenant on SQLite or Postgres."""

    features: ClassVar[frozenset[str]] = frozenset({"outbox"})

    def __init__(self, engine: sa.Engine, scope: Scope, clock: Clock) -> None:
        self._engine = engine
        self._scope = scope
        self._clock = clock

    def put(self, item_id: str, kind: str, target: str, body: str, *, now: float = 0.0) -> bool:
        """Store an item of this tenant once; false if the id is known. `now` in seconds since the epoch."""
        own = {"tenant": self._scope.tenant_id, "item": item_id, "kind": kind}
        with tenant_transaction(self._engine, self._scope) as c:
            fresh = c.execute(
                statement(
                    "INSERT INTO outbox (tenant_id, item_id, kind, target, body)"
                    " VALUES (:tenant, :item, :kind, :target, :body) ON CONFLICT DO NOTHING"
                ),
                {**own, "target": target, "body": body},
            ).rowcount
            if fresh:
                c.execute(
                    statement(
                        "INSERT INTO outbox_due (item_id, tenant_id, kind, due, queued)"
                        " VALUES (:item, :tenant, :kind, :now, :now) ON CONFLICT DO NOTHING"
                    ),
                    {**own, "now": now},
                )
        return bool(fresh)

    def read(self, item_id: str) -> tuple[str, str, str] | None:
        """Return (kind, target, body) of an item, or None."""
        with tenant_transaction(self._engine, self._scope) as c:
            row = c.execute(
                statement("SELECT kind, target, body FROM outbox WHERE tenant_id = :tenant AND item_id = :item"),
                {"tenant": self._scope.tenant_id, "item": item_id},
            ).fetchone()
        return None if row is None else (str(row[0]), str(row[1]), str(row[2]))

    def delivered(self, item_id: str) -> None:
        """Forget an item that arrived; its id stays known, so that it is never sent as new again."""
        with tenant_transaction(self._engine, self._scope) as c:
            c.execute(statement("DELETE FROM outbox_due WHERE item_id = :item"), {"item": item_id})
            c.execute(
                statement("UPDATE outbox SET body = '' WHERE tenant_id = :tenant AND item_id = :item"),
                {"tenant": self._scope.tenant_id, "item": item_id},
            )

    def claim(self, item_id: str, attempts: int, until: float) -> bool:
        """Take an item in hand until a time, if it was tried as often as was seen; of two deliverers one gets it."""
        with tenant_transaction(self._engine, self._scope) as c:
            taken = c.execute(
                statement("UPDATE outbox_due SET due = :until, attempts = attempts + 1 WHERE item_id = :item AND attempts = :seen"),
                {"item": item_id, "until": until, "seen": attempts},
            ).rowcount
        return bool(taken)

    def claim_all(self, kind: str, now: float, until: float, limit: int = 200) -> list[tuple[str, int, str]]:
        """Take items of a kind that are due by `now` in hand until a time, and return their (id, earlier tries, body), oldest first."""
        skip = " FOR UPDATE SKIP LOCKED" if is_postgres(self._engine) else ""
        mine = "tenant_id = :tenant AND kind = :kind AND due <= :now"
        own = {"tenant": self._scope.tenant_id, "kind": kind, "now": now, "until": until, "limit": limit}
        with tenant_transaction(self._engine, self._scope) as c:
            taken = c.execute(
                statement(
                    f"UPDATE outbox_due SET due = :until, attempts = attempts + 1 WHERE {mine} AND item_id IN"
                    f" (SELECT item_id FROM outbox_due WHERE {mine} ORDER BY queued, item_id LIMIT :limit{skip})"
                    " RETURNING item_id, attempts - 1"
                ),
                own,
            ).fetchall()
            bodies = [(i, n, self.read(str(i))) for i, n in sorted(tuple(row) for row in taken)]
        return [(str(i), int(n), stored[2] if stored is not None else "") for i, n, stored in bodies]

    def postpone(self, item_id: str, due: float) -> None:
        """Try an item again at `due`."""
        with tenant_transaction(self._engine, self._scope) as c:
            c.execute(statement("UPDATE outbox_due SET due = :due WHERE item_id = :item"), {"item": item_id, "due": due})

    def webhooks(self) -> list[Webhook]:
        """Return this tenant's webhooks in the order they were made."""
        with tenant_transaction(self._engine, self._scope) as c:
            found = c.execute(
                statement(
                    "SELECT webhook_id, url, secret, previous, previous_until, created_at FROM webhooks"
                    " WHERE tenant_id = :tenant ORDER BY webhook_id"
                ),
                {"tenant": self._scope.tenant_id},
            ).fetchall()
        return [Webhook(str(i), str(u), str(s), str(p), float(t), str(at)) for i, u, s, p, t, at in found]

    def add_webhook(self, webhook_id: str, url: str, secret: str) -> None:
        """Store a webhook."""
        with tenant_transaction(self._engine, self._scope) as c:
            c.execute(
                statement(
                    "INSERT INTO webhooks (tenant_id, webhook_id, url, secret, created_at) VALUES (:tenant, :id, :url, :secret, :at)"
                ),
                {"tenant": self._scope.tenant_id, "id": webhook_id, "url": url, "secret": secret, "at": self._clock.now()},
            )

    def rotate_webhook(self, webhook_id: str, secret: str, previous_until: float) -> bool:
        """Give a webhook a new secret; the old one signs beside it until `previous_until`. False for an unknown webhook."""
        with tenant_transaction(self._engine, self._scope) as c:
            done = c.execute(
                statement(
                    "UPDATE webhooks SET previous = secret, previous_until = :until, secret = :secret"
                    " WHERE tenant_id = :tenant AND webhook_id = :id"
                ),
                {"tenant": self._scope.tenant_id, "id": webhook_id, "secret": secret, "until": previous_until},
            ).rowcount
        return bool(done)

    def drop_webhook(self, webhook_id: str) -> bool:
        """Remove a webhook; what was still to be sent to it is not sent. False for an unknown one."""
        with tenant_transaction(self._engine, self._scope) as c:
            gone = c.execute(
                statement("DELETE FROM webhooks WHERE tenant_id = :tenant AND webhook_id = :id"),
                {"tenant": self._scope.tenant_id, "id": webhook_id},
            ).rowcount
        return bool(gone)


def due_items(engine: sa.Engine, now: float, limit: int = 100) -> list[tuple[str, str, str, int]]:
    """Return (item, tenant, kind, attempts) of items due by `now` (seconds since the epoch), oldest first, of all tenants."""
    with guarded(), engine.connect() as c:
        found = c.execute(
            statement("SELECT item_id, tenant_id, kind, attempts FROM outbox_due WHERE due <= :now ORDER BY due, item_id LIMIT :limit"),
            {"now": now, "limit": limit},
        ).fetchall()
    return [(str(i), str(t), str(k), int(a)) for i, t, k, a in found]


def waiting_items(engine: sa.Engine, tenant: str, kind: str) -> list[str]:
    """Return a tenant's items of a kind that did not arrive yet."""
    with guarded(), engine.connect() as c:
        found = c.execute(
            statement("SELECT item_id FROM outbox_due WHERE tenant_id = :tenant AND kind = :kind ORDER BY item_id"),
            {"tenant": tenant, "kind": kind},
        )
        return [str(row[0]) for row in found]


def lag_seconds(engine: sa.Engine, kind: str, now: float) -> float:
    """Return the age of the oldest undelivered item of a kind in seconds; 0 when there is none."""
    with guarded(), engine.connect() as c:
        oldest = c.execute(statement("SELECT min(queued) FROM outbox_due WHERE kind = :kind"), {"kind": kind}).scalar()
    return 0.0 if oldest is None else max(0.0, now - float(oldest))

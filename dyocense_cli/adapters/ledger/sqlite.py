"""Ledger in a SQLite file: quotas, budgets and idempotency keys with no server."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from dyocense_cli.adapters.sql.accounts import SqlAccounts
from dyocense_cli.adapters.sql.engine import is_postgres
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.ports import Clock, Scope

__all__ = ["SqliteLedger"]


class SqliteLedger(SqlAccounts):
    """Ledger of one tenant in SQLite; writers queue for the file's one write lock."""

    def __init__(self, engine: sa.Engine, scope: Scope, clock: Clock, limits: Mapping[str, float]) -> None:
        if is_postgres(engine):
            raise UnsupportedError("DY4501", "ledger `sqlite` was given a Postgres URL", hints="use ledger `postgres`")
        super().__init__(engine, scope, clock, limits)

"""Ledger in Postgres: row locks order writers, row-level security keeps tenants apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from dyocense_cli.adapters.sql.accounts import SqlAccounts
from dyocense_cli.adapters.sql.engine import is_postgres
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.ports import Clock, Scope

__all__ = ["PostgresLedger"]


class PostgresLedger(SqlAccounts):
    """Ledger of one tenant in Postgres, under a role that row-level security binds."""

    features: ClassVar[frozenset[str]] = SqlAccounts.features | {"row_security"}

    def __init__(self, engine: sa.Engine, scope: Scope, clock: Clock, limits: Mapping[str, float]) -> None:
        if not is_postgres(engine):
            raise UnsupportedError("DY4501", "ledger `postgres` was given a SQLite URL", hints="use ledger `sqlite`")
        super().__init__(engine, scope, clock, limits)

"""One engine for all tables of the service, on SQLite or Postgres, and transactions that belong to a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from dyocense_cli.errors import UnavailableError, UsageError
from dyocense_cli.ports import Scope

__all__ = ["guarded", "is_postgres", "now_sql", "open_engine", "statement", "tenant_transaction", "transaction"]

_BUSY_MS: Final = 30_000
#: A process that stops inside a transaction (paused machine, debugger) loses its session and its locks.
_IDLE_MS: Final = 10_000


def open_engine(url: str, *, pool: int = 10) -> sa.Engine:
    """Open an engine; ``sqlite:///path`` or ``postgresql://…``.

    SQLite gets WAL and synchronous=NORMAL (twenty times the throughput of the defaults, whole after a crash of the process)
    and immediate write transactions, which queue for the lock instead of failing on an upgrade.

    Raises
    ------
    UsageError
        DY4501 for another kind of URL.
    """
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, pool_size=pool, max_overflow=pool, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _sqlite_settings)
        return engine
    if url.startswith(("postgresql", "postgres")):
        full = sa.make_url(url).set(drivername="postgresql+psycopg")
        return sa.create_engine(
            full,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": f"-c idle_in_transaction_session_timeout={_IDLE_MS}"},
        )
    raise UsageError("DY4501", f"no database of kind `{url.partition(':')[0]}`", hints="use sqlite:///path or postgresql://…")


def _sqlite_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def is_postgres(engine: sa.Engine) -> bool:
    """Say whether the engine speaks to Postgres."""
    return engine.dialect.name == "postgresql"


def now_sql(engine: sa.Engine) -> str:
    """Return the expression for the database's clock in seconds: heartbeats of several machines are compared by one clock."""
    return "extract(epoch from clock_timestamp())" if is_postgres(engine) else "((julianday('now') - 2440587.5) * 86400.0)"


def statement(text: str) -> sa.TextClause:
    """Return a statement with ``:name`` parameters."""
    return sa.text(text)


@contextmanager
def guarded() -> Iterator[None]:
    """Turn a lost or refused connection into UnavailableError DY4501; other database errors pass through."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise UnavailableError(
            "DY4501",
            "the database cannot be reached",
            why=str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)[:200],
            hints="try again; nothing that was accepted is lost",
        ) from error


_current: ContextVar[tuple[sa.Engine, str, sa.Connection] | None] = ContextVar("dyocense_transaction", default=None)


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction, or join the one of `tenant_transaction` that is open around the call."""
    open_one = _current.get()
    if open_one is not None and open_one[0] is engine:
        yield open_one[2]
        return
    with guarded(), engine.begin() as connection:
        yield connection


@contextmanager
def tenant_transaction(engine: sa.Engine, scope: Scope) -> Iterator[sa.Connection]:
    """Open a transaction of one tenant; on Postgres row-level security shows it that tenant's rows only.

    Calls inside an open one join it, so that several tables change together or not at all. The setting is local to the
    transaction: a pooled connection carries no tenant from one request to the next.
    """
    if not scope.tenant_id:
        raise UsageError("DY4501", "a tenant transaction needs a tenant")
    open_one = _current.get()
    if open_one is not None and open_one[0] is engine:
        if open_one[1] != scope.tenant_id:
            raise UsageError("DY4501", "a transaction belongs to one tenant")
        yield open_one[2]
        return
    with guarded(), engine.begin() as connection:
        if is_postgres(engine):
            connection.execute(statement("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": scope.tenant_id})
        token = _current.set((engine, scope.tenant_id, connection))
        try:
            yield connection
        finally:
            _current.reset(token)

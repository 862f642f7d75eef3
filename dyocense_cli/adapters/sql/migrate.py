"""Bring a database to this version's schema: numbered files, each in one transaction, expand first, never twice."""

from __future__ import annotations

from importlib import resources
from typing import Final

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import guarded, is_postgres, statement
from dyocense_cli.errors import UnavailableError

__all__ = ["TENANT_TABLES", "applied", "check_schema", "files", "migrate"]

TENANT_TABLES: Final = (
    "budget_reservations",
    "budget_usage",
    "forecast_cache",
    "idempotency_keys",
    "kernel_runs",
    "outbox",
    "run_events",
    "webhooks",
)
_QUEUE_TABLES: Final = ("outbox_due", "queue_jobs", "queue_pools", "queue_tenants", "queue_workers", "run_metrics")


def files(*, postgres: bool) -> list[tuple[int, str, str]]:
    """Return (number, name, text) of the migrations that apply to this kind of database, in order."""
    folder = resources.files("dyocense_cli.adapters.sql") / "migrations"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(f.name[:4]), f.name, f.read_text(encoding="utf-8")) for f in found if postgres or ".postgres." not in f.name]


def applied(engine: sa.Engine) -> set[int]:
    """Return the numbers of the migrations that this database has."""
    with guarded(), engine.connect() as connection:
        if not sa.inspect(connection).has_table("dyocense_schema"):
            return set()
        return {int(row[0]) for row in connection.execute(statement("SELECT number FROM dyocense_schema"))}


def check_schema(engine: sa.Engine) -> None:
    """Raise unless the database has every migration of this version.

    Raises
    ------
    UnavailableError
        DY4502 naming the first one that is missing.
    """
    have = applied(engine)
    for number, name, _ in files(postgres=is_postgres(engine)):
        if number not in have:
            raise UnavailableError(
                "DY4502", f"the database lacks migration {name}", hints="run `dyocense serve migrate` with the owner's URL"
            )


def migrate(engine: sa.Engine, *, app_role: str | None = None) -> list[str]:
    """Apply what is missing and return the names; grant the application role its rights on Postgres.

    Safe when several processes start at once: they queue for one lock, and the second finds nothing to do.
    """
    done = []
    with guarded(), engine.begin() as connection:
        _lock(connection)
        connection.execute(statement("CREATE TABLE IF NOT EXISTS dyocense_schema (number int PRIMARY KEY, name text NOT NULL)"))
        have = {int(row[0]) for row in connection.execute(statement("SELECT number FROM dyocense_schema"))}
        for number, name, text in files(postgres=is_postgres(engine)):
            if number in have:
                continue
            for part in _statements(text):
                connection.exec_driver_sql(part)
            connection.execute(
                statement("INSERT INTO dyocense_schema (number, name) VALUES (:number, :name)"), {"number": number, "name": name}
            )
            done.append(name)
        if app_role and is_postgres(engine):
            _grant(connection, app_role)
    return done


def _lock(connection: sa.Connection) -> None:
    if is_postgres(connection.engine):
        connection.execute(statement("SELECT pg_advisory_xact_lock(20260301)"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _statements(text: str) -> list[str]:
    """Split at semicolons that end a line; a DO block is one statement."""
    if "$do$" in text:
        return [text.replace("%", "%%")]
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip()]


def _grant(connection: sa.Connection, role: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(role)
    for table in (*TENANT_TABLES, *_QUEUE_TABLES):
        connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {quoted}")
    connection.exec_driver_sql(f"GRANT SELECT ON dyocense_schema TO {quoted}")

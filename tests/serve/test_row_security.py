"""Tenants are apart in the database even when the application forgets its filter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.adapters.ledger.postgres import PostgresLedger
from dyocense_cli.adapters.sql.engine import open_engine, tenant_transaction
from dyocense_cli.adapters.sql.migrate import TENANT_TABLES, applied, check_schema, files, migrate
from dyocense_cli.adapters.sql.outbox import SqlOutbox
from dyocense_cli.adapters.sql.runs import SqlRuns
from dyocense_cli.errors import UnavailableError, UsageError
from dyocense_cli.ports import Scope
from dyocense_cli.ports.service import RunRow

from .conftest import drop_postgres_database, new_postgres_database


@pytest.fixture(scope="module")
def urls(postgres: object) -> Iterator[tuple[str, str]]:
    owner_url, app_url = new_postgres_database()
    owner = open_engine(owner_url)
    migrate(owner, app_role="dyo_app")
    owner.dispose()
    yield owner_url, app_url
    drop_postgres_database(owner_url)


def fill(engine: sa.Engine, tenant: str) -> None:
    scope, clock = Scope(tenant), FrozenClock()
    runs = SqlRuns(engine, scope, clock)
    run = f"run-{tenant}"
    runs.create(RunRow(run, tenant, "pro", "k"))
    runs.event(run, "queued", {})
    ledger = PostgresLedger(engine, scope, clock, {"solver_sec": 10.0})
    ledger.reserve(run, {"solver_sec": 1})
    ledger.idempotent("k", "sha")
    outbox = SqlOutbox(engine, scope, clock)
    outbox.put(f"item-{tenant}", "webhook", "", "{}")
    outbox.add_webhook("w", "http://127.0.0.1/", "s")
    with tenant_transaction(engine, scope) as c:
        c.execute(sa.text("INSERT INTO forecast_cache (tenant_id, sku, horizon, hash) VALUES (:t, 'MILK-1L', 4, 'h')"), {"t": tenant})


def test_every_table_with_a_tenant_forces_row_security(urls: tuple[str, str]) -> None:
    engine = open_engine(urls[0])
    with engine.connect() as c:
        rows = c.execute(
            sa.text(
                "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND n.nspname = 'public'"
                " AND c.relname NOT LIKE 'queue_%' AND c.relname NOT IN ('outbox_due', 'run_metrics')"
            )
        ).fetchall()
    engine.dispose()
    assert {r[0] for r in rows} == set(TENANT_TABLES)
    assert all(r[1] and r[2] for r in rows)


def test_without_the_applications_filter_nothing_of_another_tenant_is_seen(urls: tuple[str, str]) -> None:
    engine = open_engine(urls[1])
    a, b = f"a-{uuid.uuid4().hex[:8]}", f"b-{uuid.uuid4().hex[:8]}"
    fill(engine, a)
    fill(engine, b)
    for table in TENANT_TABLES:
        with tenant_transaction(engine, Scope(a)) as c:
            seen = {r[0] for r in c.execute(sa.text(f"SELECT tenant_id FROM {table}"))}
            touched = c.execute(sa.text(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = :b"), {"b": b}).rowcount
            gone = c.execute(sa.text(f"DELETE FROM {table} WHERE tenant_id = :b"), {"b": b}).rowcount
        assert seen == {a}, table
        assert (touched, gone) == (0, 0), table
        with engine.connect() as c:  # the pooled connection carries no tenant over
            assert c.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 0, table
    engine.dispose()


def test_a_row_of_another_tenant_cannot_be_written(urls: tuple[str, str]) -> None:
    engine = open_engine(urls[1])
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), tenant_transaction(engine, Scope("a")) as c:
        c.execute(sa.text("INSERT INTO webhooks (tenant_id, webhook_id, url, secret, created_at) VALUES ('b', 'w', 'u', 's', '')"))
    engine.dispose()


def test_an_owner_that_is_no_superuser_is_bound_as_well(postgres: object) -> None:
    owner_url, _ = new_postgres_database()
    admin = open_engine(owner_url)
    role = f"plain_{uuid.uuid4().hex[:8]}"
    with admin.begin() as c:
        c.execute(sa.text(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS"))
        c.execute(sa.text(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}"))
    plain = open_engine(owner_url.replace("dyo_owner@", f"{role}@"))
    try:
        migrate(plain)
        fill(plain, "a")
        with plain.connect() as c:
            assert c.execute(sa.text("SELECT count(*) FROM kernel_runs")).scalar() == 0
        with tenant_transaction(plain, Scope("b")) as c:
            assert c.execute(sa.text("SELECT count(*) FROM kernel_runs")).scalar() == 0
        with tenant_transaction(plain, Scope("a")) as c:
            assert c.execute(sa.text("SELECT count(*) FROM kernel_runs")).scalar() == 1
    finally:
        plain.dispose()
        admin.dispose()
        drop_postgres_database(owner_url)
        last = open_engine(urls_owner())
        with last.begin() as c:
            c.execute(sa.text(f"DROP ROLE {role}"))
        last.dispose()


def urls_owner() -> str:
    import os

    return os.environ["DYOCENSE_PG_OWNER_DSN"]


def test_a_transaction_needs_a_tenant(tmp_path: object) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.sqlite")
    with pytest.raises(UsageError, match="needs a tenant"), tenant_transaction(engine, Scope("")):
        pass
    with pytest.raises(UsageError, match="no database of kind"):
        open_engine("mysql://x")


def test_an_unmigrated_database_is_named(engine: sa.Engine, tmp_path: object) -> None:
    check_schema(engine)
    assert migrate(open_engine(str(engine.url))) == [] if engine.dialect.name == "sqlite" else True
    empty = open_engine(f"sqlite:///{tmp_path}/empty.sqlite")
    assert applied(empty) == set()
    with pytest.raises(UnavailableError, match="lacks migration 0001_tables"):
        check_schema(empty)


def test_migrations_only_ever_expand() -> None:
    names = [name for _, name, _ in files(postgres=True)]
    assert names == sorted(names)
    assert len({n for n, _, _ in files(postgres=True)}) == len(names)
    for _, name, text in files(postgres=True):
        words = " ".join(line for line in text.upper().splitlines() if not line.startswith("--"))
        assert "DROP " not in words, name
        assert "RENAME " not in words, name

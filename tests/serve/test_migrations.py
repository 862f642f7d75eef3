"""Expand first: code of before a migration works on the schema after it, so that a deploy rolls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.adapters.sql.engine import is_postgres, open_engine
from dyocense_cli.adapters.sql.migrate import check_schema, files, migrate
from dyocense_cli.adapters.sql.runs import SqlRuns
from dyocense_cli.ports import Scope
from dyocense_cli.ports.service import RunRow

from .conftest import drop_postgres_database, new_postgres_database

#: What a rolling deploy cannot bear: the earlier version still reads and writes what stood there.
CONTRACTING = re.compile(r"\b(DROP|RENAME|TRUNCATE)\b|ALTER COLUMN .* (TYPE|SET NOT NULL)|\bADD CONSTRAINT\b", re.IGNORECASE)
NEW_COLUMN = re.compile(r"ADD COLUMN (?:IF NOT EXISTS )?(\w+)([^,;]*)", re.IGNORECASE)


@pytest.mark.parametrize("number", [f[0] for f in files(postgres=True) if f[0] > 1])
def test_a_migration_only_adds_what_earlier_code_may_leave_out(number: int) -> None:
    text = next(t for n, _, t in files(postgres=True) if n == number)
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    assert CONTRACTING.search(plain) is None
    for column, rest in NEW_COLUMN.findall(plain):
        assert "DEFAULT" in rest.upper() or "NOT NULL" not in rest.upper(), column


@pytest.fixture(params=["sqlite", "postgres"])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """An empty database: its owner's engine, and the application's."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path}/service.sqlite")
        yield engine, engine
        engine.dispose()
        return
    request.getfixturevalue("postgres")
    owner, app = new_postgres_database()
    made = open_engine(owner), open_engine(app)
    yield made
    for engine in made:
        engine.dispose()
    drop_postgres_database(owner)


def test_this_version_works_on_the_schema_of_a_later_one(engines: tuple[sa.Engine, sa.Engine]) -> None:
    owner, app = engines
    migrate(owner, app_role="dyo_app")
    with owner.begin() as c:
        c.execute(sa.text("ALTER TABLE kernel_runs ADD COLUMN of_a_later_version int NOT NULL DEFAULT 7"))
        c.execute(sa.text("CREATE TABLE of_a_later_version (tenant_id text)"))
        c.execute(sa.text("INSERT INTO dyocense_schema (number, name) VALUES (9001, '9001_later.sql')"))
    check_schema(app)
    runs = SqlRuns(app, Scope("acme"), FrozenClock("2026-11-29T10:00:00Z"))
    assert runs.create(RunRow("r1", "acme", "pro", "k1")).run_id == "r1"
    assert runs.begin_solve("r1", 2)
    assert runs.read("r1") == RunRow("r1", "acme", "pro", "k1", solves=1)
    assert migrate(owner, app_role="dyo_app") == []  # an old pod that starts late undoes nothing


def test_the_code_of_the_first_schema_works_on_todays(engines: tuple[sa.Engine, sa.Engine]) -> None:
    """Statements as the first release wrote them: every column named, none of a later migration."""
    owner, app = engines
    first = next(t for n, _, t in files(postgres=is_postgres(owner)) if n == 1)
    table = re.search(r"CREATE TABLE kernel_runs \((.*?)\n\);", first, re.DOTALL)
    assert table is not None
    columns = [line.split()[0] for line in table.group(1).strip().splitlines()]
    migrate(owner, app_role="dyo_app")
    values = {"run_id": "r1", "tenant_id": "acme", "tier": "pro", "idem_key": "k1", "status": "queued"}
    with app.begin() as c:
        if is_postgres(app):
            c.execute(sa.text("SELECT set_config('app.tenant_id', 'acme', true)"))
        c.execute(sa.text(f"INSERT INTO kernel_runs ({', '.join(values)}) VALUES ({', '.join(':' + v for v in values)})"), values)
        row = c.execute(sa.text(f"SELECT {', '.join(columns)} FROM kernel_runs WHERE run_id = 'r1'")).one()
        assert dict(zip(columns, row, strict=True)).items() >= values.items()
        c.execute(sa.text("UPDATE kernel_runs SET status = 'running', attempts = attempts + 1 WHERE run_id = 'r1'"))
    now = SqlRuns(app, Scope("acme"), FrozenClock("2026-11-29T10:00:00Z")).read("r1")
    assert now is not None
    assert (now.status, now.attempts, now.solves) == ("running", 1, 0)

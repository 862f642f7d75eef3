"""Databases of their own for each test module: SQLite always, Postgres where the server is."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.adapters.sql.migrate import migrate

from .api import Service


def new_postgres_database() -> tuple[str, str]:
    """Create an empty database; returns the owner's and the application's URL."""
    owner, app = os.environ["DYOCENSE_PG_OWNER_DSN"], os.environ["DYOCENSE_PG_DSN"]
    name = f"t_{uuid.uuid4().hex[:16]}"
    admin = open_engine(owner)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return owner.rpartition("/")[0] + "/" + name, app.rpartition("/")[0] + "/" + name


def drop_postgres_database(url: str) -> None:
    admin = open_engine(os.environ["DYOCENSE_PG_OWNER_DSN"])
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a migrated database that no other test module uses; on Postgres as the application's role."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("db") / "service.sqlite"
        engine = open_engine(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()
        yield f"sqlite:///{path}"
        return
    request.getfixturevalue("postgres")
    owner_url, app_url = new_postgres_database()
    owner = open_engine(owner_url)
    migrate(owner, app_role="dyo_app")
    owner.dispose()
    yield app_url
    drop_postgres_database(owner_url)


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[sa.Engine]:
    """Engine on `database_url`."""
    made = open_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test uses."""
    return f"tn-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The application on `database_url`, without workers; on Postgres its limits are counted in Redis."""
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("redis")["DYOCENSE_REDIS_URL"]
    made = Service(tmp_path_factory.mktemp("state"), database_url, sandbox="rlimits", redis_url=redis_url, webhook_allow="127.0.0.0/8")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _own_tenant(request: pytest.FixtureRequest) -> None:
    """Give each test a tenant of its own in the shared service."""
    if "service" in request.fixturenames:
        request.getfixturevalue("service").tenant = f"tn-{uuid.uuid4().hex[:10]}"

"""Databases of their own for benchmarks: SQLite always, Postgres where DYOCENSE_PG_OWNER_DSN and DYOCENSE_PG_DSN name a server."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import open_engine

__all__ = ["databases"]


def databases() -> Iterator[tuple[str, str, str]]:
    """Yield (name, application's URL, owner's URL) of empty databases, each dropped when the next is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite'}"
        yield "SQLite", url, url
    owner, app = os.environ.get("DYOCENSE_PG_OWNER_DSN"), os.environ.get("DYOCENSE_PG_DSN")
    if not owner or not app:
        return
    name = f"bench_{uuid.uuid4().hex[:8]}"
    admin = open_engine(owner).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield "Postgres", app.rpartition("/")[0] + "/" + name, owner.rpartition("/")[0] + "/" + name
    finally:
        with admin.connect() as c:
            c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))

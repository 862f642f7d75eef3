"""The queue on a database of its own, with real worker processes: what the benchmarks of the service share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from dyocense_cli.adapters.queue.dbos import DbosQueue, client_of
from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.ports import Scope
from dyocense_cli.wiring_service import migrate_database

__all__ = ["Bench"]

REPO = Path(__file__).parents[1]


class Bench:
    """One database with a table that runs write to, submits, and workers of `module`, which print ``up``."""

    def __init__(self, url: str, owner: str, *, module: str, log: str) -> None:
        self.url = url
        self._module = module
        migrate_database(owner, app_role="dyo_app" if owner.startswith("postgres") else None)
        admin = open_engine(owner)
        with admin.begin() as c:
            c.execute(sa.text(f"CREATE TABLE IF NOT EXISTS {log}"))
            if owner.startswith("postgres"):
                c.execute(sa.text(f"GRANT ALL ON {log.split(maxsplit=1)[0]} TO dyo_app"))
        admin.dispose()
        self.engine = open_engine(url)
        self.client = client_of(self.engine)

    def queue(self, run_id: str, *, tenant: str, kind: str, cost_s: float, weight: float, cap: int) -> str:
        """Queue a run of a tenant and return its id."""
        own = {"kind": kind, "pool": "main", "cost_s": cost_s, "weight": weight, "cap": cap}
        DbosQueue(self.engine, Scope(tenant), self.client).submit(run_id, **own)  # type: ignore[arg-type]
        return run_id

    def rows(self, text: str, **values: object) -> list[tuple[object, ...]]:
        with self.engine.connect() as c:
            return [tuple(r) for r in c.execute(sa.text(text), values)]

    def count(self, text: str, **values: object) -> int:
        return int(str(self.rows(text, **values)[0][0]))

    @contextmanager
    def worker(self, *arguments: str) -> Iterator[None]:
        """Run a worker process until the end of the block."""
        process = subprocess.Popen([sys.executable, "-m", self._module, *arguments], cwd=REPO, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        try:
            yield
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

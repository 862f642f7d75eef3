"""Servers that a test may stop and start: its own, by scripts/services, on free ports, in a folder of their own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .api import REPO

__all__ = ["OwnServers", "free_port", "own_servers"]

_PORTS = {"postgres": "DYOCENSE_PG_PORT", "minio": "DYOCENSE_S3_PORT", "neo4j": "DYOCENSE_NEO4J_PORT", "opa": "DYOCENSE_OPA_PORT"}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


class OwnServers:
    """Each server is started when it is first asked for; `settings` are what `scripts/services` says of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dyocense-own-"))
        self.folder.chmod(0o755)  # Postgres runs as another user
        built = os.environ.get("DYOCENSE_TEST_OPA")
        path = os.pathsep.join([str(Path(built).parent), os.environ["PATH"]]) if built else os.environ["PATH"]
        self._environment = {**os.environ, "PATH": path, "DYOCENSE_SERVICES_DIR": str(self.folder)}
        self._environment |= {variable: str(free_port()) for variable in _PORTS.values()}
        self._up: set[str] = set()
        self.settings: dict[str, str] = {}

    def _script(self, action: str, name: str, **more: str) -> str:
        done = subprocess.run(
            ["bash", str(REPO / "scripts" / "services" / f"{name}.sh"), action],
            env={**self._environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def up(self, name: str) -> None:
        """Start a server; its data of before are there again."""
        for variable, value in re.findall(r"^export (\w+)=(\S+)", self._script("up", name), re.MULTILINE):
            self.settings[variable] = value
        self._up.add(name)

    def down(self, name: str, *, crash: bool = False) -> None:
        """Stop a server; with `crash` a database does not write what it has in memory."""
        self._script("down", name, DYOCENSE_PG_STOP="immediate" if crash else "fast")
        self._up.discard(name)

    def restart(self, name: str, *, crash: bool = False) -> None:
        self.down(name, crash=crash)
        self.up(name)

    def database(self) -> str:
        """Make a database and return its URL for the application's role; its owner's stands in DYOCENSE_PG_OWNER_DSN."""
        name = f"t_{uuid.uuid4().hex[:16]}"
        owner = self.settings["DYOCENSE_PG_OWNER_DSN"].rpartition("/")[0]
        subprocess.run(["psql", "-q", f"{owner}/postgres", "-c", f"CREATE DATABASE {name}"], check=True, capture_output=True)
        return f"{self.settings['DYOCENSE_PG_DSN'].rpartition('/')[0]}/{name}"

    def bucket(self) -> str:
        """Make a bucket and return the URL of a store in it."""
        name = f"serve-{uuid.uuid4().hex[:12]}"
        self.minio().make_bucket(name)
        return f"s3://{name}/kept"

    def minio(self) -> Any:
        from minio import Minio

        s = self.settings
        return Minio(s["DYOCENSE_S3_ENDPOINT"].partition("://")[2], s["DYOCENSE_S3_ACCESS_KEY"], s["DYOCENSE_S3_SECRET_KEY"], secure=False)

    def service_settings(self, *names: str) -> dict[str, str]:
        """Return settings of the service for the named servers."""
        s = self.settings
        out = {}
        if "minio" in names:
            out |= {"store": self.bucket(), **{f"s3_{n}": s[f"DYOCENSE_S3_{n.upper()}"] for n in ("endpoint", "access_key", "secret_key")}}
        if "neo4j" in names:
            out |= {"graph": "neo4j", **{f"neo4j_{n}": s[f"DYOCENSE_NEO4J_{n.upper()}"] for n in ("url", "user", "password")}}
        return out

    def close(self) -> None:
        for name in sorted(self._up):
            self.down(name, crash=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def own_servers(postgres: object, minio: object, neo4j: object) -> Iterator[OwnServers]:
    """Servers of this test session alone; asked for where the shared ones are there too, so that their programs are installed."""
    made = OwnServers()
    yield made
    made.close()

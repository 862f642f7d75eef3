"""The application behind a real socket, on a database of its own, without workers unless a test starts one."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from dyocense_cli.serve.app import create_app
from dyocense_cli.serve.auth import mint
from dyocense_cli.serve.config import ServeConfig, number, read_config
from dyocense_cli.settings import OPTIONS, Settings
from dyocense_cli.wiring_service import migrate_database, open_parts

REPO = Path(__file__).parents[2]


def settings_for(state: Path, database_url: str, **more: str) -> Settings:
    values = {o.name: o.default for o in OPTIONS} | {"serve_state": str(state), "database_url": database_url, "graph": "none"} | more
    return Settings(values, dict.fromkeys(values, "test"), str(REPO))


def migrate_for(database_url: str, *, owner: str = "") -> None:
    """Bring a test database to the full schema, the engine's tables included; `owner` is a URL of the server's owner."""
    if database_url.startswith("sqlite"):
        migrate_database(database_url)
        return
    server = (owner or os.environ["DYOCENSE_PG_OWNER_DSN"]).rpartition("/")[0]
    migrate_database(f"{server}/{database_url.rpartition('/')[2]}", app_role="dyo_app")


class Service:
    """A service on a database; `client` speaks to it as one tenant, `as_` as another."""

    def __init__(self, state: Path, database_url: str, *, migrated: bool = False, **more: str) -> None:
        if not migrated:
            migrate_for(database_url)
        self.config: ServeConfig = read_config(settings_for(state, database_url, **more))
        self.parts = open_parts(self.config.database_url, dead_after_s=number("serve.dead_after_s"))
        self.app = create_app(self.config, self.parts)
        self.tenant = f"tn-{uuid.uuid4().hex[:10]}"
        self._server = uvicorn.Server(uvicorn.Config(self.app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=5))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def token(self, tenant: str | None = None, tier: str = "enterprise", **more: Any) -> str:
        return mint(self.config, tenant=tenant or self.tenant, tier=tier, **more)

    def headers(self, tenant: str | None = None, tier: str = "enterprise", key: str | None = None) -> dict[str, str]:
        out = {"Authorization": f"Bearer {self.token(tenant, tier)}"}
        return {**out, "Idempotency-Key": key} if key else out

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None, **who: Any) -> httpx.Response:
        return self.http.post(path, json=dict(body), headers=self.headers(key=key or uuid.uuid4().hex, **who))

    def get(self, path: str, **who: Any) -> httpx.Response:
        return self.http.get(path, headers=self.headers(**who))

    def close(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        self.parts.close()

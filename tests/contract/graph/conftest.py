"""Every graph adapter of the registry, each test with tenants of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dyocense_cli.adapters.registry import entries, load
from dyocense_cli.ports import Scope

Make = Callable[[str], Any]


@pytest.fixture(params=[e.name for e in entries("graph")])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a maker of stores by tenant; tenants are named apart per test, so that a shared server is safe."""
    name, mark, opened = request.param, uuid4().hex[:12], []
    server = request.getfixturevalue("neo4j") if name == "neo4j" else {}

    def build(tenant: str) -> Any:
        scope = Scope(f"{tenant}-{mark}")
        cls = load("graph", name)
        if name == "neo4j":
            store = cls(server["DYOCENSE_NEO4J_URL"], server["DYOCENSE_NEO4J_USER"], server["DYOCENSE_NEO4J_PASSWORD"], scope)
        else:
            store = cls(str(tmp_path / scope.tenant_id), scope)
        opened.append(store)
        return store

    yield build
    for store in opened:
        store.close()

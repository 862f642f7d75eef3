"""Claims that every vector index keeps; Qdrant is tried as a folder and, where one runs, as a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dyocense_cli.adapters.registry import entries, load
from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports import Scope

Make = Callable[[str], Any]


URL = os.environ.get("DYOCENSE_QDRANT_URL", "")
WHERE = ("folder", "server") if URL else ("folder",)


@pytest.fixture(params=[(e.name, where) for e in entries("vectors") for where in WHERE], ids="-".join)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    name, where = request.param
    url = URL if where == "server" else ""
    mark = uuid4().hex[:10]
    return lambda tenant: load("vectors", name)(url, str(tmp_path), Scope(f"{tenant}-{mark}"))


def test_the_nearest_come_closest_first(make: Make) -> None:
    index = make("a")
    assert index.nearest((0.0, 0.0), 3) == []
    for key, vector in (("far", (9.0, 9.0)), ("near", (1.0, 0.0)), ("here", (0.0, 0.0))):
        index.upsert(key, vector, {"goal": key, "size": 2.0})
    found = index.nearest((0.0, 0.0), 2)
    assert [n.key for n in found] == ["here", "near"]
    assert [n.distance for n in found] == pytest.approx([0.0, 1.0])
    assert dict(found[0].payload) == {"goal": "here", "size": 2.0}


def test_storing_again_replaces(make: Make) -> None:
    index = make("a")
    index.upsert("x", (1.0, 0.0), {"v": 1.0})
    index.upsert("x", (0.0, 0.0), {"v": 2.0})
    found = index.nearest((0.0, 0.0), 5)
    assert [(n.key, n.payload["v"]) for n in found] == [("x", 2.0)]
    assert found[0].distance == pytest.approx(0.0)


def test_tenants_do_not_meet_and_a_second_opening_sees_the_first(make: Make) -> None:
    make("a").upsert("x", (0.0, 0.0), {})
    assert make("b").nearest((0.0, 0.0), 5) == []
    assert [n.key for n in make("a").nearest((0.0, 0.0), 5)] == ["x"]


def test_an_address_where_nothing_listens_is_said_so(tmp_path: Path) -> None:
    index = load("vectors", "qdrant")("http://127.0.0.1:1", str(tmp_path), Scope("a"))
    with pytest.raises(UnavailableError, match="DY4411"):
        index.nearest((0.0,), 1)

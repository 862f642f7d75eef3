"""A writer killed in the middle of a merge leaves a graph that the next merge completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.ports import Scope
from tests.synthetic_run import synthetic

ROOT = Path(__file__).parents[3]
GRAPH = build(*synthetic(40).args())
#: Tells after each statement that it is done, and waits to be told to go on.
CHILD = """
import sys
from dyocense_cli.adapters.registry import load
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.ports import Scope
from tests.synthetic_run import synthetic

def slowly(original):
    def done(*args, **options):
        result = original(*args, **options)
        print("done", flush=True)
        sys.stdin.readline()
        return result
    return done

name, tenant, *rest = sys.argv[1:]
cls = load("graph", name)
if name == "neo4j":
    cls._batch = staticmethod(slowly(cls._batch))
else:
    cls._edges = slowly(cls._edges)
cls(*rest, Scope(tenant)).merge(build(*synthetic(40).args()))
"""


def _held(store: Any) -> tuple[list[str], int]:
    keys = sorted(r["key"] for r in store.query("MATCH (n) RETURN n.key AS key"))
    return keys, len(store.query("MATCH (a)-[e]->(b) RETURN a.key AS a, b.key AS b"))


@pytest.mark.parametrize("name", ["ladybug", "neo4j"])
def test_a_killed_writer_leaves_what_the_next_one_completes(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: Mapping[str, str] = request.getfixturevalue("neo4j") if name == "neo4j" else {}
    where = [server[f"DYOCENSE_NEO4J_{k}"] for k in ("URL", "USER", "PASSWORD")] if server else [str(tmp_path / "graph")]
    tenant = f"killed-{uuid4().hex[:10]}"
    whole = (sorted(n.key for n in GRAPH.nodes), len(GRAPH.edges))
    for after in (1, 4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, name, tenant, *where], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stdin is not None
        for step in range(after):
            assert child.stdout.readline() == "done\n"
            if step < after - 1:
                child.stdin.write("\n")
                child.stdin.flush()
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()
        store = load("graph", name)(*where, Scope(tenant))
        assert _held(store) != whole
        store.close()
    store = load("graph", name)(*where, Scope(tenant))
    store.merge(GRAPH)
    assert _held(store) == whole
    store.close()

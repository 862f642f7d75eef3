"""How fast a run's evidence is written: embedded, and to Neo4j where DYOCENSE_NEO4J_URL is set.

python benchmarks/evidence_graph.py [lines]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from uuid import uuid4

sys.path.insert(0, str(__import__("pathlib").Path(__file__).parents[1]))

from dyocense_cli.adapters.graph.ladybug import LadybugGraph
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.ports import Scope
from tests.synthetic_run import synthetic


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    args = synthetic(lines).args()
    begun = time.perf_counter()
    graph = build(*args)
    size = len(graph.nodes) + len(graph.edges)
    print(f"{lines} lines: {len(graph.nodes)} nodes, {len(graph.edges)} edges, built in {time.perf_counter() - begun:.2f} s")
    print(f"{'store':<28}{'seconds':>9}{'per s':>10}{'again':>9}{'CPU s':>9}")
    with tempfile.TemporaryDirectory() as folder:
        show("ladybug, new file", LadybugGraph(folder), graph, size)
        other = build(*synthetic(lines, seed=8).args())
        show("ladybug, second run", LadybugGraph(folder), other, len(other.nodes) + len(other.edges))
    if "DYOCENSE_NEO4J_URL" in os.environ:
        from dyocense_cli.adapters.graph.neo4j import Neo4jGraph

        login = [os.environ[f"DYOCENSE_NEO4J_{n}"] for n in ("URL", "USER", "PASSWORD")]
        for name in ("neo4j, first run", "neo4j, warm", "neo4j, warm"):
            store = Neo4jGraph(*login, Scope(f"bench-{uuid4().hex[:8]}"))
            store.query("MATCH (n:Run) RETURN n.key LIMIT 1")
            show(name, store, graph, size)
            store.close()


def show(name: str, store: object, graph: object, size: int) -> None:
    times, cpu = [], time.process_time()
    for _ in range(2):
        begun = time.perf_counter()
        store.merge(graph)  # type: ignore[attr-defined]  # any graph store
        times.append(time.perf_counter() - begun)
    print(f"{name:<28}{times[0]:>9.2f}{size / times[0]:>10,.0f}{times[1]:>9.2f}{time.process_time() - cpu:>9.2f}")


if __name__ == "__main__":
    main()

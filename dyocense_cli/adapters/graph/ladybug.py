"""Evidence in an embedded property graph: one file per tenant, no server."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import ladybug

from dyocense_cli.artifacts.evidence import Edge, EvidenceGraph, Node
from dyocense_cli.errors import UnavailableError, UsageError
from dyocense_cli.kernel.evidence.cypher import scoped
from dyocense_cli.kernel.evidence.labels import EDGES, NODES
from dyocense_cli.kernel.evidence.statements import (
    OF_A_RUN,
    checked_tenant,
    edge_groups,
    edge_statement,
    id_of,
    node_groups,
    node_statement,
)
from dyocense_cli.kernel.evidence.walk import around
from dyocense_cli.ports import Scope

__all__ = ["LadybugGraph"]

#: Raised with every change of the tables; an older file is left alone and a new one is filled from the runs.
SCHEMA: Final = 2
#: How long a writer waits for another process (seconds).
PATIENCE_S: Final = 30.0
#: Below this many new edges one statement is quicker than a file.
BULK: Final = 200
_BUFFER: Final = 256 << 20
#: The log is folded into the file when it is longer (bytes): folding after each merge doubles its time, a long log slows the next opening.
LOG_LIMIT: Final = 8 << 20
#: A file and a log below this (bytes) are folded at once.
SMALL: Final = 2 << 20


class LadybugGraph:
    """`<root>/evidence-v<schema>` and a lock file beside it.

    The library allows one writing process and fails at once for a second one, so that writers take an exclusive file lock and readers a
    shared one. A merge is one transaction: a killed writer leaves nothing, and the next merge writes all.
    """

    features: ClassVar[frozenset[str]] = frozenset({"local", "cypher"})

    def __init__(self, root: str, scope: Scope | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._tenant = checked_tenant((scope or Scope()).tenant_id)
        self._root = Path(root)
        self._path = self._root / f"evidence-v{SCHEMA}"
        self._patience_s = patience_s

    def merge(self, graph: EvidenceGraph) -> None:
        """Merge all nodes and edges in one transaction; merging again changes nothing."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_EX), self._connection(read_only=False) as connection:
            if self._complete(connection, graph):
                return
            connection.execute("BEGIN TRANSACTION")
            for label, rows in node_groups(graph, self._tenant):
                connection.execute(node_statement(label, "{id: row.id}", rows), {"rows": rows})
            for kind, pair, edges in edge_groups(graph, self._tenant):
                self._edges(connection, kind, pair, edges)
            connection.execute("COMMIT")
            if self._should_fold():
                connection.execute("CHECKPOINT")

    def _should_fold(self) -> bool:
        """Say whether the log goes into the file now: at once while both are small, rarely when the file is large."""
        log = self._path.with_name(self._path.name + ".wal")
        if not log.exists():
            return False
        length = log.stat().st_size
        return length > LOG_LIMIT or max(length, self._path.stat().st_size) < SMALL

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a read-only statement inside this tenant's part of the graph."""
        text = scoped(statement)
        return self._read(text, {**(parameters or {}), "tenant_id": self._tenant})

    def neighbours(self, key: str, *, depth: int = 1) -> EvidenceGraph:
        """Return the nodes within `depth` edges of a node, in either direction, and the edges between them."""
        return around(key, depth, load=self._load, edges_of=self._edges_of)

    def retire(self, before: str, *, keep: Sequence[str] = ()) -> int:
        """Remove what only runs of earlier months say, in one transaction."""
        if not self._path.exists():
            return 0
        kept = [id_of(self._tenant, k) for k in keep]
        old = "r.month <> '' AND r.month < $before AND NOT r.id IN $keep"
        values = {"before": before, "keep": kept}
        gone = 0
        with self._locked(fcntl.LOCK_EX), self._connection(read_only=False) as connection:
            connection.execute("BEGIN TRANSACTION")
            for label in sorted(OF_A_RUN - {"Run"}):
                found = _rows(connection, f"MATCH (n:{label})-[:PART_OF]->(r:Run) WHERE {old} RETURN n.id AS id", values)
                gone += self._drop(connection, label, [r["id"] for r in found])
            found = _rows(connection, f"MATCH (r:Run) WHERE {old} RETURN r.id AS id", values)
            gone += self._drop(connection, "Run", [r["id"] for r in found])
            connection.execute("COMMIT")
        return gone

    @staticmethod
    def _drop(connection: Any, label: str, ids: list[str]) -> int:
        if ids:
            connection.execute(f"MATCH (n:{label}) WHERE n.id IN $ids DETACH DELETE n", {"ids": ids})
        return len(ids)

    def close(self) -> None:
        """Hold nothing between calls: nothing to release."""

    def _load(self, label: str, keys: list[str]) -> list[Node]:
        prov, columns = NODES[label]
        ids = [id_of(self._tenant, k) for k in keys]
        rows = self._read(f"UNWIND $ids AS i MATCH (n:{label} {{id: i}}) RETURN n", {"ids": ids})
        return [Node(r["n"]["key"], label, prov, {c: r["n"][c] for c in columns if r["n"].get(c) is not None}) for r in rows]

    def _edges_of(self, label: str, keys: list[str]) -> list[Edge]:
        ids = {"ids": [id_of(self._tenant, k) for k in keys]}
        tail = "WHERE n.id IN $ids RETURN n.key AS here, label(e) AS kind, m.key AS there"
        out = [Edge(r["here"], r["there"], r["kind"]) for r in self._read(f"MATCH (n:{label})-[e]->(m) {tail}", ids)]
        return out + [Edge(r["there"], r["here"], r["kind"]) for r in self._read(f"MATCH (m)-[e]->(n:{label}) {tail}", ids)]

    def _read(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._locked(fcntl.LOCK_SH), self._connection(read_only=True) as connection:
            return _rows(connection, statement, parameters)

    def _complete(self, connection: Any, graph: EvidenceGraph) -> bool:
        """Say whether this run is in the graph: a merge is one transaction, so that its run node stands for all of it."""
        keys = [id_of(self._tenant, n.key) for n in graph.nodes if n.label == "Run"]
        held = _rows(connection, "UNWIND $ids AS i MATCH (n:Run {id: i}) RETURN n.id AS id", {"ids": keys})
        return bool(keys) and len(held) == len(keys)

    def _edges(self, connection: Any, kind: str, pair: tuple[str, str], edges: list[dict[str, str]]) -> None:
        statement = f"UNWIND $ids AS i MATCH (a:{pair[0]} {{id: i}})-[:{kind}]->(b:{pair[1]}) RETURN a.id AS src, b.id AS dst"
        held = {(r["src"], r["dst"]) for r in _rows(connection, statement, {"ids": sorted({e["src"] for e in edges})})}
        new = [e for e in edges if (e["src"], e["dst"]) not in held]
        plain = [e for e in new if _plain(e["src"]) and _plain(e["dst"])]
        if len(plain) < BULK:
            plain = []
        else:
            self._copy(connection, kind, pair, plain)
        rest = [e for e in new if not plain or not (_plain(e["src"]) and _plain(e["dst"]))]
        if rest:
            connection.execute(edge_statement(kind, pair, "{id: row.src}", "{id: row.dst}"), {"rows": rest})

    @staticmethod
    def _copy(connection: Any, kind: str, pair: tuple[str, str], edges: list[dict[str, str]]) -> None:
        """Load edges that are known to be new from a file, which is twenty times as quick as one MERGE each."""
        with tempfile.TemporaryDirectory(prefix="dyocense-") as folder:
            path = Path(folder) / "edges.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows((e["src"], e["dst"]) for e in edges)
            connection.execute(f"COPY {kind} FROM '{path}' (from='{pair[0]}', to='{pair[1]}', header=false, parallel=false)")

    @contextlib.contextmanager
    def _connection(self, *, read_only: bool) -> Iterator[Any]:
        fresh = not self._path.exists()
        try:
            database = ladybug.Database(
                str(self._path), read_only=read_only, buffer_pool_size=_BUFFER, max_num_threads=1, auto_checkpoint=False
            )
        except RuntimeError as error:  # it reserves 8 TiB of addresses, which a limit on memory refuses
            raise UnavailableError("DY4406", f"the graph cannot be opened: {str(error).splitlines()[0][:300]}") from error
        connection = ladybug.Connection(database)
        if not read_only:
            connection.execute("CALL force_checkpoint_on_close=false")
        try:
            if fresh or not read_only:
                _schema(connection)
            yield connection
        except RuntimeError as error:
            why = str(error).splitlines()[0][:300]
            if read_only:
                raise UsageError("DY4405", f"the graph refuses the statement: {why}") from error
            raise UnavailableError("DY4406", f"the graph cannot be written: {why}") from error
        finally:
            connection.close()
            database.close()

    @contextlib.contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        handle = os.open(self._root / "evidence.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            end = time.monotonic() + self._patience_s
            while True:
                try:
                    fcntl.flock(handle, mode | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise UnavailableError(
                            "DY4403", f"another process writes {self._path.name}", hints="wait for it, or set DYOCENSE_GRAPH=neo4j"
                        ) from None
                    time.sleep(0.02)
            yield
        finally:
            os.close(handle)


def _plain(text: str) -> bool:
    return not any(c in text for c in '"\\\n\r')


def _rows(connection: Any, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    result = connection.execute(statement, dict(parameters))
    names = result.get_column_names()
    return [dict(zip(names, row, strict=True)) for row in result.get_all()]


def _schema(connection: Any) -> None:
    """Create the tables of the closed schema that are not there yet."""
    have = {row["name"] for row in _rows(connection, "CALL show_tables() RETURN name", {})}
    for label, (_, columns) in NODES.items():
        if label not in have:
            fields = "".join(f", {c} {kind}" for c, kind in columns.items())
            connection.execute(f"CREATE NODE TABLE {label}(id STRING PRIMARY KEY, tenant_id STRING, key STRING{fields})")
    for kind, pairs in EDGES.items():
        if kind not in have:
            connection.execute(f"CREATE REL TABLE {kind}(" + ", ".join(f"FROM {a} TO {b}" for a, b in pairs) + ")")

"""Evidence in Neo4j: batched merges, composite keys with the tenant, every read bound to it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from neo4j import READ_ACCESS, WRITE_ACCESS, Driver, GraphDatabase, Session
from neo4j.exceptions import AuthError, ClientError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired, TransientError

from dyocense_cli.artifacts.evidence import Edge, EvidenceGraph, Node
from dyocense_cli.errors import UnavailableError, UsageError
from dyocense_cli.kernel.evidence.cypher import scoped
from dyocense_cli.kernel.evidence.labels import NODES
from dyocense_cli.kernel.evidence.statements import (
    checked_tenant,
    edge_groups,
    edge_statement,
    id_of,
    month_label,
    node_groups,
    node_statement,
)
from dyocense_cli.kernel.evidence.walk import around
from dyocense_cli.ports import Scope

__all__ = ["Neo4jGraph"]

#: Rows of one transaction.
BATCH: Final = 5000
_ID: Final = "{tenant_id: row.tenant_id, id: row.id}"


class Neo4jGraph:
    """One database for all tenants (or one each, by `database`); edges never join two tenants.

    A merge is several transactions, nodes before edges and the mark of completeness last: a killed writer leaves a part that the next
    merge completes.
    """

    features: ClassVar[frozenset[str]] = frozenset({"server", "cypher", "concurrent_writers"})

    def __init__(self, url: str, user: str, password: str, scope: Scope | None = None, *, database: str = "neo4j") -> None:
        self._tenant = checked_tenant((scope or Scope()).tenant_id)
        self._database = database
        self._url = url
        self._driver: Driver = GraphDatabase.driver(
            url, auth=(user, password), connection_timeout=20.0, connection_acquisition_timeout=40.0, max_transaction_retry_time=30.0,
            notifications_min_severity="OFF",
        )  # fmt: skip
        self._ready = False

    def merge(self, graph: EvidenceGraph) -> None:
        """Merge all nodes and edges in batches; merging again changes nothing."""
        with self._session(WRITE_ACCESS) as session:
            self._constraints(session)
            runs = [id_of(self._tenant, n.key) for n in graph.nodes if n.label == "Run"]
            if runs and self._count_complete(session, runs) == len(runs):
                return
            for label, rows in node_groups(graph, self._tenant):
                self._batches(session, node_statement(label, _ID, rows, shard=month_label(graph)), rows)
            for kind, pair, edges in edge_groups(graph, self._tenant):
                rows = [{**edge, "tenant_id": self._tenant} for edge in edges]
                statement = edge_statement(kind, pair, "{tenant_id: row.tenant_id, id: row.src}", "{tenant_id: row.tenant_id, id: row.dst}")
                self._batches(session, statement, rows)
            done = "UNWIND $rows AS row MATCH (n:Run {tenant_id: row.tenant_id, id: row.id}) SET n.complete = true"
            self._batches(session, done, [{"tenant_id": self._tenant, "id": i} for i in runs])

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a read-only statement inside this tenant's part of the graph."""
        return self._read(scoped(statement), parameters or {})

    def neighbours(self, key: str, *, depth: int = 1) -> EvidenceGraph:
        """Return the nodes within `depth` edges of a node, in either direction, and the edges between them."""
        return around(key, depth, load=self._load, edges_of=self._edges_of)

    def retire(self, before: str, *, keep: Sequence[str] = ()) -> int:
        """Remove what only runs of earlier months say, month by month: a month is a label, so that no other one is touched."""
        old = [r["label"] for r in self._read("CALL db.labels() YIELD label RETURN label", {})]
        values = {"tenant_id": self._tenant, "keep": [id_of(self._tenant, k) for k in keep]}
        gone = 0
        for label in sorted(m for m in old if re.fullmatch(r"M\d{4}_\d{2}", m) and m < f"M{before[:4]}_{before[5:7]}"):
            mine = f"MATCH (n:{label} {{tenant_id: $tenant_id}}) WHERE NOT n.id IN $keep"
            others = " AND NOT EXISTS { MATCH (n)-[:PART_OF]->(r:Run) WHERE r.id IN $keep }"
            # runs last: a killed sweep leaves them, and with them the way to what is left
            for part in (" AND NOT n:Run", ""):
                statement = f"{mine}{others}{part} WITH n LIMIT {BATCH} DETACH DELETE n RETURN count(*) AS n"
                while (n := self._written(statement, values)) > 0:
                    gone += n
        return gone

    def _written(self, statement: str, values: Mapping[str, Any]) -> int:
        with self._session(WRITE_ACCESS) as session:
            return int(session.execute_write(lambda tx: tx.run(statement, values).single(strict=True)["n"]))

    def close(self) -> None:
        """Close all connections."""
        self._driver.close()

    def _load(self, label: str, keys: list[str]) -> list[Node]:
        prov, columns = NODES[label]
        statement = f"UNWIND $ids AS i MATCH (n:{label} {{tenant_id: $tenant_id, id: i}}) RETURN properties(n) AS n"
        rows = self._read(statement, {"ids": [id_of(self._tenant, k) for k in keys]})
        return [Node(r["n"]["key"], label, prov, {c: r["n"][c] for c in columns if r["n"].get(c) is not None}) for r in rows]

    def _edges_of(self, label: str, keys: list[str]) -> list[Edge]:
        ids = {"ids": [id_of(self._tenant, k) for k in keys]}
        head = f"UNWIND $ids AS i MATCH (n:{label} {{tenant_id: $tenant_id, id: i}})"
        tail = "RETURN n.key AS here, type(e) AS kind, m.key AS there"
        out = [Edge(r["here"], r["there"], r["kind"]) for r in self._read(f"{head}-[e]->(m) {tail}", ids)]
        return out + [Edge(r["there"], r["here"], r["kind"]) for r in self._read(f"{head}<-[e]-(m) {tail}", ids)]

    def _read(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._session(READ_ACCESS) as session:
            values = {**parameters, "tenant_id": self._tenant}
            rows: list[dict[str, Any]] = session.execute_read(lambda tx: [r.data() for r in tx.run(statement, values)])
            return rows

    def _count_complete(self, session: Session, runs: list[str]) -> int:
        statement = "UNWIND $ids AS i MATCH (n:Run {tenant_id: $tenant_id, id: i}) WHERE n.complete RETURN count(n) AS n"
        return int(session.execute_read(lambda tx: tx.run(statement, {"ids": runs, "tenant_id": self._tenant}).single(strict=True)["n"]))

    def _batches(self, session: Session, statement: str, rows: list[dict[str, Any]]) -> None:
        for at in range(0, len(rows), BATCH):
            self._batch(session, statement, rows[at : at + BATCH])

    @staticmethod
    def _batch(session: Session, statement: str, rows: list[dict[str, Any]]) -> None:
        session.execute_write(lambda tx: tx.run(statement, {"rows": rows}).consume())

    def _constraints(self, session: Session) -> None:
        """Create the composite uniqueness constraint of each label once; it is also the index that merges use."""
        if self._ready:
            return
        for label in NODES:
            session.run(
                f"CREATE CONSTRAINT evidence_{label.lower()} IF NOT EXISTS FOR (n:{label}) REQUIRE (n.tenant_id, n.id) IS UNIQUE"
            ).consume()
        session.run("CALL db.awaitIndexes(60)").consume()
        self._ready = True

    @contextlib.contextmanager
    def _session(self, access: str) -> Iterator[Session]:
        try:
            with self._driver.session(database=self._database, default_access_mode=access) as session:
                yield session
        except (ServiceUnavailable, SessionExpired, TransientError, AuthError, DriverError) as error:
            raise UnavailableError(
                "DY4401", f"Neo4j at {self._url} cannot be reached or does not let us in ({type(error).__name__})",
                hints="start it, or set DYOCENSE_GRAPH=ladybug; `dyocense evidence write` completes the graph later",
            ) from error  # fmt: skip
        except (ClientError, Neo4jError) as error:
            raise UsageError("DY4405", f"Neo4j refuses the statement: {(error.message or '').splitlines()[0][:300]}") from error

"""Named queries: statements that both graph stores run. `$key` and `$run` are keys of nodes without the tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["QUERIES", "Query"]


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with what it tells and the parameters it takes."""

    tells: str
    statement: str
    parameters: tuple[str, ...] = ()


QUERIES: Final[Mapping[str, Query]] = {
    "runs": Query(
        "the latest runs",
        "MATCH (r:Run) RETURN r.key AS run, r.goal_id AS goal, r.variant AS variant, r.status AS status, r.month AS month"
        " ORDER BY r.month DESC, r.key LIMIT 100",
    ),
    "lines": Query(
        "order lines of a run",
        "MATCH (l:Line)-[:PART_OF]->(r:Run {key: $run}) RETURN l.name AS line, l.sku AS sku, l.supplier AS supplier, l.qty AS qty,"
        " l.cost AS cost, l.day AS day ORDER BY l.name",
        ("run",),
    ),
    "rules": Query(
        "rules of a run, dearest first",
        "MATCH (c:Rule)-[:PART_OF]->(r:Run {key: $run}) RETURN c.name AS rule, c.binding AS binding, c.price AS price,"
        " c.activity AS activity, c.bound AS bound, c.unit AS unit, c.intent AS intent ORDER BY c.binding DESC, c.name",
        ("run",),
    ),
    "why": Query(
        "what an order line rests on",
        "MATCH (l:Line {key: $key})-[:DERIVED_FROM]->(d:DataRow) RETURN d.name AS what, d.key AS key, d.value AS value ORDER BY d.key",
        ("key",),
    ),
    "rows": Query(
        "order lines that rest on a table row",
        "MATCH (l:Line)-[:DERIVED_FROM]->(d:DataRow {key: $key}) RETURN l.key AS line, l.qty AS qty, l.cost AS cost"
        " ORDER BY l.key LIMIT 1000",
        ("key",),
    ),
    "supplier": Query(
        "what was ever ordered from a supplier",
        "MATCH (l:Line {supplier: $supplier})-[:PART_OF]->(r:Run) RETURN r.key AS run, r.goal_id AS goal, count(l) AS lines,"
        " sum(l.cost) AS cost ORDER BY r.key LIMIT 1000",
        ("supplier",),
    ),
    "rule_in_runs": Query(
        "runs that hold the same rule, by its fingerprint",
        "MATCH (c:Rule {fingerprint: $fingerprint})-[:PART_OF]->(r:Run) RETURN r.key AS run, c.name AS rule, c.binding AS binding,"
        " c.price AS price ORDER BY r.key LIMIT 1000",
        ("fingerprint",),
    ),
    "lineage": Query(
        "artifacts that an artifact was made from",
        "MATCH (a:Artifact {key: $key})-[:DERIVED_FROM*1..8]->(b:Artifact) RETURN DISTINCT b.name AS name,"
        " b.sha AS sha ORDER BY b.name, b.sha",
        ("key",),
    ),
}  # fmt: skip

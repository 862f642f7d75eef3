"""Statements that both graph stores run, made from the closed schema: MERGE on the key, explicit SETs, edges by label pair."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dyocense_cli.artifacts.evidence import EvidenceGraph
from dyocense_cli.errors import InternalError, UsageError
from dyocense_cli.kernel.evidence.labels import EDGES, NODES

__all__ = ["OF_A_RUN", "checked_tenant", "edge_groups", "edge_statement", "id_of", "month_label", "node_groups", "node_statement"]

#: Columns of every node: `id` is the tenant and the key, unique in a store.
COMMON = ("tenant_id", "key")
#: Labels of nodes that belong to one run; all others are shared by content.
OF_A_RUN: Final = frozenset({"Run", "Line", "Rule", "Kpi"})
_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def id_of(tenant: str, key: str) -> str:
    """Return a node's id, unique over tenants: a tenant id has no slash (`checked_tenant`)."""
    return f"{tenant}/{key}"


def checked_tenant(tenant: str) -> str:
    """Return the tenant id; UsageError DY4404 if it has other characters than letters, digits, ``_ . -``."""
    if not tenant or not all(c.isascii() and (c.isalnum() or c in "_.-") for c in tenant):
        raise UsageError("DY4404", f"tenant id `{tenant}` has characters other than letters, digits, `_`, `.` and `-`")
    return tenant


def month_label(graph: EvidenceGraph) -> str:
    """Return the label of the month that a graph's run plans for (``M2026_11``), empty where none is known."""
    months = {str(n.props.get("month") or "") for n in graph.nodes if n.label == "Run"}
    month = min(months, default="")
    return f"M{month[:4]}_{month[5:7]}" if _MONTH.fullmatch(month) else ""


def node_statement(label: str, identity: str, rows: Sequence[Mapping[str, Any]], *, shard: str = "") -> str:
    """Return the statement that merges rows of one label; `identity` is the pattern of the store's unique columns.

    What only one run says carries the label `shard` besides, so that old months can be counted, indexed and moved away.

    A column that no row fills is left out: the embedded store cannot tell the type of nothing.
    """
    filled = {c for row in rows for c, v in row.items() if v is not None}
    columns = [c for c in (*COMMON, *NODES[label][1]) if c in filled and f"{c}:" not in identity]
    settings = [f"n.{c} = row.{c}" for c in columns] + ([f"n:{shard}"] if shard and label in OF_A_RUN else [])
    return f"UNWIND $rows AS row MERGE (n:{label} {identity}) SET " + ", ".join(settings)


def edge_statement(kind: str, pair: tuple[str, str], source: str, target: str) -> str:
    """Return the statement that merges edges of one type between two labels; `source` and `target` are the stores' patterns."""
    return f"UNWIND $rows AS row MATCH (a:{pair[0]} {source}) MATCH (b:{pair[1]} {target}) MERGE (a)-[e:{kind}]->(b)"


def node_groups(graph: EvidenceGraph, tenant: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (label, rows) with every declared column present, None where a node does not have it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for node in graph.nodes:
        row: dict[str, Any] = {"id": id_of(tenant, node.key), "tenant_id": tenant, "key": node.key}
        for column, kind in NODES[node.label][1].items():
            value = node.props.get(column)
            row[column] = _number(value) if kind == "DOUBLE" else value
        groups.setdefault(node.label, []).append(row)
    yield from sorted(groups.items())


def _number(value: Any) -> float | None:
    """Return a number that every store keeps: an unlimited bound or a figure of nothing is left out."""
    return float(value) if value is not None and math.isfinite(value) else None


def edge_groups(graph: EvidenceGraph, tenant: str) -> Iterator[tuple[str, tuple[str, str], list[dict[str, str]]]]:
    """Yield (type, label pair, rows of source and target ids).

    Raises
    ------
    InternalError
        DY9001 for an edge outside the closed schema.
    """
    labels: Mapping[str, str] = {n.key: n.label for n in graph.nodes}
    groups: dict[tuple[str, tuple[str, str]], list[dict[str, str]]] = {}
    for edge in graph.edges:
        pair = (labels[edge.source], labels[edge.target])
        if pair not in EDGES.get(edge.type, ()):
            raise InternalError("DY9001", f"evidence edge {edge.type} from {pair[0]} to {pair[1]} is not in the schema")
        groups.setdefault((edge.type, pair), []).append({"src": id_of(tenant, edge.source), "dst": id_of(tenant, edge.target)})
    for (kind, pair), rows in sorted(groups.items()):
        yield kind, pair, rows

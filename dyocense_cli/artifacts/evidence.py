"""Provenance: what used what to make what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["Edge", "EvidenceGraph", "Node", "evidence_ref"]


@dataclass(frozen=True, slots=True)
class Node:
    """A PROV entity, activity or agent; `label` one of the closed set in `kernel.evidence`, `key` unique within a tenant."""

    key: str
    label: str
    prov: str  # entity | activity | agent
    props: Mapping[str, str | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """A PROV relation (used, generated_by, derived_from, attributed_to, …)."""

    source: str
    target: str
    type: str
    props: Mapping[str, str | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvidenceGraph:
    """All nodes and edges of one run, sorted by key."""

    kind: ClassVar[str] = "evidence_graph"
    schema_version: ClassVar[int] = 1

    run_fingerprint: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def evidence_ref(store: str, run_fingerprint: str) -> str:
    """Return the reference of a run's evidence in a graph store: ``neo4j://run/<64 hex>``."""
    return f"{store}://run/{run_fingerprint.removeprefix('sha256:')}"

"""Evidence graphs → fewer evidence graphs that say the same: what many runs share is merged once."""

from __future__ import annotations

from collections.abc import Iterable

from dyocense_cli.artifacts.evidence import Edge, EvidenceGraph, Node
from dyocense_cli.kernel.evidence.statements import month_label

__all__ = ["join"]


def join(graphs: Iterable[EvidenceGraph]) -> list[EvidenceGraph]:
    """Return one graph per month that runs plan for; merging them is merging all of `graphs`.

    A joined graph carries the fingerprint of its first run; its nodes and edges are sorted, each once.
    """
    months: dict[str, list[EvidenceGraph]] = {}
    for graph in graphs:
        months.setdefault(month_label(graph), []).append(graph)
    return [_one(same) for _, same in sorted(months.items())]


def _one(graphs: list[EvidenceGraph]) -> EvidenceGraph:
    if len(graphs) == 1:
        return graphs[0]
    nodes: dict[str, Node] = {n.key: n for g in graphs for n in g.nodes}
    edges: dict[tuple[str, str, str], Edge] = {(e.source, e.target, e.type): e for g in graphs for e in g.edges}
    return EvidenceGraph(graphs[0].run_fingerprint, tuple(nodes[k] for k in sorted(nodes)), tuple(edges[k] for k in sorted(edges)))

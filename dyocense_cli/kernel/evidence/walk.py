"""The part of a stored graph around a node, read step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dyocense_cli.artifacts.evidence import Edge, EvidenceGraph, Node
from dyocense_cli.kernel.evidence.labels import label_of

__all__ = ["around"]


def around(
    key: str, depth: int, *, load: Callable[[str, list[str]], Iterable[Node]], edges_of: Callable[[str, list[str]], Iterable[Edge]]
) -> EvidenceGraph:
    """Return the nodes within `depth` edges of `key`, in either direction, and the edges between them.

    `load(label, keys)` reads nodes that exist, `edges_of(label, keys)` the edges that touch them; both are asked label by label.
    """
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}
    frontier = [key]
    for step in range(depth + 1):
        for label, keys in _by_label(frontier):
            nodes.update((n.key, n) for n in load(label, keys))
        if step == depth:
            break
        found = [edge for label, keys in _by_label(frontier) for edge in edges_of(label, keys)]
        edges.update(((e.source, e.type, e.target), e) for e in found)
        frontier = sorted({k for e in found for k in (e.source, e.target)} - set(nodes))
    kept = {k: e for k, e in edges.items() if e.source in nodes and e.target in nodes}
    return EvidenceGraph("", tuple(nodes[k] for k in sorted(nodes)), tuple(kept[k] for k in sorted(kept)))


def _by_label(keys: list[str]) -> list[tuple[str, list[str]]]:
    labels = sorted({label_of(k) for k in keys})
    return [(label, [k for k in keys if label_of(k) == label]) for label in labels]

"""Evidence on its way to the graph: many runs of a tenant in one merge, again until it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dyocense_cli import wiring
from dyocense_cli.kernel.evidence.join import join
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.serve.store import kernel_run_of, read_evidence, run_files, shelf_of, tenant_settings

if TYPE_CHECKING:
    from dyocense_cli.artifacts.evidence import EvidenceGraph

__all__ = ["ship_evidence"]


def ship_evidence(config: ServeConfig, tenant: str, rows: Sequence[RunRow]) -> None:
    """Merge the evidence of finished runs into the graph and drop what was kept of their stages; doing it again changes nothing.

    Raises
    ------
    UnavailableError
        While the graph or the object store is down.
    """
    files, shelf = run_files(config, tenant), shelf_of(config, tenant)
    found = [read_evidence(files, kernel_run) for kernel_run in sorted({kernel_run_of(row) for row in rows} - {""})]
    _merge(config, tenant, [graph for graph in found if graph is not None])
    for row in rows:
        if shelf is not None:
            shelf.delete(row.run_id)


def _merge(config: ServeConfig, tenant: str, graphs: Sequence[EvidenceGraph]) -> None:
    graph = wiring.graph_store(tenant_settings(config, tenant, "pro")) if graphs else None
    if graph is None:
        return
    try:
        for one in join(graphs):
            graph.merge(one)
    finally:
        graph.close()

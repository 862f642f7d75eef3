"""The files of a tenant's runs: in the tenant's folder, and in the object store where one is configured."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from dyocense_cli import wiring
from dyocense_cli.errors import StoreError
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.settings import Settings

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["kernel_run_of", "local_store", "merge_evidence", "push_run", "tenant_settings"]


def tenant_settings(config: ServeConfig, tenant: str, tier: str) -> Settings:
    """Return the settings of a tenant: its own store and cache below its folder."""
    home = config.tenant_folder(tenant)
    values = {**config.settings.values, "tenant_id": tenant, "tier": tier, "store": str(home / "store"), "cache": str(home / "cache")}
    return replace(config.settings, values=values)


def local_store(config: ServeConfig, tenant: str) -> RunStore:
    """Return the store that the tenant's children write to."""
    return wiring.run_store(tenant_settings(config, tenant, "pro"))


def kernel_run_of(row: RunRow | None) -> str:
    """Return the id under which a run's files are stored, or an empty text."""
    if row is None or not row.result:
        return ""
    return str(json.loads(row.result).get("kernel_run_id", ""))


def push_run(config: ServeConfig, settings: Settings, tenant: str, kernel_run: str) -> None:
    """Copy a run to the object store, its manifest last, and merge its evidence; both may be done again."""
    store = local_store(config, tenant)
    names = store.names(kernel_run)
    if config.settings["store"].startswith("s3://"):
        remote = wiring.remote_runs(settings, config.settings["store"])
        try:
            remote.commit(
                kernel_run, {n: store.read(kernel_run, n) for n in names if n != "manifest.json"}, store.read(kernel_run, "manifest.json")
            )
        except StoreError as error:
            if error.code != "DY5004":  # it is there already
                raise
    merge_evidence(settings, store, kernel_run, names)


def merge_evidence(settings: Settings, store: RunStore, kernel_run: str, names: list[str]) -> None:
    """Merge the evidence graph of a stored run into the graph store that the settings name."""
    from dyocense_cli.artifacts.codec import decode
    from dyocense_cli.artifacts.evidence import EvidenceGraph

    name = "artifacts/evidence_graph.json"
    graph = wiring.graph_store(settings) if name in names else None
    if graph is None:
        return
    try:
        graph.merge(decode(EvidenceGraph, json.loads(store.read(kernel_run, name)), {}))
    finally:
        graph.close()

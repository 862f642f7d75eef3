"""The files of a tenant's runs: in the tenant's folder, and in the object store where one is configured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from dyocense_cli import wiring
from dyocense_cli.errors import StoreError
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.settings import Settings

if TYPE_CHECKING:
    from dyocense_cli.artifacts.evidence import EvidenceGraph
    from dyocense_cli.ports import RunStore

__all__ = ["Shelf", "kernel_run_in", "kernel_run_of", "read_evidence", "run_files", "send_run", "shelf_of", "tenant_settings"]

_EVIDENCE = "artifacts/evidence_graph.json"


class Shelf(Protocol):
    """Files of runs that are not finished, beyond this machine."""

    def add(self, run_id: str, name: str, data: bytes) -> None:
        """Store a file."""
        ...

    def names(self, run_id: str) -> list[str]:
        """Return the names of a run's files, sorted."""
        ...

    def read(self, run_id: str, name: str) -> bytes:
        """Return a file."""
        ...

    def delete(self, run_id: str) -> None:
        """Remove all files of a run."""
        ...


def tenant_settings(config: ServeConfig, tenant: str, tier: str) -> Settings:
    """Return the settings of a tenant: its own store and cache below its folder."""
    home = config.tenant_folder(tenant)
    values = {**config.settings.values, "tenant_id": tenant, "tier": tier, "store": str(home / "store"), "cache": str(home / "cache")}
    return replace(config.settings, values=values)


def shelf_of(config: ServeConfig, tenant: str) -> Shelf | None:
    """Return where stages of a tenant's unfinished runs are kept for other machines; None without an object store."""
    made: Shelf | None = _remote(config, tenant, part="stages", retries=2, patience_s=20.0)
    return made


def _remote(config: ServeConfig, tenant: str, **more: Any) -> Any:
    url = config.settings["store"]
    return wiring.remote_runs(tenant_settings(config, tenant, "pro"), url, **more) if url.startswith("s3://") else None


def run_files(config: ServeConfig, tenant: str) -> RunStore:
    """Return the runs of a tenant: those in the folder that its children write to, and behind it those in the object store."""
    settings = tenant_settings(config, tenant, "pro")
    if not config.settings["store"].startswith("s3://"):
        return wiring.run_store(settings)
    made: RunStore = wiring.archive_runs(settings, wiring.run_store(settings), config.settings["store"])
    return made


def kernel_run_in(result: Mapping[str, Any]) -> str:
    """Return the id under which a result's files are stored, or an empty text."""
    return str(result.get("kernel_run_id", ""))


def kernel_run_of(row: RunRow | None) -> str:
    """Return the id under which a run's files are stored, or an empty text."""
    return "" if row is None or not row.result else kernel_run_in(json.loads(row.result))


def send_run(config: ServeConfig, tenant: str, kernel_run: str) -> None:
    """Copy a run of this machine to the object store, its manifest last; one that is there already is left alone."""
    remote = _remote(config, tenant)
    if remote is None or not kernel_run:
        return
    local = wiring.run_store(tenant_settings(config, tenant, "pro"))
    names = local.names(kernel_run)
    if "manifest.json" not in names:
        return
    try:
        remote.commit(
            kernel_run, {n: local.read(kernel_run, n) for n in names if n != "manifest.json"}, local.read(kernel_run, "manifest.json")
        )
    except StoreError as error:
        if error.code != "DY5004":
            raise


def read_evidence(store: RunStore, kernel_run: str) -> EvidenceGraph | None:
    """Return the evidence graph of a stored run, None for a run that has none."""
    from dyocense_cli.artifacts.codec import decode
    from dyocense_cli.artifacts.evidence import EvidenceGraph

    try:
        return decode(EvidenceGraph, json.loads(store.read(kernel_run, _EVIDENCE)), {})
    except StoreError as error:
        if error.code != "DY5003":
            raise
        return None

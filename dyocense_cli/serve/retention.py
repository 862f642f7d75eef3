"""Retention: the last runs of each plan stay, older ones go to the archive, and what something refers to is never removed."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli import wiring
from dyocense_cli.errors import DyocenseError, StoreError, UsageError
from dyocense_cli.runner.gc import sweep
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.serve.store import kernel_run_of, tenant_settings
from dyocense_cli.wiring_service import Parts

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["Kept", "Retainer", "retain", "set_lifecycle"]

_log = logging.getLogger("dyocense.retain")
_EVERY_S: Final = 3600.0
#: Stages of runs that are not finished are dropped by their worker; what a dead one left, the store drops after so many days.
_STAGES_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done for one tenant: runs archived (or removed, without an archive), runs kept, nodes of old months removed."""

    tenant: str
    gone: tuple[str, ...]
    kept: int
    nodes: int = 0


def _stores(config: ServeConfig, tenant: str) -> list[RunStore]:
    settings = tenant_settings(config, tenant, "pro")
    stores: list[RunStore] = [wiring.run_store(settings)]
    if config.settings["store"].startswith("s3://"):
        stores.append(wiring.remote_runs(settings, config.settings["store"]))
    return stores


def _needed(parts: Parts, tenant: str) -> list[str]:
    """Return stored runs that something still has to read: their evidence is on its way to the graph."""
    runs = parts.runs(tenant)
    rows = [runs.read(item.removeprefix("evidence-")) for item in parts.waiting_items(tenant, "evidence")]
    return [kernel_run_of(row) for row in rows if row is not None]


def retain(config: ServeConfig, parts: Parts, *, keep_last: int, archive: str = "", before: str = "", dry_run: bool = False) -> list[Kept]:
    """Sweep the runs of every tenant: all but the newest `keep_last` of each plan leave for the archive, or for good where none is named.

    With `before`, a month, what only runs of earlier months say is removed from the graph as well, save of runs that stay.
    A run leaves a store only when it is whole in the archive; doing it again goes on where it was broken off.
    """
    out = []
    for folder in sorted((config.state / "tenants").glob("*")):
        tenant = folder.name
        settings = tenant_settings(config, tenant, "pro")
        gone: set[str] = set()
        kept: dict[str, str] = {}
        for store in _stores(config, tenant):
            found = sweep(store, keep_last=keep_last, pinned=_needed(parts, tenant))
            for run_id in found.remove if not dry_run else ():
                if archive:
                    wiring.archive_runs(settings, store, archive).push(run_id)
                store.delete(run_id)
            gone |= set(found.remove)
            kept |= {r: _print_of(store, r) for r in found.keep}
        nodes = 0
        graph = wiring.graph_store(settings) if before and not dry_run else None
        if graph is not None:
            try:
                nodes = graph.retire(before, keep=[f"run/{p}" for p in sorted(kept.values()) if p])
            finally:
                graph.close()
        out.append(Kept(tenant, tuple(sorted(gone)), len(kept), nodes))
    return out


def _print_of(store: RunStore, run_id: str) -> str:
    try:
        return str(manifest_of(store, run_id)["run_fingerprint"])
    except (StoreError, ValueError, KeyError, TypeError):
        return ""


def set_lifecycle(config: ServeConfig, *, archive: str, days: int, storage_class: str = "") -> list[tuple[str, int, str]]:
    """Give the archive's bucket its rules: archived runs expire after `days`, or move to a storage class; leftovers of stages go in a week.

    Raises
    ------
    UsageError
        DY4303 for an archive that is no bucket.
    """
    if not archive.startswith("s3://"):
        raise UsageError("DY4303", f"`{archive}` is not a bucket", hints="lifecycle rules are set on s3://bucket/prefix")
    settings = config.settings
    tenants = sorted(f.name for f in (config.state / "tenants").glob("*"))
    keys = {"endpoint": settings["s3_endpoint"], "access_key": settings["s3_access_key"], "secret_key": settings["s3_secret_key"]}
    found = wiring.bucket_rules(archive, {f"{t}/runs": (days, storage_class) for t in tenants}, **keys)
    store = settings["store"]
    if store.startswith("s3://") and store != archive:
        found = wiring.bucket_rules(store, {f"{t}/stages": (_STAGES_DAYS, "") for t in tenants}, **keys)
    return sorted(set(found))


class Retainer:
    """A thread of the worker that sweeps once an hour; several workers may, a run goes once."""

    def __init__(self, config: ServeConfig, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="retain", daemon=True)

    def start(self) -> None:
        """Begin, where the settings say how many runs of a plan stay."""
        if self._config.settings["keep_last"]:
            self._thread.start()

    def stop(self) -> None:
        """Stop after the tenant in hand."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    def _loop(self) -> None:
        settings: Any = self._config.settings
        while not self._halt.wait(_EVERY_S):
            try:
                retain(self._config, self._parts, keep_last=int(settings["keep_last"]), archive=settings["archive"])
            except DyocenseError as error:
                _log.warning("%s", error.message)

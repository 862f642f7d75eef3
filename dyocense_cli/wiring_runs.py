"""The stores of runs: a folder, a bucket, either behind the other, and a bucket's lifecycle rules."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyocense_cli.adapters import registry
from dyocense_cli.errors import MissingExtraError

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore
    from dyocense_cli.settings import Settings

__all__ = ["archive_runs", "bucket_rules", "local_runs", "mirrored_runs", "remote_runs", "run_store"]


def local_runs(settings: Settings, folder: str = "") -> RunStore:
    """Return the run store of a folder (of `runs/` in the project if none is given); another tenant than `local` has its own part."""
    base = settings.path("store") if not folder else Path(settings.root) / folder
    tenant = settings["tenant_id"]
    store: RunStore = registry.load("runs", "directory")(str(base if tenant == "local" else base / tenant / "runs"))
    return store


def remote_runs(settings: Settings, url: str, **more: Any) -> Any:
    """Return the run store of an ``s3://bucket/prefix`` URL, in this tenant's part; `more` are further arguments of the adapter.

    ``?endpoint=http://host:port`` names the server in place of the setting.
    """
    place, mark, endpoint = url.partition("?endpoint=")
    return registry.load("runs", "s3")(
        place,
        tenant=settings["tenant_id"],
        endpoint=endpoint if mark else settings["s3_endpoint"],
        access_key=settings["s3_access_key"],
        secret_key=settings["s3_secret_key"],
        **more,
    )


def run_store(settings: Settings) -> RunStore:
    """Return the run store of a URL: a folder, or ``s3://bucket/prefix`` with `runs/` in front, where a run is safe before it is sent."""
    url = settings["store"]
    if "://" not in url:
        return local_runs(settings)
    mirrored: RunStore = mirrored_runs(settings, url)
    return mirrored


def mirrored_runs(settings: Settings, url: str) -> Any:
    """Return the local runs with the store of a URL behind them: what `runs push` and `runs pull` move between."""
    local = local_runs(settings, "runs" if settings["store"].startswith("s3://") else "")
    return registry.load("runs", "mirror")(local, remote_runs(settings, url))


def archive_runs(settings: Settings, runs: RunStore, url: str) -> Any:
    """Return a run store with an archive behind it: an ``s3://`` URL or a folder."""
    archive = remote_runs(settings, url) if url.startswith("s3://") else local_runs(settings, url)
    return registry.load("runs", "mirror")(runs, archive)


def bucket_rules(url: str, rules: Mapping[str, tuple[int, str]], **keys: str) -> list[tuple[str, int, str]]:
    """Give a bucket lifecycle rules by part of the prefix and return (prefix, days, storage class) of those it holds."""
    try:
        module = import_module("dyocense_cli.adapters.blobs.lifecycle")
    except ModuleNotFoundError as error:
        raise MissingExtraError("DY4001", "lifecycle rules need the S3 client", hints="pip install 'dyocense-cli[s3]'") from error
    found: list[tuple[str, int, str]] = module.set_rules(url, rules, **keys)
    return found

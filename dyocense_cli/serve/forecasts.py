"""Scenario sets that are known already: looked up by the content that made them, one row per SKU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.serve.scenarios import split, together
from dyocense_cli.serve.stamp import project_stamp
from dyocense_cli.wiring import package_version
from dyocense_cli.wiring_service import Parts

__all__ = ["KnownForecasts"]

#: Members of a request that make its answer, beside its SKUs, which are looked up one by one.
_MAKES: Final = ("horizon", "num_scenarios", "model", "seed", "context", "context_ref")
#: Settings that an answer depends on.
_SETTINGS: Final = ("forecaster", "opa_url", "pii_key")


class KnownForecasts:
    """The forecast cache of a worker; what it answers are the bytes that a run would have given."""

    def __init__(self, config: ServeConfig, parts: Parts) -> None:
        self._config = config
        self._parts = parts

    def _key(self, row: RunRow) -> tuple[str, dict[str, Any]]:
        """Return the content hash and the request: (features, horizon, model configuration), the project's files, this version."""
        body = json.loads(row.payload)["body"]
        made = {k: body.get(k) for k in _MAKES}
        told = {k: self._config.settings[k] for k in _SETTINGS}
        stamp = project_stamp(self._config.project)
        return json_sha({"request": made, "settings": told, "project": stamp, "tier": row.tier, "version": package_version()}), body

    def answer(self, row: RunRow) -> dict[str, Any] | None:
        """Return the scenario document of a run whose SKUs are all known, else None."""
        sha, body = self._key(row)
        known = self._parts.forecasts(row.tenant_id).get(sha, int(body["horizon"]), body["skus"]) if body["skus"] else None
        return None if known is None else together(known, body["skus"])

    def keep(self, row: RunRow, document: Mapping[str, Any]) -> None:
        """Store what a run found out of each of its SKUs."""
        sha, body = self._key(row)
        config = {k: body.get(k) for k in ("model", "num_scenarios", "seed")}
        self._parts.forecasts(row.tenant_id).put(sha, int(body["horizon"]), config, split(document))

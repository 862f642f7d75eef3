"""Scenario sets by content hash, one row per SKU, one tenant at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement, tenant_transaction
from dyocense_cli.ports import Scope

__all__ = ["SqlForecasts"]


class SqlForecasts:
    """The table ``forecast_cache`` as one tenant sees it."""

    features: ClassVar[frozenset[str]] = frozenset({"forecasts"})

    def __init__(self, engine: sa.Engine, scope: Scope) -> None:
        self._engine = engine
        self._scope = scope

    def put(self, sha: str, horizon: int, config: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Store what is known of each SKU under a content hash, once."""
        as_json = "CAST(:{} AS jsonb)" if is_postgres(self._engine) else ":{}"
        values = ", ".join(as_json.format(name) for name in ("config", "scenarios", "stats"))
        text = (
            "INSERT INTO forecast_cache (tenant_id, sku, horizon, model_cfg, scenarios, stats, hash)"
            f" VALUES (:tenant, :sku, :horizon, {values}, :sha) ON CONFLICT DO NOTHING"
        )
        rows = [
            {
                "tenant": self._scope.tenant_id,
                "sku": sku,
                "horizon": horizon,
                "sha": sha,
                "config": json.dumps(dict(config), sort_keys=True),
                "scenarios": json.dumps({k: v for k, v in entry.items() if k != "about"}, sort_keys=True),
                "stats": json.dumps(entry["about"], sort_keys=True),
            }
            for sku, entry in sorted(entries.items())
        ]
        if rows:
            with tenant_transaction(self._engine, self._scope) as c:
                c.execute(statement(text), rows)

    def get(self, sha: str, horizon: int, skus: Sequence[str]) -> dict[str, dict[str, Any]] | None:
        """Return what is known of each SKU under a content hash, or None unless all of them are known."""
        wanted = sorted(set(skus))
        text = statement(
            "SELECT sku, scenarios, stats FROM forecast_cache"
            " WHERE tenant_id = :tenant AND hash = :sha AND horizon = :horizon AND sku IN :skus"
        ).bindparams(sa.bindparam("skus", expanding=True))
        with tenant_transaction(self._engine, self._scope) as c:
            found = c.execute(text, {"tenant": self._scope.tenant_id, "sha": sha, "horizon": horizon, "skus": wanted}).fetchall()
        if len(found) < len(wanted) or not wanted:
            return None
        return {str(sku): {**_json(scenarios), "about": _json(stats)} for sku, scenarios, stats in found}


def _json(value: Any) -> Any:
    """Return a JSON column's value: decoded by Postgres' driver, text in SQLite."""
    return json.loads(value) if isinstance(value, str) else value

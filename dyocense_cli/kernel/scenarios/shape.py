"""The published JSON shape of a scenario set."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable

__all__ = ["scenario_json"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def scenario_json(scenario_set: ScenarioSet) -> dict[str, Json]:
    """Return ``{horizon, num_scenarios, skus, scenarios, stats}`` and, beside it, quality, reasons, reduction, seed and source.

    With one SKU a scenario's `demand` is keyed by period, with several by ``SKU:t1`` (``SKU@LOC:t1`` with locations).
    `lead_time_days` is the mean over suppliers, `lead_time_days_by_supplier` each one's.
    """
    table = scenario_set.tables.get("demand")
    lead = scenario_set.tables.get("lead_days")
    keys, values = _demand(table, scenario_set.periods)
    scenarios: list[Json] = []
    for s, ident in enumerate(scenario_set.scenario_ids):
        entry: dict[str, Json] = {
            "id": ident,
            "probability": float(scenario_set.probability[s]),
            "demand": dict(zip(keys, _plain(values[:, s]), strict=True)),
        }
        if lead is not None and lead.values.size:
            days = lead.values[:, s]
            entry["lead_time_days"] = _plain(np.array([days.mean()]))[0]
            entry["lead_time_days_by_supplier"] = dict(zip(lead.labels["supplier"], _plain(days), strict=True))
        scenarios.append(entry)
    skus: list[Json] = list(table.labels.get("sku", ())) if table is not None else []
    return {
        "horizon": len(scenario_set.periods),
        "num_scenarios": len(scenario_set.scenario_ids),
        "skus": skus,
        "scenarios": scenarios,
        "stats": {k: dict(v) for k, v in scenario_set.stats.items()},
        "quality": dict(scenario_set.quality),
        "reasons": dict(scenario_set.reasons),
        "distinct": scenario_set.distinct,
        "reduction": dict(scenario_set.reduction),
        "seed": scenario_set.seed,
        "source": scenario_set.source,
    }


def _demand(table: ScenarioTable | None, periods: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    if table is None:
        return [], np.zeros((0, 1 << 20))
    labels = [table.labels.get(d, periods) for d in table.dims[:-1]]
    names = [""]
    several_locations = len(table.labels.get("location", ())) > 1
    one_sku = len(table.labels.get("sku", ())) == 1 and not several_locations
    for dim, of in zip(table.dims[:-1], labels, strict=True):
        names = [_join(name, dim, label, several_locations, one_sku) for name in names for label in of]
    return names, table.values.reshape(len(names), -1)


def _join(name: str, dim: str, label: str, several_locations: bool, one_sku: bool) -> str:
    if (dim == "location" and not several_locations) or (dim == "sku" and one_sku):
        return name
    if not name:
        return label
    return f"{name}@{label}" if dim == "location" else f"{name}:{label}"


def _plain(values: np.ndarray) -> list[Json]:
    return [int(v) if float(v).is_integer() else round(float(v), 6) for v in values.tolist()]

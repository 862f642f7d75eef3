"""Stock and demand per SKU over the scenarios: weighted quantiles per period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Plan

__all__ = ["LEVELS", "Fan", "fans", "weighted_quantiles"]

#: Band and middle of every fan: p5, p50, p95.
LEVELS: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Fan:
    """One SKU (at one location): arrays [3, n_periods] of p5, p50, p95 in the SKU's unit; `arrivals` ordered quantity per period."""

    name: str
    demand: np.ndarray | None
    stock: np.ndarray | None
    arrivals: np.ndarray
    spend: float


def weighted_quantiles(values: np.ndarray, probability: np.ndarray, levels: tuple[float, ...] = LEVELS) -> np.ndarray:
    """Return the quantiles over the last axis.

    Parameters
    ----------
    values : float64[..., n_scenarios]
        NaN counts as zero.
    probability : float64[n_scenarios]
        Weights that sum to 1.
    levels : tuple of float
        In (0, 1).

    Returns
    -------
    float64[n_levels, ...]
        The smallest value whose cumulative probability reaches the level.
    """
    filled = np.nan_to_num(values, nan=0.0)
    order = np.argsort(filled, axis=-1, kind="stable")
    ranked = np.take_along_axis(filled, order, axis=-1)
    cumulative = np.cumsum(probability[order], axis=-1)
    picked = []
    for level in levels:
        index = np.minimum((cumulative < level - 1e-12).sum(axis=-1), values.shape[-1] - 1)
        picked.append(np.take_along_axis(ranked, index[..., None], axis=-1)[..., 0])
    return np.stack(picked)


def fans(optimodel: OptiModel, values: Mapping[str, np.ndarray], scenario_set: ScenarioSet | None, plan: Plan) -> tuple[Fan, ...]:
    """Return a fan per (sku, location), largest spend first; empty for a model without SKUs and periods.

    `values` are the variables' values by family, dense over their dims.
    """
    if "sku" not in optimodel.dims or "period" not in optimodel.dims:
        return ()
    stock = _stock(optimodel, values)
    demand = _demand(scenario_set, optimodel)
    places = optimodel.dims.get("location", ("",))
    skus = optimodel.dims["sku"]
    arrivals, spend = _arrivals(plan, skus, places, optimodel)
    found = [
        Fan(
            name=sku if len(places) == 1 else f"{sku} at {place}",
            demand=None if demand is None else demand[:, i, j],
            stock=None if stock is None else stock[:, i, j],
            arrivals=arrivals[i, j],
            spend=float(spend[i, j]),
        )
        for i, sku in enumerate(skus)
        for j, place in enumerate(places)
    ]
    return tuple(sorted(found, key=lambda f: (-f.spend, f.name)))


def _stock(optimodel: OptiModel, values: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return float64[3, n_skus, n_places, n_periods] of the model's `stock`, or None where it has none."""
    var = next((v for v in optimodel.vars if v.name == "stock" and {"sku", "period"} <= set(v.dims)), None)
    if var is None or var.name not in values:
        return None
    order = [d for d in ("sku", "location", "period", "scenario") if d in var.dims]
    if set(order) != set(var.dims):
        return None
    return _spread(np.transpose(values[var.name], [var.dims.index(d) for d in order]), order, optimodel.probability)


def _demand(scenario_set: ScenarioSet | None, optimodel: OptiModel) -> np.ndarray | None:
    table = None if scenario_set is None else scenario_set.tables.get("demand")
    if scenario_set is None or table is None or set(table.labels.get("sku", ())) != set(optimodel.dims["sku"]):
        return None
    order = [d for d in ("sku", "location", "period", "scenario") if d in table.dims]
    if set(order) != set(table.dims) or len(table.labels.get("period", ())) != len(optimodel.dims["period"]):
        return None
    values = np.transpose(table.values, [table.dims.index(d) for d in order])
    values = values[_permutation(table, "sku", optimodel)]
    places = optimodel.dims.get("location", ("",))
    if "location" in table.dims and set(table.labels["location"]) == set(places):
        values = values[:, _permutation(table, "location", optimodel)]
    spread = _spread(values, order, scenario_set.probability)
    return spread if spread.shape[2] == len(places) else None


def _permutation(table: ScenarioTable, dim: str, optimodel: OptiModel) -> list[int]:
    have = table.labels[dim]
    return [have.index(name) for name in optimodel.dims[dim]]


def _spread(values: np.ndarray, order: Sequence[str], probability: np.ndarray) -> np.ndarray:
    if "scenario" not in order:
        values, probability = values[..., None], np.ones(1)
    if "location" not in order:
        values = values[:, None]
    return weighted_quantiles(values, probability)


def _arrivals(plan: Plan, skus: tuple[str, ...], places: tuple[str, ...], optimodel: OptiModel) -> tuple[np.ndarray, np.ndarray]:
    """Return quantity by period of arrival (of order where no arrival is known) and spend, per SKU and place."""
    starts = optimodel.period_starts
    periods = optimodel.dims["period"]
    rows = {name: i for i, name in enumerate(skus)}
    cols = {name: j for j, name in enumerate(places)}
    quantity, spend = np.zeros((len(skus), len(places), len(periods))), np.zeros((len(skus), len(places)))
    for step in plan.steps:
        i, j = rows.get(step.keys.get("sku", "")), cols.get(step.keys.get("location", places[0]), 0)
        if i is None:
            continue
        spend[i, j] += step.cost or 0.0
        when = _period_of(step.arrives, starts) if step.arrives and starts else None
        if when is None and step.period in periods:
            when = periods.index(step.period)
        if when is not None and when < len(periods):
            quantity[i, j, when] += step.qty
    return quantity, spend


def _period_of(day: str, starts: tuple[str, ...]) -> int | None:
    index = sum(1 for start in starts if start <= day) - 1
    return index if index >= 0 else None

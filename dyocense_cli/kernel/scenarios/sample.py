"""From a forecast to joint futures of demand and lead times."""

from __future__ import annotations

import dataclasses

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet, ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.request import SampleRequest
from dyocense_cli.kernel.scenarios.leads import LeadTimes, draw_leads, lead_times
from dyocense_cli.kernel.scenarios.paths import forecast_paths
from dyocense_cli.kernel.scenarios.reduce import match_marginals, reduce_scenarios
from dyocense_cli.kernel.scenarios.stated import stated_set
from dyocense_cli.kernel.scenarios.stats import count_distinct, demand_stats

__all__ = ["sample"]


def sample(forecast_set: ForecastSet | None, request: SampleRequest) -> ScenarioSet:
    """Draw the scenario set that a model is compiled with.

    Stated scenarios are returned as they are; without a forecast the set is a single scenario of probability 1. Otherwise `pool`
    (or `num_scenarios`) joint paths are drawn, reduced as asked, and kept as `full` beside the reduced set; `fresh` is a second draw
    from streams of its own, without statistics. Every series draws from streams named by its SKU and location.

    Raises
    ------
    InputError
        DY2510 when stated probabilities do not sum to 1, DY2511 for an unknown reduction.
    """
    if request.stated:
        return stated_set(request)
    if forecast_set is None or not forecast_set.skus:
        return ScenarioSet(request.periods, (0,), np.ones(1), {}, distinct=1, seed=request.seed, source="none")
    leads = lead_times(request)
    count = max(request.pool, request.num_scenarios, 1)
    full = _draw(forecast_set, leads, request, count, "sample")
    kept = _reduced(full, forecast_set, leads, request)
    fresh = _draw(forecast_set, leads, request, request.fresh or request.num_scenarios, "fresh")
    return dataclasses.replace(kept, full=None if kept is full else full, fresh=fresh)


def _pairs(forecast_set: ForecastSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    skus = tuple(sorted(set(forecast_set.skus)))
    locations = tuple(sorted(set(forecast_set.locations)))
    return skus, locations


def _draw(forecast_set: ForecastSet, leads: LeadTimes, request: SampleRequest, count: int, purpose: str) -> ScenarioSet:
    skus, locations = _pairs(forecast_set)
    paths = forecast_paths(forecast_set, count=count, seed=request.seed, purpose=purpose)
    if len(forecast_set.skus) == len(skus) * len(locations):
        demand = paths.reshape(len(skus), len(locations), forecast_set.h, count)
    else:
        demand = np.zeros((len(skus), len(locations), forecast_set.h, count))
        at = {pair: i for i, pair in enumerate(zip(forecast_set.skus, forecast_set.locations, strict=True))}
        for (sku, loc), i in at.items():
            demand[skus.index(sku), locations.index(loc)] = paths[i]
    tables = {
        "demand": ScenarioTable(
            ("sku", "location", "period", "scenario"), {"sku": skus, "location": locations, "period": request.periods}, demand
        )
    }
    if leads.suppliers:
        days = draw_leads(leads, count=count, seed=request.seed, purpose=purpose)
        tables["lead_days"] = ScenarioTable(("supplier", "scenario"), {"supplier": leads.suppliers}, days, "day")
    probability = np.full(count, 1.0 / count)
    return ScenarioSet(
        request.periods,
        tuple(range(count)),
        probability,
        tables,
        stats=demand_stats(demand, probability, skus, locations) if purpose == "sample" else {},
        quality=_quality(forecast_set),
        reasons=_reasons(forecast_set, leads),
        distinct=count_distinct({k: t.values for k, t in tables.items()}),
        seed=request.seed,
    )


def _quality(forecast_set: ForecastSet) -> dict[str, str]:
    return {s: "poor" for s, r in zip(forecast_set.skus, forecast_set.reports, strict=True) if r.quality == "poor"}


def _reasons(forecast_set: ForecastSet, leads: LeadTimes) -> dict[str, str]:
    found = {s: r.reason for s, r in zip(forecast_set.skus, forecast_set.reports, strict=True) if r.quality == "poor"}
    for note in leads.notes:
        name, _, text = note.partition(": ")
        found.setdefault(f"supplier {name}", text)
    return dict(sorted(found.items()))


def _reduced(full: ScenarioSet, forecast_set: ForecastSet, leads: LeadTimes, request: SampleRequest) -> ScenarioSet:
    to = request.reduce.to if request.reduce else request.num_scenarios
    method = request.reduce.method if request.reduce else "stratified"
    count = len(full.scenario_ids)
    if method == "none" or to >= count:
        return full
    demand = full.tables["demand"].values
    skus, locations, h = demand.shape[0], demand.shape[1], demand.shape[2]
    whole = np.repeat(_whole(forecast_set, full), h)
    result = reduce_scenarios(demand.reshape(-1, count), full.probability, to=to, method=method, whole=whole)
    tables = {
        "demand": dataclasses.replace(
            full.tables["demand"], values=np.ascontiguousarray(result.values.reshape(skus, locations, h, len(result.index)))
        )
    }
    if "lead_days" in full.tables:
        days = full.tables["lead_days"].values
        matched = match_marginals(days, full.probability, days[:, result.index], result.probability, leads.whole)
        tables["lead_days"] = dataclasses.replace(full.tables["lead_days"], values=matched)
    return dataclasses.replace(
        full,
        scenario_ids=tuple(int(i) for i in result.index),
        probability=result.probability,
        tables=tables,
        distinct=count_distinct({k: t.values for k, t in tables.items()}),
        reduction=result.errors,
    )


def _whole(forecast_set: ForecastSet, full: ScenarioSet) -> np.ndarray:
    labels = full.tables["demand"].labels
    flags = dict(zip(zip(forecast_set.skus, forecast_set.locations, strict=True), forecast_set.state["integer"].tolist(), strict=True))
    return np.array([flags.get((s, loc), True) for s in labels["sku"] for loc in labels["location"]])

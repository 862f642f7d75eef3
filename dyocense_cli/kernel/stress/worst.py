"""Which scenario hurts most, in words."""

from __future__ import annotations

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.plan import StressReport

__all__ = ["battery_rows", "worst_scenario"]

#: the set that is searched, widest first
_SETS = ("fresh", "full", "in_sample")


def worst_scenario(report: StressReport, scenarios: ScenarioSet | None) -> dict[str, Json]:
    """Return the dearest scenario of the widest set: its number from 1, cost, mean cost of the set, and how its demand differs.

    `demand` is its total demand over the set's mean, less 1; `leads` the suppliers whose lead time is the longest of the set, in days.
    Empty if nothing was stressed.
    """
    name = next((s for s in _SETS if report.costs.get(s)), None)
    if name is None:
        return {}
    costs = report.costs[name]
    at = max(range(len(costs)), key=costs.__getitem__)
    found: dict[str, Json] = {
        "set": name, "scenario": at + 1, "of": len(costs), "cost": costs[at], "mean": report.sets[name]["cost_mean"],
    }  # fmt: skip
    return found | _described(scenarios if name == "in_sample" or scenarios is None else getattr(scenarios, name), at)


def _described(scenarios: ScenarioSet | None, at: int) -> dict[str, Json]:
    said: dict[str, Json] = {}
    if scenarios is None or at >= len(scenarios.scenario_ids):
        return said
    demand = scenarios.tables.get("demand")
    if demand is not None:
        totals = demand.values.reshape(-1, demand.values.shape[-1]).sum(axis=0)
        mean = float(totals @ scenarios.probability)
        said["demand"] = float(totals[at]) / mean - 1.0 if mean else 0.0
    leads = scenarios.tables.get("lead_days")
    if leads is not None:
        longest = (leads.values[:, at] >= leads.values.max(axis=1)) & (leads.values.max(axis=1) > leads.values.min(axis=1))
        names = leads.labels[leads.dims[0]]
        said["leads"] = {names[i]: float(leads.values[i, at]) for i in range(len(names)) if longest[i]}
    return said


def battery_rows(report: StressReport, scenarios: ScenarioSet | None) -> list[dict[str, Json]]:
    """Return a row per shock, the dearest first: mean cost, how it and the service move, and the planned scenario that it hurts most."""
    ids = scenarios.scenario_ids if scenarios is not None else ()
    rows: list[dict[str, Json]] = []
    for shock, figures in sorted(report.shocks.items(), key=lambda item: (-item[1]["cost_delta"], item[0])):
        worst = figures.get("worst_scenario")
        known = worst is not None and int(worst) < len(ids)
        rows.append({
            "shock": shock, "cost": figures["cost_mean"], "cost_delta": figures["cost_delta"], "service": figures.get("service_mean"),
            "service_delta": figures.get("service_delta"), "cost_worst": figures.get("cost_worst"), "rules_kept": figures.get("rules_kept"),
            "worst_scenario": ids[int(worst)] if known and worst is not None else None,
        })  # fmt: skip
    return rows

"""What the plan costs and serves when the future is not the one it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import StressReport
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.stress.figures import attitude, cost_figures, interval, service_figures
from dyocense_cli.kernel.stress.recourse import Outcome, play
from dyocense_cli.kernel.stress.shocks import battery, price_shock
from dyocense_cli.kernel.stress.worlds import World, as_planned, averaged, bare, rebound, single
from dyocense_cli.optimodel.evaluate import Evaluator, per_scenario, split_columns
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["stress"]

#: columns of the planning model above which only the planned scenarios are played
_LARGE: Final = 400_000
#: columns above which the plan for the average scenario is not made
_LARGE_AVERAGE: Final = 60_000
#: whole-number columns of one scenario above which no plan for the average scenario is found in seconds
_WHOLE_AVERAGE: Final = 3_000
#: columns below which more scenarios are foreseen
_SMALL: Final = 5_000
#: scenarios whose perfect foresight is solved
_FORESEEN: Final = 8


def stress(optimodel: OptiModel, scenario_set: ScenarioSet, solution: Solution, *, lent: Lent) -> StressReport:
    """Return figures of the plan on the planned, the full and a fresh scenario set, and under named shocks.

    Stage 1 is fixed and recourse is re-optimised in each scenario; figures are per the objective's weights. `vss` is what planning for
    uncertainty saved against the plan for the average scenario, `evpi` at most what a perfect forecast would be worth.
    """
    if solution.x is None or "scenario" not in optimodel.dims:
        note = "nothing is held, so nothing was stressed" if solution.x is None else "the model has no scenarios"
        return StressReport(notes=(note,))
    values = split_columns(optimodel, solution.x)
    plain = bare(optimodel)
    worlds, notes = _sets(plain, scenario_set, solution.x.size)
    decisions: dict[str, Mapping[str, np.ndarray]] = {"plan": values}
    shocks: tuple[World, ...] = ()
    if solution.x.size <= _LARGE:
        shocks, more, said = battery(plain, values)
        decisions |= more
        notes += said
    average = _average_plan(plain, lent, solution.x.size)
    if average is None:
        notes = (*notes, "VSS is not known: no plan was made for the average scenario (one scenario, a large model, or no plan in time)")
    else:
        decisions["average"] = average
        worlds = (*worlds, replace(as_planned(plain, "average"), first_stage="average"))
    outcome = play(plain, (*worlds, *shocks), decisions, lent)
    if outcome is None:
        return StressReport(notes=(*notes, "the recourse program has no answer, so nothing was stressed"))
    report = _report(plain, outcome, worlds, shocks)
    vss, said = _vss(plain, outcome)
    evpi, also = _evpi(plain, outcome, lent, solution.x.size)
    return replace(report, vss=vss, evpi=evpi, notes=(*notes, *said, *also))


def _sets(model: OptiModel, scenarios: ScenarioSet, columns: int) -> tuple[tuple[World, ...], tuple[str, ...]]:
    worlds = [as_planned(model)]
    notes = []
    others = [(name, s) for name, s in (("full", scenarios.full), ("fresh", scenarios.fresh)) if s is not None]
    if columns > _LARGE and others:
        return tuple(worlds), (f"the model has {columns} columns: only the planned scenarios were played",)
    for name, one in others:
        world = rebound(model, one, name)
        if world is None:
            notes.append(f"the {name} set was not played: a parameter does not say which scenario table it was bound from")
        else:
            worlds.append(world)
    return tuple(worlds), tuple(notes)


def _average_plan(model: OptiModel, lent: Lent, columns: int) -> Mapping[str, np.ndarray] | None:
    """Return the stage-1 decision for the average scenario, None when there is one scenario or the model is too large."""
    if model.probability.size < 2 or columns > _LARGE_AVERAGE:
        return None
    mean = averaged(model)
    ground = lent.ground(mean)
    if int(ground.integrality.sum()) > _WHOLE_AVERAGE:
        return None
    answer: Solution = lent.solve(ground, SolveLimits(gap=0.02, nodes=200, work=15.0, time_s=20.0, duals=False))
    if answer.x is None:
        return None
    held = split_columns(mean, answer.x)
    return {v.name: held[v.name] for v in model.vars if v.stage == 1}


def _report(model: OptiModel, outcome: Outcome, worlds: tuple[World, ...], shocks: tuple[World, ...]) -> StressReport:
    services = _services(outcome, (*worlds, *shocks))
    shown = [w for w in worlds if w.name != "average"]
    base = _figures(outcome, services, worlds[0])
    sets = {w.name: _figures(outcome, services, w) for w in shown}
    battered = {w.name: _figures(outcome, services, w) | _against(outcome, services, w, base) for w in shocks}
    dearer = price_shock(model, outcome.values["plan"])
    if dearer is not None:
        battered["price +10 %"] = {"cost_mean": base["cost_mean"] + dearer, "cost_delta": dearer}
    fullest = next(w for name in ("full", "fresh", "in_sample") for w in shown if w.name == name)
    return StressReport(
        sets=sets,
        costs={w.name: tuple(outcome.costs[w.name].tolist()) for w in shown},
        services={w.name: tuple(services[w.name].tolist()) for w in shown if w.name in services},
        stockout_probability=_stockouts(outcome, fullest),
        gap_interval=interval(outcome.costs["fresh"], base["cost_mean"]) if "fresh" in outcome.costs else None,
        shocks=battered,
    )


def _figures(outcome: Outcome, services: Mapping[str, np.ndarray], world: World) -> dict[str, float]:
    found = cost_figures(outcome.costs[world.name], world.probability)
    if world.name in services:
        found |= service_figures(services[world.name], world.probability)
    return found | {"rules_kept": float(world.probability[outcome.kept[world.name]].sum()), "scenarios": float(world.probability.size)}


def _against(outcome: Outcome, services: Mapping[str, np.ndarray], world: World, base: Mapping[str, float]) -> dict[str, float]:
    """Say how a shock moves the mean cost, and in which scenario it hurts most."""
    costs = outcome.costs[world.name]
    found = {"cost_delta": float(costs @ world.probability) - base["cost_mean"], "worst_scenario": float(np.argmax(costs))}
    if world.name in services and "service_mean" in base:
        found["service_delta"] = float(services[world.name] @ world.probability) - base["service_mean"]
    return found


def _services(outcome: Outcome, worlds: tuple[World, ...]) -> dict[str, np.ndarray]:
    kpi = next((k for k in outcome.model.kpis if k.name in ("service", "fill_rate")), None)
    if kpi is None:
        return {}
    tree = per_scenario(parse(kpi.expr))
    by_decision = {}
    for decision, values in outcome.values.items():
        evaluator = Evaluator(outcome.model, values)
        if not set(evaluator.value(tree).dims) <= {"scenario"}:
            return {}
        by_decision[decision] = evaluator.array(tree, ("scenario",))
    return {w.name: by_decision[w.first_stage][outcome.places[w.name]] for w in worlds}


def _stockouts(outcome: Outcome, world: World) -> dict[str, float]:
    """Return the KPI `stockout_probability` by label, on one world."""
    kpi = next((k for k in outcome.model.kpis if k.name == "stockout_probability"), None)
    if kpi is None:
        return {}
    weight = np.zeros(outcome.model.probability.size)
    weight[outcome.places[world.name]] = world.probability
    evaluator = Evaluator(replace(outcome.model, probability=weight), outcome.values[world.first_stage])
    named = evaluator.value(kpi.expr)
    if not named.dims:
        return {"all": float(named.data.reshape(()))}
    return {
        ",".join(outcome.model.dims[d][i] for d, i in zip(named.dims, at, strict=True)): float(named.data[at])
        for at in np.ndindex(named.data.shape)
    }


def _vss(model: OptiModel, outcome: Outcome) -> tuple[float | None, tuple[str, ...]]:
    if "average" not in outcome.costs:
        return None, ()
    how = model.robust.aggregation
    ours = attitude(outcome.costs["in_sample"], model.probability, how)
    theirs = attitude(outcome.costs["average"], model.probability, how)
    lost = float(model.probability[outcome.kept["in_sample"]].sum() - model.probability[outcome.kept["average"]].sum())
    if lost > 1e-9:
        return None, (f"the plan for the average scenario breaks rules in {lost:.0%} more of the scenarios, so VSS has no price",)
    note = ("the plan for the average scenario is as good as this one within the gap",) if theirs < ours else ()
    return max(0.0, theirs - ours), note


def _evpi(model: OptiModel, outcome: Outcome, lent: Lent, columns: int) -> tuple[float | None, tuple[str, ...]]:
    """Bound the value of perfect information by linear relaxations with foresight of some scenarios."""
    count = model.probability.size
    if count < 2 or columns > _LARGE_AVERAGE:
        return None, ("EVPI is not known: one scenario, or a large model",)
    most = _FORESEEN if columns > _SMALL else 10 * _FORESEEN
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    sign = 1.0 if model.sense == "min" else -1.0
    total, weight = 0.0, 0.0
    for scenario in chosen.tolist():
        answer: Solution = lent.solve(relaxed(lent.ground(single(model, scenario))), SolveLimits(duals=False))
        if answer.status is not Status.OPTIMAL or answer.objective is None:
            continue
        share = float(model.probability[scenario])
        total += share * (float(outcome.costs["in_sample"][scenario]) - sign * answer.objective)
        weight += share
    if weight == 0.0:
        return None, ("no scenario could be solved with foresight, so EVPI is not known",)
    part = "every scenario" if chosen.size == count else f"{chosen.size} of {count} scenarios"
    note = f"EVPI is at most this: foresight is bounded by the linear relaxation of {part}"
    return max(0.0, total / weight), (note,)

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
from dyocense_cli.kernel.stress.recourse import Outcome, per_scenario_columns, play
from dyocense_cli.kernel.stress.shocks import battery, price_shock
from dyocense_cli.kernel.stress.worlds import World, as_planned, averaged, bare, rebound, single
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import Guard

__all__ = ["stress"]

#: columns of one scenario alone above which foresight is not solved
_LARGE_ALONE: Final = 100_000
#: columns of one scenario alone up to which foresight is planned with whole numbers as well
_SMALL_ALONE: Final = 1_000
#: whole numbers of the average scenario above which no plan for it is looked for
_WHOLE_AVERAGE: Final = 10_000
#: columns below which more scenarios are foreseen
_SMALL: Final = 5_000
#: gap within which the plan for the average scenario counts as its best
_NEAR: Final = 0.02
#: scenarios whose perfect foresight is solved
_FORESEEN: Final = 8
_AVERAGE: Final = SolveLimits(gap=_NEAR, nodes=500, work=2000.0, duals=False)
_AVERAGE_LARGE: Final = SolveLimits(gap=_NEAR, nodes=200, work=200.0, duals=False)
_FORESIGHT: Final = SolveLimits(gap=1e-3, nodes=50, work=10.0, duals=False)


def stress(optimodel: OptiModel, scenario_set: ScenarioSet, solution: Solution, *, lent: Lent) -> StressReport:
    """Return figures of the plan on the planned, the full and a fresh scenario set, and under named shocks.

    Stage 1 is fixed and recourse is re-optimised in each scenario; figures are per the objective's weights. `vss` is what planning for
    uncertainty saved against the plan for the average scenario, `evpi` at most what a perfect forecast would be worth.
    Every question has counted limits or ends by itself; a report of which a clock cut a part is not reproducible.
    """
    guard = Guard()
    found = _stressed(optimodel, scenario_set, solution, guard.over(lent))
    return replace(found, reproducible=not guard.cut, notes=(*found.notes, *guard.said))


def _stressed(optimodel: OptiModel, scenario_set: ScenarioSet, solution: Solution, lent: Lent) -> StressReport:
    if solution.x is None or "scenario" not in optimodel.dims:
        note = "nothing is held, so nothing was stressed" if solution.x is None else "the model has no scenarios"
        return StressReport(notes=(note,))
    values = split_columns(optimodel, solution.x)
    plain = bare(optimodel)
    worlds, notes = _sets(plain, scenario_set)
    shocks, decided, said = battery(plain, values)
    decisions: dict[str, Mapping[str, np.ndarray]] = {"plan": values, **decided}
    average, why = _average_plan(plain, lent)
    notes += (*said, *why)
    if average is not None:
        decisions["average"] = average
        worlds = (*worlds, replace(as_planned(plain, "average"), first_stage="average"))
    outcome = play(plain, (*worlds, *shocks), decisions, lent)
    if outcome is None:
        return StressReport(notes=(*notes, "the recourse program has no answer, so nothing was stressed"))
    report = _report(plain, values, outcome, worlds, shocks)
    vss, said = _vss(plain, outcome)
    evpi, span, also = _evpi(plain, outcome, solution, lent)
    return replace(report, vss=vss, evpi=evpi, evpi_interval=span, notes=(*notes, *said, *also))


def _sets(model: OptiModel, scenarios: ScenarioSet) -> tuple[tuple[World, ...], tuple[str, ...]]:
    worlds = [as_planned(model)]
    notes = []
    for name, one in (("full", scenarios.full), ("fresh", scenarios.fresh)):
        world = rebound(model, one, name) if one is not None else None
        if world is not None:
            worlds.append(world)
        elif one is not None:
            notes.append(f"the {name} set was not played: a parameter does not say which scenario table it was bound from")
    return tuple(worlds), tuple(notes)


def _average_plan(model: OptiModel, lent: Lent) -> tuple[Mapping[str, np.ndarray] | None, tuple[str, ...]]:
    """Return the stage-1 decision for the average scenario; None and why where none is found near that scenario's best.

    The plan in hand is no start of the search: one that stops early would hand it back, and VSS would be 0 by construction.
    """
    if model.probability.size < 2:
        return None, ("VSS is not known: the model has one scenario",)
    mean = averaged(model)
    whole = sum(_members(v.dims, mean) for v in mean.vars if v.type in ("int", "bool"))
    if whole > _WHOLE_AVERAGE:
        return None, (f"VSS is not known: the model of the average scenario has {whole:,} whole numbers, more than {_WHOLE_AVERAGE:,}",)
    ground = lent.ground(mean)
    answer: Solution = lent.solve(ground, _AVERAGE if ground.n_cols <= _SMALL else _AVERAGE_LARGE)
    if answer.x is None:
        return None, (f"VSS is not known: no plan for the average scenario was found ({answer.termination})",)
    if answer.gap is None or answer.gap > _NEAR:
        how = "of unknown quality" if answer.gap is None else f"within {answer.gap:.1%} of its own best"
        return None, (f"VSS is not known: the plan that was found for the average scenario is {how}",)
    held = split_columns(mean, answer.x)
    return {v.name: held[v.name] for v in model.vars if v.stage == 1}, ()


def _members(dims: tuple[str, ...], model: OptiModel) -> int:
    return int(np.prod([len(model.dims[d]) for d in dims], dtype=np.int64))


def _report(
    model: OptiModel, values: Mapping[str, np.ndarray], outcome: Outcome, worlds: tuple[World, ...], shocks: tuple[World, ...]
) -> StressReport:
    services = outcome.services
    shown = [w for w in worlds if w.name != "average"]
    base = _figures(outcome, services, worlds[0])
    sets = {w.name: _figures(outcome, services, w) for w in shown}
    battered = {w.name: _figures(outcome, services, w) | _against(outcome, services, w, base) for w in shocks}
    dearer = price_shock(model, values)
    if dearer is not None:
        battered["price +10 %"] = {"cost_mean": base["cost_mean"] + dearer, "cost_delta": dearer}
    fullest = next(w for name in ("full", "fresh", "in_sample") for w in shown if w.name == name)
    return StressReport(
        sets=sets,
        costs={w.name: tuple(outcome.costs[w.name].tolist()) for w in shown},
        services={w.name: tuple(services[w.name].tolist()) for w in shown if w.name in services},
        stockout_probability=outcome.stockouts.get(fullest.name, {}),
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


def _evpi(
    model: OptiModel, outcome: Outcome, solution: Solution, lent: Lent
) -> tuple[float | None, tuple[float, float] | None, tuple[str, ...]]:
    """Bound the value of perfect information: linear relaxations with foresight from above, plans with foresight from below."""
    count = model.probability.size
    if count < 2:
        return None, None, ("EVPI is not known: the model has one scenario",)
    size = sum(_members(v.dims, model) for v in model.vars if "scenario" not in v.dims) + per_scenario_columns(model)
    if size > _LARGE_ALONE:
        return None, None, (f"EVPI is not known: one scenario alone has {size:,} columns, more than {_LARGE_ALONE:,}",)
    most = _FORESEEN if size * count > _SMALL else 10 * _FORESEEN
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    sign = 1.0 if model.sense == "min" else -1.0
    total, weight, planned = 0.0, 0.0, 0.0
    plans = chosen.size == count and size <= _SMALL_ALONE and model.robust.aggregation == "mean" and solution.bound is not None
    for scenario in chosen.tolist():
        alone = lent.ground(single(model, scenario))
        answer: Solution = lent.solve(relaxed(alone), SolveLimits(duals=False))
        if answer.status is not Status.OPTIMAL or answer.objective is None:
            continue
        share = float(model.probability[scenario])
        total += share * (float(outcome.costs["in_sample"][scenario]) - sign * answer.objective)
        weight += share
        plan: Solution | None = lent.solve(alone, _FORESIGHT) if plans else None
        plans = plans and plan is not None and plan.objective is not None
        planned += share * sign * plan.objective if plan is not None and plan.objective is not None else 0.0
    if weight == 0.0:
        return None, None, ("EVPI is not known: no scenario could be solved with foresight",)
    high = max(0.0, total / weight)
    low = min(high, max(0.0, sign * solution.bound - planned)) if plans and solution.bound is not None and weight > 1 - 1e-9 else 0.0
    part = "every scenario" if chosen.size == count else f"{chosen.size} of {count} scenarios"
    below = "; from below by plans with foresight against the plan's bound" if plans else ""
    return high, (low, high), (f"EVPI is at most this: foresight is bounded by the linear relaxation of {part}{below}",)

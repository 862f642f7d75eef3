"""Other scenarios for a compiled model: the full set, a fresh draw, shocks, all side by side on one scenario axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.optimodel import OptiModel, Param
from dyocense_cli.optimodel.evaluate import Evaluator, param_values, per_scenario
from dyocense_cli.optimodel.expr.nodes import Node, names, rebuild
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.simplify import ZERO, simplify, substitute

__all__ = ["World", "as_planned", "averaged", "bare", "rebound", "side_by_side", "single"]


@dataclass(frozen=True, slots=True)
class World:
    """Scenarios with their probabilities and the values of every parameter that has the scenario dim (over its own dims).

    `first_stage` names the decision that is put into it: ``plan``, or another that the caller knows.
    """

    name: str
    probability: np.ndarray
    params: Mapping[str, np.ndarray]
    first_stage: str = "plan"


#: what lowered rules and objectives made, and what a scenario by itself has no need of
_MADE: Final = frozenset({"hold", "risk"})
#: parameter that a compiled model weighs its scenarios with
_PROBABILITY: Final = "probability"


def _uncertain(model: OptiModel) -> dict[str, Param]:
    return {name: p for name, p in model.params.items() if "scenario" in p.dims}


def bare(model: OptiModel) -> OptiModel:
    """Return the model of one scenario at a time, side by side.

    Terms are those before they were reduced over scenarios, summed with the scenarios' probabilities; rules that the objective's risk made
    are left out; a chance rule holds in each scenario; rules that only tie scenarios together and data that no rule uses are left out.
    """
    nil: dict[str, Node] = {v.name: ZERO for v in model.vars if v.origin in _MADE}
    raw = {t.name: t.raw or show(per_scenario(parse(t.expr))) for t in model.terms}
    terms = tuple(replace(t, raw=raw[t.name], expr=f"mean({raw[t.name]})") for t in model.terms if raw[t.name] != "0")
    rules = []
    for rule in model.rules:
        tree = parse(rule.expr)
        used = names(tree)
        if used & nil.keys() and (used & {v.name for v in model.vars if v.origin == "risk"} or "scenario" not in rule.dims):
            continue
        rules.append(replace(rule, expr=show(_simple(substitute(tree, nil)))) if used & nil.keys() else rule)
    variables = tuple(v for v in model.vars if v.name not in nil)
    slim = replace(model, rules=tuple(rules), terms=terms, vars=variables)
    return replace(slim, params={n: p for n, p in model.params.items() if n in _used(slim)})


def _simple(node: Node) -> Node:
    return simplify(rebuild(node, _simple))


def _used(model: OptiModel) -> set[str]:
    """Return every name that rules, terms, KPIs, steps and variables use, through expressions and derived parameters."""
    texts: list[str | float | None] = [t for r in model.rules for t in (r.expr, r.where)]
    texts += [t.raw for t in model.terms]
    texts += [k.expr for k in model.kpis]
    texts += [b for v in model.vars for b in (v.lb, v.ub, v.where)]
    if model.steps is not None:
        texts += [model.steps.quantity, model.steps.price, model.steps.arrives, model.steps.lot, model.steps.cost]
    found: set[str] = set()
    waiting = [n for text in texts if isinstance(text, str) for n in names(parse(text))]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name in model.exprs:
            waiting += names(parse(model.exprs[name]))
        if name in model.params and model.params[name].source.startswith("="):
            waiting += names(parse(model.params[name].source[1:]))
    return found | {_PROBABILITY}


def as_planned(model: OptiModel, name: str = "in_sample") -> World:
    """Return the scenarios that the plan was made for."""
    sizes = {d: len(labels) for d, labels in model.dims.items()}
    return World(name, model.probability, {n: param_values(p, sizes)[0] for n, p in _uncertain(model).items()})


def averaged(model: OptiModel) -> OptiModel:
    """Return the model with one scenario: the mean of all, whole where the parameter is."""
    world = as_planned(model)
    params = {}
    for name, param in _uncertain(model).items():
        axis = param.dims.index("scenario")
        mean = np.tensordot(world.params[name], model.probability, axes=([axis], [0]))
        params[name] = np.expand_dims(np.rint(mean) if param.dtype != "f8" else mean, axis)
    return _with(model, params, np.ones(1))


def single(model: OptiModel, scenario: int) -> OptiModel:
    """Return the model with one of its scenarios."""
    world = as_planned(model)
    return _with(
        model, {n: np.take(v, [scenario], axis=model.params[n].dims.index("scenario")) for n, v in world.params.items()}, np.ones(1)
    )


def side_by_side(model: OptiModel, worlds: Sequence[World]) -> OptiModel:
    """Return the model with the worlds' scenarios one after the other, equally weighted."""
    params = {
        name: np.concatenate([w.params[name] for w in worlds], axis=param.dims.index("scenario"))
        for name, param in _uncertain(model).items()
    }
    count = sum(w.probability.size for w in worlds)
    return _with(model, params, np.full(count, 1.0 / count))


def _with(model: OptiModel, params: Mapping[str, np.ndarray], probability: np.ndarray) -> OptiModel:
    own = {n: v for n, v in params.items() if n != _PROBABILITY} | ({_PROBABILITY: probability} if _PROBABILITY in model.params else {})
    changed = {n: replace(model.params[n], data=v, index=None, mask=None) for n, v in own.items()}
    labels = tuple(str(i) for i in range(probability.size))
    return replace(model, dims={**model.dims, "scenario": labels}, params={**model.params, **changed}, probability=probability)


def rebound(model: OptiModel, scenarios: ScenarioSet, name: str) -> World | None:
    """Return a scenario set as the model's parameters; None if a parameter does not say where it came from."""
    count = scenarios.probability.size
    sizes = {**{d: len(labels) for d, labels in model.dims.items()}, "scenario": count}
    found: dict[str, np.ndarray] = {}
    derived: list[str] = []
    for param_name, param in _uncertain(model).items():
        if param_name == _PROBABILITY:
            found[param_name] = scenarios.probability
            continue
        if param.source.startswith("="):
            derived.append(param_name)
            continue
        table = _table(model, scenarios, param.source)
        data = None if table is None else _aligned(model, param, table, sizes)
        if data is None:
            return None
        found[param_name] = data
    shape_of = {n: tuple(sizes[d] for d in model.params[n].dims) for n in derived}
    found |= {n: np.zeros(shape_of[n]) for n in derived}
    for param_name in derived:
        evaluator = Evaluator(_with(model, found, scenarios.probability), {})
        found[param_name] = np.array(evaluator.array(model.params[param_name].source[1:].strip(), model.params[param_name].dims))
    return World(name, scenarios.probability, found)


def _table(model: OptiModel, scenarios: ScenarioSet, source: str) -> ScenarioTable | None:
    name = source.removeprefix("scenarios.")
    for known in (source, name):
        if known in scenarios.tables:
            return scenarios.tables[known]
    days = _period_days(model)
    if name == "lead_periods" and "lead_days" in scenarios.tables and days:
        table = scenarios.tables["lead_days"]
        return replace(table, values=np.ceil(table.values / days - 1e-9))
    return None


def _period_days(model: OptiModel) -> float | None:
    starts = [date.fromisoformat(s) for s in model.period_starts]
    return (starts[-1] - starts[0]).days / (len(starts) - 1) if len(starts) > 1 else None


def _aligned(model: OptiModel, param: Param, table: ScenarioTable, sizes: Mapping[str, int]) -> np.ndarray | None:
    """Return a table's values over a parameter's dims by label; a dim that the parameter lacks must have one label."""
    values = table.values
    for axis in reversed(range(len(table.dims))):
        dim = table.dims[axis]
        if dim in param.dims:
            if dim != "scenario":
                place = {label: i for i, label in enumerate(table.labels[dim])}
                if not set(model.dims[dim]) <= set(place):
                    return None
                values = np.take(values, [place[label] for label in model.dims[dim]], axis=axis)
        elif values.shape[axis] == 1:
            values = values.squeeze(axis)
        else:
            return None
    own = [d for d in table.dims if d in param.dims]
    moved = np.transpose(values, [own.index(d) for d in param.dims if d in own])
    shape = tuple(sizes[d] if d in own else 1 for d in param.dims)
    return np.array(np.broadcast_to(moved.reshape(shape), tuple(sizes[d] for d in param.dims)), dtype=np.float64)

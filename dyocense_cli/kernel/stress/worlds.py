"""Other scenarios for a compiled model: the full set, a fresh draw, shocks, all side by side on one scenario axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.optimodel import OptiModel, Param
from dyocense_cli.optimodel.evaluate import Evaluator, param_values

__all__ = ["World", "as_planned", "averaged", "rebound", "side_by_side", "single"]


@dataclass(frozen=True, slots=True)
class World:
    """Scenarios with their probabilities and the values of every parameter that has the scenario dim (over its own dims).

    `first_stage` names the decision that is put into it: ``plan``, or another that the caller knows.
    """

    name: str
    probability: np.ndarray
    params: Mapping[str, np.ndarray]
    first_stage: str = "plan"


def _uncertain(model: OptiModel) -> dict[str, Param]:
    return {name: p for name, p in model.params.items() if "scenario" in p.dims}


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
    changed = {n: replace(model.params[n], data=v, index=None, mask=None) for n, v in params.items()}
    labels = tuple(str(i) for i in range(probability.size))
    return replace(model, dims={**model.dims, "scenario": labels}, params={**model.params, **changed}, probability=probability)


def rebound(model: OptiModel, scenarios: ScenarioSet, name: str) -> World | None:
    """Return a scenario set as the model's parameters; None if a parameter does not say where it came from."""
    count = scenarios.probability.size
    sizes = {**{d: len(labels) for d, labels in model.dims.items()}, "scenario": count}
    found: dict[str, np.ndarray] = {}
    derived: list[str] = []
    for param_name, param in _uncertain(model).items():
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
    if name in scenarios.tables:
        return scenarios.tables[name]
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

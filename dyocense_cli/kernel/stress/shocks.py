"""The named stress battery: what planners fear, put into the scenarios they planned for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.stress.worlds import World, as_planned
from dyocense_cli.optimodel.evaluate import Evaluator

__all__ = ["battery", "price_shock"]

_MORE, _DEARER = 0.2, 0.1


def battery(
    model: OptiModel, values: Mapping[str, np.ndarray]
) -> tuple[tuple[World, ...], dict[str, Mapping[str, np.ndarray]], tuple[str, ...]]:
    """Return the shocked worlds, the decisions that some of them need, and what could not be shocked.

    Demand of 20 % more and less, every lead time one period longer, and the source with the largest quantity gone (its orders never come).
    """
    base = as_planned(model)
    by_source = {model.params[n].source.rsplit(".", 1)[-1]: n for n in base.params}
    worlds, notes = [], []
    if "demand" in by_source:
        name = by_source["demand"]
        for title, factor in (("demand +20 %", 1.0 + _MORE), ("demand -20 %", 1.0 - _MORE)):
            worlds.append(_changed(base, title, name, base.params[name] * factor))
    lead = by_source.get("lead_periods") or by_source.get("lead_days")
    if lead is not None:
        worlds.append(_changed(base, "lead time +1 period", lead, base.params[lead] + 1.0))
    if not worlds:
        notes.append("no parameter is bound from a scenario table of demand or lead times, so neither was shocked")
    gone = _largest_source(model, values)
    decisions: dict[str, Mapping[str, np.ndarray]] = {}
    if gone is not None:
        dim, label = gone
        decision = f"without {label}"
        decisions[decision] = _without(model, values, dim, label)
        worlds.append(replace(base, name=f"{dim} {label} out", first_stage=decision))
    return tuple(worlds), decisions, tuple(notes)


def price_shock(model: OptiModel, values: Mapping[str, np.ndarray]) -> float | None:
    """Return what the plan's lines would cost more if every price rose by 10 %, None where a plan has no prices."""
    if model.steps is None or model.steps.price is None:
        return None
    evaluator = Evaluator(model, values)
    steps = model.steps
    spend = evaluator.array(steps.cost or f"({steps.price}) * ({steps.quantity})", steps.dims)
    return _DEARER * float(spend.sum())


def _changed(base: World, name: str, param: str, data: np.ndarray) -> World:
    return replace(base, name=name, params={**base.params, param: data})


def _largest_source(model: OptiModel, values: Mapping[str, np.ndarray]) -> tuple[str, str] | None:
    """Return the dim of sources (the steps' second that is not time) and its label with the largest quantity."""
    if model.steps is None:
        return None
    dims = model.steps.dims
    places = [d for d in dims[1:] if d not in model.ordered and len(model.dims[d]) > 1]
    if not places:
        return None
    dim = places[0]
    quantity = Evaluator(model, values).array(model.steps.quantity, dims)
    total = quantity.sum(axis=tuple(i for i, d in enumerate(dims) if d != dim))
    return dim, model.dims[dim][int(np.argmax(total))]


def _without(model: OptiModel, values: Mapping[str, np.ndarray], dim: str, label: str) -> dict[str, np.ndarray]:
    """Return the decision in which nothing is had from one source."""
    place = model.dims[dim].index(label)
    found = dict(values)
    for var in model.vars:
        if var.stage == 1 and dim in var.dims:
            data = values[var.name].copy()
            at = tuple(place if d == dim else slice(None) for d in var.dims)
            data[at] = np.where(np.isnan(data[at]), np.nan, 0.0)
            found[var.name] = data
    return found

"""Solve again after a small change: start from the earlier plan and prices, re-plan what the change reaches, prove the whole bound anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule, Var
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import Declined, Earlier, attempt
from dyocense_cli.kernel.optimizer.delta import Delta, difference, reached
from dyocense_cli.optimodel.evaluate import existing, join_columns, split_columns
from dyocense_cli.ports import Lent

__all__ = ["cache_key", "carried", "held_as_asked", "held_to", "resolve"]


def cache_key(goal_id: str, variant: str) -> str:
    """Return the key under which the latest model and solution of a goal are kept."""
    return f"{goal_id}:{variant}"


def carried(old: OptiModel, values: Mapping[str, np.ndarray], new: OptiModel) -> dict[str, np.ndarray]:
    """Return values per family of `new`, taken from those of `old` by labels; NaN where the old model has none."""
    out: dict[str, np.ndarray] = {}
    before = {v.name: v for v in old.vars}
    for var in new.vars:
        shape = [len(new.dims[d]) for d in var.dims]
        data = np.full(shape, np.nan)
        if var.name in before and before[var.name].dims == var.dims and var.name in values:
            took, put = [], []
            for d in var.dims:
                place = {label: i for i, label in enumerate(old.dims[d])}
                both = [(place[label], i) for i, label in enumerate(new.dims[d]) if label in place]
                took.append(np.array([b[0] for b in both], dtype=np.int64))
                put.append(np.array([b[1] for b in both], dtype=np.int64))
            data[np.ix_(*put) if put else ()] = values[var.name][np.ix_(*took) if took else ()]
        out[var.name] = np.where(existing(new, var), data, np.nan)
    return out


def resolve(
    old: OptiModel, solution: Solution, new: OptiModel, options: SolverOptions, *, lent: Lent
) -> tuple[Solution | Declined, Delta]:
    """Solve `new` from the solution of `old`; return the answer and what had changed.

    With the certificate of a decomposed solution the earlier prices are kept and only blocks that the change reaches are re-planned
    first; all are when that does not reach the gap. Law: the objective agrees with a cold solve within both gaps.
    """
    delta = difference(old, new)
    if solution.x is None:
        return attempt(new, options, lent=lent), delta
    values = carried(old, split_columns(old, solution.x), new)
    start = np.nan_to_num(join_columns(new, values))
    earlier = Earlier(old.dims, solution.certificate, lambda dims: reached(delta, new, dims))
    return attempt(new, options, lent=lent, start=start, earlier=earlier if solution.method == "decompose" else None), delta


def held_to(
    model: OptiModel, earlier: Mapping[str, np.ndarray], *, order: str, time: str, freeze: int = 0, max_churn: float | None = None
) -> OptiModel:
    """Return the model with rules that keep it near an earlier plan.

    Parameters
    ----------
    model : OptiModel
        Model to hold.
    earlier : mapping
        Values per family of the earlier plan over the model's dims (see `carried`); NaN counts 0.
    order, time : str
        The family that may not change, and its ordered dim.
    freeze : int
        Periods from the first in which the family keeps its values.
    max_churn : float, optional
        Most that quantities may change in all, as a share of the earlier total.
    """
    var = next(v for v in model.vars if v.name == order)
    values = np.nan_to_num(earlier[order])
    params = {**model.params, "earlier_plan": Param(var.dims, values, unit=var.unit)}
    rules, variables = list(model.rules), list(model.vars)
    if freeze > 0:
        params["frozen"] = Param((time,), np.arange(len(model.dims[time])) < freeze, dtype="bool")
        where = "frozen" if var.where is None else f"frozen and ({var.where})"
        rules.append(Rule("frozen_periods", var.dims, f"{order} == earlier_plan", where=where, relax=None, source="goal:/freeze",
                          intent=f"The first {freeze} periods keep the orders of the earlier plan"))
    if max_churn is not None:
        intent = f"Orders change by at most {100 * max_churn:g} % of the earlier plan"
        params["churn_max"] = Param((), np.asarray(max_churn * values.sum()))
        variables += [Var("raised", var.dims, where=var.where, origin="churn"), Var("lowered", var.dims, where=var.where, origin="churn")]
        rules.append(Rule("change_of_plan", var.dims, f"{order} - raised + lowered == earlier_plan", where=var.where, relax=None,
                          source="goal:/max_churn", origin="churn", intent=intent))
        rules.append(Rule("churn", (), "sum(raised) + sum(lowered) <= churn_max", source="goal:/max_churn", relax=None, intent=intent))
    return replace(model, params=params, rules=tuple(rules), vars=tuple(variables))


def held_as_asked(model: OptiModel, earlier: Mapping[str, np.ndarray], *, freeze: int, max_churn: float | None) -> OptiModel:
    """Return the model held to an earlier plan as a goal asks: the family that its steps list keeps its first `freeze` periods and
    changes by at most `max_churn` of the earlier total; unchanged where the goal asks for neither or nothing is listed."""
    listed = [v for v in model.vars if model.steps is not None and v.stage == 1 and v.type != "bool" and v.dims == model.steps.dims]
    times = [d for d in model.ordered if listed and d in listed[0].dims]
    if not listed or not times or (freeze == 0 and max_churn is None):
        return model
    return held_to(model, earlier, order=listed[0].name, time=times[0], freeze=freeze, max_churn=max_churn)

"""Scenarios that a context or a user's file states: nothing is forecast, probabilities are checked."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.request import SampleRequest
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.scenarios.reduce import reduce_scenarios
from dyocense_cli.kernel.scenarios.stats import count_distinct, demand_stats

__all__ = ["stated_set"]


def stated_set(request: SampleRequest) -> ScenarioSet:
    """Return the stated scenarios, reduced if asked; equal probabilities where none are given.

    Raises
    ------
    InputError
        DY2510 if probabilities are negative or do not sum to 1 within 1e-9, or tables differ in their number of scenarios.
    """
    counts = {name: t.values.shape[-1] for name, t in request.stated.items()}
    n = max(counts.values())
    short = sorted(name for name, c in counts.items() if c != n)
    if short:
        raise InputError(
            "DY2510",
            f"table `{short[0]}` has {counts[short[0]]} scenarios where others have {n}",
            hints="give every table with a scenario column a row for every scenario",
        )
    p = np.array(request.stated_probability) if request.stated_probability else np.full(n, 1.0 / n)
    if len(p) != n or (p < 0).any() or abs(float(p.sum()) - 1) > 1e-9:
        raise InputError(
            "DY2510",
            f"scenario probabilities sum to {float(p.sum()):.12g}, not 1",
            hints="leave the column `probability` out for equal ones, or make them sum to 1 within 1e-9",
        )
    tables, ids = dict(request.stated), tuple(range(n))
    reduction: dict[str, float | str] = {}
    if request.reduce and request.reduce.method != "none" and request.reduce.to < n:
        values = np.concatenate([t.values.reshape(-1, n) for t in request.stated.values()])
        result = reduce_scenarios(values, p, to=request.reduce.to, method=request.reduce.method, match=False)
        tables = {k: ScenarioTable(t.dims, t.labels, np.ascontiguousarray(t.values[..., result.index]), t.unit) for k, t in tables.items()}
        p, ids, reduction = result.probability, tuple(int(i) for i in result.index), result.errors
    return ScenarioSet(
        request.periods,
        ids,
        p,
        tables,
        stats=_stats(tables, p),
        seed=request.seed,
        source="table",
        distinct=count_distinct({k: t.values for k, t in tables.items()}),
        reduction=reduction,
        full=_full(request, n, ids),
    )


def _full(request: SampleRequest, n: int, ids: tuple[int, ...]) -> ScenarioSet | None:
    if len(ids) == n:
        return None
    p = np.array(request.stated_probability) if request.stated_probability else np.full(n, 1.0 / n)
    return ScenarioSet(
        request.periods,
        tuple(range(n)),
        p,
        dict(request.stated),
        stats=_stats(request.stated, p),
        seed=request.seed,
        source="table",
        distinct=count_distinct({k: t.values for k, t in request.stated.items()}),
    )


def _stats(tables: object, p: np.ndarray) -> dict[str, dict[str, float]]:
    assert isinstance(tables, dict)
    table = tables.get("demand")
    if table is None or table.dims not in {("sku", "period", "scenario"), ("sku", "location", "period", "scenario")}:
        return {}
    values = table.values if len(table.dims) == 4 else table.values[:, None]
    return demand_stats(values, p, table.labels["sku"], table.labels.get("location", ("main",)))

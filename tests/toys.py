"""A small replenishment model written by hand, and how to solve it: shared by tests of the optimizer's parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import Kpi, OptiModel, Param, Robust, Rule, Steps, Term, Var
from dyocense_cli.ports import Lent
from tests.probing import ground_by_probing

EXACT = SolverOptions("auto", 60.0, 0.0, 1, 1)


def lent() -> Lent:
    """Lend the probing grounder and HiGHS."""
    return Lent(
        ground_by_probing,
        lambda model, limits, start=None, progress=None, backend="auto": HighsSolver().solve(model, limits, start=start, progress=progress),
    )


def toy(budget: float = 60.0, *, service: float = 0.0, seed: int | None = None) -> OptiModel:
    """Two SKUs, two suppliers, three periods, two scenarios; lots integer, stock and shortage recourse.

    `budget` in EUR over the horizon; `service` the least share of mean demand that is met; `seed` draws other demand.
    """
    rng = np.random.default_rng(seed)
    demand = np.arange(12.0).reshape(2, 3, 2) + 1 if seed is None else rng.integers(0, 15, (2, 3, 2)).astype(float)
    params = {
        "price": Param(("sku", "supplier"), np.array([2.0, 3.0, 1.0]), index=np.array([[0, 0, 1], [0, 1, 0]], dtype=np.int32)),
        "lot": Param(("sku",), np.array([5.0, 1.0])),
        "lead": Param(("supplier", "scenario"), np.array([[1, 0], [0, 1]]), dtype="i8", source="scenarios.lead_periods"),
        "demand": Param(("sku", "period", "scenario"), demand, source="scenarios.demand"),
        "hold": Param(("sku",), np.array([0.1, 0.2])),
        "probability": Param(("scenario",), np.array([0.5, 0.5])),
        "budget_max": Param((), np.array(budget)),
        "service_min": Param((), np.array(service)),
    }
    variables = (
        Var("lots", ("sku", "supplier", "period"), "int", 0.0, 20.0, 1, "price"),
        Var("stock", ("sku", "period", "scenario"), "float", 0.0, None, 2),
        Var("short", ("sku", "period", "scenario"), "float", 0.0, "demand", 2),
    )
    rules = (
        Rule(
            "balance",
            ("sku", "period", "scenario"),
            "stock == shift(stock, along=period, offset=1, edge=0) + arrivals - demand + short",
            relax=None,
            origin="balance",
            source="model:/constraints/balance",
            intent="Stock at the end of {period} is what there was, plus arrivals, less the demand that is met",
        ),
        Rule(
            "budget",
            (),
            "sum(spend) <= budget_max",
            unit="EUR",
            origin="budget",
            limit="budget",
            source="goal:/limits/budget",
            intent="Spend {activity} of {limit}",
        ),
        Rule(
            "service",
            (),
            "mean(sum(demand) - sum(short)) >= service_min * mean(sum(demand))",
            origin="service",
            limit="service",
            source="goal:/limits/service",
            intent="Meet a share of demand",
        ),
        Rule("room", ("period", "scenario"), "sum(stock, over=sku) <= 40", origin="room", source="goal:/constraints/room", relax=None),
    )
    return OptiModel(
        dims={"sku": ("A", "B"), "supplier": ("S1", "S2"), "period": ("t1", "t2", "t3"), "scenario": ("0", "1")},
        ordered=("period",),
        params=params,
        vars=variables,
        exprs={
            "order": "lots * lot",
            "spend": "price * order",
            "arrivals": "sum(shift(order, along=period, offset=lead, edge=0), over=supplier)",
        },
        sense="min",
        terms=(
            Term(
                "cost",
                "sum(spend) + sum(probability * hold * stock, over=[sku, period, scenario])",
                1.0,
                "EUR",
                "sum(spend) + sum(hold * stock, over=[sku, period])",
            ),
            Term("shortage", "mean(sum(10 * short, over=[sku, period]))", 1.0, "EUR"),
        ),
        rules=rules,
        robust=Robust(2, "mean"),
        probability=np.array([0.5, 0.5]),
        kpis=(
            Kpi("total_cost", "sum(spend)", "EUR"),
            Kpi("service", "1 - mean(sum(short)) / mean(sum(demand))"),
            Kpi("fill_rate_by_sku", "1 - mean(sum(short, over=period)) / mean(sum(demand, over=period))", dims=("sku",)),
            Kpi("stockout_probability", "mean(sum(short, over=period) > 0)", dims=("sku",)),
            Kpi("short_p95", "quantile(sum(short), 0.95)"),
        ),
        steps=Steps("order", ("sku", "supplier", "period"), price="price", lot="lot"),
        currency="EUR",
        period_starts=("2026-11-30", "2026-12-07", "2026-12-14"),
    )


def with_param(model: OptiModel, name: str, value: float) -> OptiModel:
    """Return the model with one scalar parameter changed."""
    return replace(model, params={**model.params, name: replace(model.params[name], data=np.array(value))})

"""All artifacts of a small made-up run of any size, consistent with one another: for suites that need a run but no solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ForecastSet, ScenarioSet, ScenarioTable, SeriesReport
from dyocense_cli.artifacts.goal import ExplainOptions, ForecastOptions, Goal, Horizon, Quantity, SolverOptions
from dyocense_cli.artifacts.optimodel import Kpi, OptiModel, Param, Robust, Rule, Steps, Term, Var
from dyocense_cli.artifacts.plan import BindingRule, Conflict, Explanation, Plan, Relaxation, Step, StressReport, Way
from dyocense_cli.artifacts.policy import Admission, Principal, Verdict
from dyocense_cli.artifacts.solution import CheckReport, Solution, Status, Termination
from dyocense_cli.errors import Span

__all__ = ["Case", "infeasible", "synthetic"]


@dataclass(frozen=True)
class Case:
    """Artifacts by the names of the pipeline, and the variables' values."""

    held: dict[str, object]
    values: dict[str, np.ndarray]

    def args(self) -> list[object]:
        """Return the arguments of the evidence stage, in order."""
        names = (
            "goal",
            "context",
            "admission",
            "forecast_set",
            "scenario_set",
            "optimodel",
            "solution",
            "check_report",
            "plan",
            "stress_report",
            "explanation",
            "verdict",
            "principal",
        )
        return [self.held.get(n) for n in names]


def _text(values: list[str]) -> Column:
    labels = tuple(sorted(set(values)))
    return Column(np.array([labels.index(v) for v in values], dtype=np.int32), labels=labels)


def _goal() -> Goal:
    return Goal(
        id="corner-shop",
        variant="base",
        title="Orders <for> one & shop",
        owner="purchasing",
        model="replenishment",
        context="context.yaml",
        horizon=Horizon(4, "week", "2026-11-30"),
        forecast=ForecastOptions("auto", 20, 7),
        objective={"cost": Quantity(1.0)},
        limits={"budget": {"max": Quantity(8000.0, "EUR")}},
        constraints=(),
        aggregation="p95",
        explain=ExplainOptions(("budget",), ("price",)),
        solver=SolverOptions("auto", 20.0, 0.02, 1, 7),
        policies=("all",),
        spans={"/limits/budget": Span("goals/shop.yaml", 17, 3), "/limits": Span("goals/shop.yaml", 16, 1)},
        file="goals/shop.yaml",
    )


def synthetic(lines: int, *, periods: int = 4, suppliers: int = 6, scenarios: int = 20, seed: int = 7) -> Case:
    """Return a run whose plan has exactly `lines` lines, one per (sku, period) from one supplier."""
    rng = np.random.default_rng(seed)
    n = -(-lines // periods)
    skus = [f"SKU-{i:04d}" for i in range(n)]
    names = [f"S{j}" for j in range(suppliers)]
    labels = tuple(f"t{t + 1}" for t in range(periods))
    starts = tuple(str(np.datetime64("2026-11-30") + 7 * t) for t in range(periods))
    price = np.round(rng.uniform(0.5, 9.0, size=(n, suppliers)), 2)
    demand = rng.poisson(40, size=(n, 1, periods, scenarios)).astype(float)
    supplier = np.arange(n) % suppliers
    steps = tuple(
        Step(
            line=f"PO-{k + 1:04d}",
            keys={"sku": skus[k // periods], "supplier": names[supplier[k // periods]], "period": labels[k % periods]},
            qty=float(48 if k % periods == 0 else 36),
            price=float(price[k // periods, supplier[k // periods]]),
            cost=round(float(price[k // periods, supplier[k // periods]]) * (48 if k % periods == 0 else 36), 2),
            period=labels[k % periods],
            date=starts[k % periods],
            arrives=starts[k % periods],
            reason=f"covers demand of {labels[k % periods]}",
            lots=4.0,
            rounding="whole lots of 12",
        )
        for k in range(lines)
    )
    order = np.zeros((n, suppliers, periods))
    for k, step in enumerate(steps):
        order[k // periods, supplier[k // periods], k % periods] = step.qty
    stock = np.maximum(20 + np.cumsum(order.sum(axis=1)[:, :, None] - demand[:, 0], axis=1), 0.0)
    tables = {
        "skus": Table(
            {"sku": _text(skus), "name": _text([f"Item {i}" for i in range(n)])}, n, np.arange(1, n + 1, dtype=np.int32), "skus.csv"
        ),
        "suppliers": Table(
            {"supplier": _text(names), "lead_days": Column(np.full(suppliers, 7.0), "day")},
            suppliers,
            np.arange(1, suppliers + 1, dtype=np.int32),
            "suppliers.csv",
        ),
        "offers": Table(
            {"sku": _text([s for s in skus for _ in names]), "supplier": _text(names * n), "price": Column(price.reshape(-1), "EUR/each")},
            n * suppliers,
            np.arange(1, n * suppliers + 1, dtype=np.int32)[::-1].copy(),
            "offers.csv",
        ),
        "stock": Table(
            {"sku": _text(skus), "on_hand": Column(np.full(n, 20.0), "each")}, n, np.arange(1, n + 1, dtype=np.int32), "stock.csv"
        ),
    }
    context = Context("EUR", tables, {"storage_capacity": Quantity(40.0, "m3")}, (), (), labels, starts, 7.0)
    forecast = ForecastSet(
        tuple(skus),
        ("main",) * n,
        periods,
        (0.05, 0.5, 0.95),
        demand[:, 0].mean(axis=2),
        np.quantile(demand[:, 0], (0.05, 0.5, 0.95), axis=2).transpose(1, 0, 2).copy(),
        tuple(SeriesReport("ses", "least backtest error", "smooth", "good") for _ in range(n)),
        {},
    )
    probability = np.full(scenarios, 1.0 / scenarios)
    table = ScenarioTable(
        ("sku", "location", "period", "scenario"), {"sku": tuple(skus), "location": ("main",), "period": labels}, demand, "each"
    )
    scenario_set = ScenarioSet(
        labels,
        tuple(range(scenarios)),
        probability,
        {"demand": table},
        seed=seed,
        quality={skus[0]: "poor"},
        reasons={skus[0]: "9 days only"},
    )
    spend = sum(s.cost or 0.0 for s in steps)
    optimodel = OptiModel(
        dims={"sku": tuple(skus), "supplier": tuple(names), "period": labels, "scenario": tuple(str(i) for i in range(scenarios))},
        ordered=("period",),
        params={
            "price": Param(("sku", "supplier"), price, "EUR/each"),
            "demand": Param(("sku", "period", "scenario"), demand[:, 0], "each"),
            "budget_max": Param((), np.array(round(spend, 2)), "EUR"),
        },
        vars=(Var("order", ("sku", "supplier", "period"), "int"), Var("stock", ("sku", "period", "scenario"), stage=2)),
        exprs={"spend": "price * order"},
        sense="min",
        terms=(Term("cost", "sum(spend)", 1.0, "EUR"),),
        rules=(
            Rule(
                "budget",
                (),
                "sum(spend) <= budget_max",
                "EUR",
                intent="Spend at most {limit}",
                fingerprint="sha256:" + "b" * 64,
                limit="budget",
                source="goal:/limits/budget",
                origin="budget",
            ),
            Rule(
                "balance",
                ("sku", "period", "scenario"),
                "stock >= sum(order, over=supplier) - demand",
                "each",
                intent="Stock follows orders and demand",
                fingerprint="sha256:" + "c" * 64,
                source="model:/constraints/balance",
                origin="balance",
            ),
        ),
        robust=Robust(scenarios, "p95"),
        probability=probability,
        kpis=(Kpi("total_cost", "sum(spend)", "EUR"),),
        steps=Steps("order", ("sku", "supplier", "period"), "price"),
        currency="EUR",
        period_starts=starts,
    )
    x = np.concatenate([order.reshape(-1), stock.reshape(-1)])
    solution = Solution(
        Status.OPTIMAL, Termination.PROVED, spend, spend * 0.99, 0.01, x, backend="highs", backend_version="1.12", seed=seed
    )
    by_sku = dict.fromkeys(skus[:5], 0.97)
    plan = Plan(
        "OPTIMAL",
        "proved",
        spend,
        spend * 0.99,
        0.01,
        steps,
        {"cost": spend},
        {"total_cost": spend, "service": 0.975, "fill_rate_by_sku": by_sku},
        {"total_cost": "EUR", "service": "1", "fill_rate_by_sku": "1"},
        {"budget": spend, "balance": 0.0},
        {"budget": spend},
        {"budget": 0.0},
        ("budget",),
        {"budget": 0.31},
        currency="EUR",
    )
    costs = tuple((spend * (1 + 0.05 * rng.standard_normal(200))).tolist())
    figures = {"cost_mean": float(np.mean(costs)), "cost_p95": float(np.quantile(costs, 0.95)), "service_mean": 0.97, "service_p5": 0.91}
    stress = StressReport(
        {"in_sample": figures, "fresh": figures},
        {"fresh": costs},
        {"fresh": tuple(np.clip(rng.normal(0.97, 0.02, 200), 0, 1).tolist())},
        {skus[0]: 0.12},
        120.5,
        310.25,
        gap_interval=(-20.0, 40.0),
        shocks={"demand_up": {"cost_mean": spend * 1.2}},
        notes=("recourse re-optimised per scenario",),
    )
    explanation = Explanation(
        (BindingRule("budget", spend, spend, 0.0, 0.31, "EUR", "Spend is at its limit", "goal:/limits/budget", spend * 0.9, spend * 1.1),),
        alternatives={"PO-0001": "S1 would cost 4.20 EUR more"},
    )
    held: dict[str, object] = {
        "goal": _goal(),
        "context": context,
        "forecast_set": forecast,
        "scenario_set": scenario_set,
        "optimodel": optimodel,
        "admission": Admission(
            True, engine="opa", engine_version="1.22.2", policy_snapshot="sha256:" + "a" * 64, denied_suppliers={"S9": "POL-V001"}
        ),
        "solution": solution,
        "check_report": CheckReport(True, spend, 0.0),
        "plan": plan,
        "stress_report": stress,
        "explanation": explanation,
        "verdict": Verdict(True, engine="opa", engine_version="1.22.2", policy_snapshot="sha256:" + "a" * 64),
        "principal": Principal("acme", "pro", "buyer"),
    }
    return Case(held, {"order": order, "stock": stock})


def infeasible() -> Case:
    """Return a run that ended infeasible, with a conflict and one way out."""
    case = synthetic(4)
    held = dict(case.held)
    held["plan"] = Plan("INFEASIBLE", "proved", None, None, None, currency="EUR")
    held["solution"] = Solution(Status.INFEASIBLE, Termination.PROVED, None, None, None, None)
    relaxed = Relaxation("budget", 8000.0, 8320.0, "EUR", "--set limits.budget.max=8320EUR", allowed=False, verdict="over the cap")
    held["explanation"] = Explanation(
        conflicts=(
            Conflict(("budget", "service"), ("Spend at most 8,000 EUR", "Meet 95 %"), ("goal:/limits/budget", "goal:/limits/service")),
        ),
        ways=(Way((relaxed,), 320.0, True, 8320.0),),
    )
    held["stress_report"] = held["verdict"] = None
    return Case(held, {})

"""A small shop compiled from the shipped replenishment model, for tests that need the real thing without files."""

from __future__ import annotations

from importlib import resources

import numpy as np

from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.ports import Lent
from tests.compiling import compiled, context

SKUS, SUPPLIERS, PERIODS = ("A", "B", "C"), ("S1", "S2"), ("t1", "t2", "t3")

GOAL = """
dsl: goal/v1
id: shop
model: replenishment
context: context.yaml
horizon: {{periods: 3, every: week, start: 2026-11-30}}
settings: {{unmet: {unmet}}}
objective: {{cost: 1.0, shortage: 1.0}}
limits:
  budget: {{max: {budget} EUR, over: horizon}}
  service: {{min: {service} %, hold: {hold}}}
  moq: true
robust: {{aggregation: {aggregation}}}
"""


def futures(count: int, seed: int) -> ScenarioSet:
    """Return scenarios of demand and lead times."""
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 30, (len(SKUS), 1, len(PERIODS), count)).astype(float)
    lead = np.zeros((len(SUPPLIERS), count))
    axes = {"sku": SKUS, "location": ("main",), "period": PERIODS}
    return ScenarioSet(
        PERIODS,
        tuple(range(count)),
        np.full(count, 1 / count),
        {
            "demand": ScenarioTable(("sku", "location", "period", "scenario"), axes, demand),
            "lead_days": ScenarioTable(("supplier", "scenario"), {"supplier": SUPPLIERS}, lead),
        },
    )


def shop(
    *,
    budget: float = 2000.0,
    service: float = 50.0,
    hold: str = "mean",
    aggregation: str = "mean",
    scenarios: int = 8,
    seed: int = 1,
    unmet: str = "lost",
    breaks: bool = False,
    cover: float | None = None,
) -> OptiModel:
    """Return the compiled model; with `breaks`, thirty or more of A from S1 cost less each."""
    tables = {
        "skus": {
            "sku": list(SKUS), "volume": [0.01, 0.02, 0.01], "holding_cost": [0.05, 0.1, 0.02], "shortage_cost": [9.0, 12.0, 4.0],
        },
        "suppliers": {"supplier": list(SUPPLIERS), "order_cost": [10.0, 5.0], "lead_days": [0.0, 0.0], "region": ["local", "far"]},
        "offers": {
            "sku": ["A", "A", "B", "C"], "supplier": ["S1", "S2", "S1", "S2"], "price": [2.0, 1.8, 5.0, 1.0],
            "moq": [5.0, 20.0, 4.0, 10.0], "lot_size": [1.0, 10.0, 2.0, 5.0], "co2": [0.1, 0.4, 0.2, 0.1],
        },
        "stock": {"sku": list(SKUS), "on_hand": [20.0, 10.0, 5.0]},
    }  # fmt: skip
    if breaks:
        again = {name: [*cells, cells[0]] for name, cells in tables["offers"].items()}
        tables["offers"] = {**again, "price": [*again["price"][:-1], 1.5], "min_qty": [0.0, 0.0, 0.0, 0.0, 30.0]}
    units = {"offers": {"price": "EUR/each", "moq": "each", "lot_size": "each", "co2": "kg/each", "min_qty": "each"}}
    text = (resources.files("dyocense_cli") / "models" / "replenishment.yaml").read_text("utf-8")
    goal = GOAL.format(budget=budget, service=service, hold=hold, aggregation=aggregation, unmet=unmet)
    if cover is not None:
        goal = goal.replace("  moq: true\n", f"  moq: true\n  ending_stock: {{cover: {cover}}}\n")
    return compiled(goal, text, context(tables, periods=3, units=units), futures(scenarios, seed))


def lent() -> Lent:
    """Lend the real grounder and HiGHS."""
    return Lent(
        ground,
        lambda model, limits, start=None, progress=None, backend="auto": HighsSolver().solve(model, limits, start=start, progress=progress),
    )

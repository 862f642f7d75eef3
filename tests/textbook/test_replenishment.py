"""Each rule of the shipped replenishment model on an instance small enough to solve by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Status
from dyocense_cli.kernel.plan.steps import steps_of
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns
from tests.compiling import compiled, context
from tests.textbook.files import solve

MODEL = (Path(__file__).parents[2] / "dyocense_cli" / "models" / "replenishment.yaml").read_text()
GOAL = """
dsl: goal/v1
id: shop
model: replenishment
context: none.yaml
horizon: {periods: %d, every: week, start: 2026-11-30}
objective: {cost: 1, shortage: 1}
robust: {aggregation: %s}
"""


def shop(demand: Any, **options: Any) -> OptiModel:
    """Compile a shop."""
    world, futures, text = parts(demand, **options)
    return compiled(text, MODEL, world, futures)


def parts(demand: Any, *, goal: str = "", aggregation: str = "mean", lead_days: Any = 0.0, probability: list[float] | None = None,
         quality: dict[str, str] | None = None, sigma: float = 0.0, parameters: dict[str, Quantity] | None = None, **tables: Any
          ) -> tuple[Context, ScenarioSet, str]:
    """A shop: `demand` over (sku, period) or (sku, location, period, scenario); tables override the plain ones column by column."""
    demand = np.asarray(demand, float)
    if demand.ndim == 2:
        demand = demand[:, None, :, None]
    n_skus, _, n_periods, n = demand.shape
    skus = tuple(f"A{i}" for i in range(n_skus))
    cells: dict[str, dict[str, list[Any]]] = {
        "skus": {"sku": list(skus), "holding_cost": [0.01] * n_skus, "shortage_cost": [100.0] * n_skus},
        "suppliers": {"supplier": ["S"]},
        "offers": {"sku": list(skus), "supplier": ["S"] * n_skus, "price": [1.0] * n_skus},
    }
    for name, columns in tables.items():
        cells[name] = {**cells.get(name, {}), **columns} if "sku" not in columns and "supplier" not in columns else columns
    suppliers = tuple(sorted(cells["suppliers"]["supplier"]))
    places = tuple(cells["locations"]["location"]) if "locations" in cells else ("main",)
    world = context(cells, periods=n_periods, parameters=parameters)
    labels = {"sku": skus, "location": places, "period": world.periods}
    lead = np.broadcast_to(np.asarray(lead_days, float), (len(suppliers), n))
    futures = ScenarioSet(
        world.periods, tuple(range(n)), np.array(probability or [1 / n] * n),
        {"demand": ScenarioTable(("sku", "location", "period", "scenario"), labels, demand, "each"),
         "lead_days": ScenarioTable(("supplier", "scenario"), {"supplier": suppliers}, lead, "day")},
        stats={s: {"sigma": sigma} for s in skus}, quality=quality or {},
    )
    return world, futures, GOAL % (n_periods, aggregation) + goal


class Held:
    """A solved shop: values of expressions by name or text."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.solution = solve(model)
        assert self.solution.status == Status.OPTIMAL
        assert self.solution.x is not None
        self.values = split_columns(model, self.solution.x)
        self.evaluator = Evaluator(model, self.values)

    def __call__(self, text: str) -> list[Any]:
        return np.round(np.asarray(self.evaluator.value(self.model.exprs.get(text, text)).data), 6).tolist()

    def kpi(self, name: str) -> Any:
        found = next(k for k in self.model.kpis if k.name == name)
        return np.asarray(self.evaluator.value(found.expr).data).tolist()


def test_an_order_arrives_after_its_lead_time_in_whole_periods() -> None:
    held = Held(shop([[5, 5, 5, 5]], lead_days=8.0))  # eight days are two weeks
    assert held("sum(order, over=[sku, supplier])") == [5, 5, 0, 0]
    assert held("sum(short, over=[sku, scenario])") == [5, 5, 0, 0]


def test_open_orders_arrive_when_they_are_due() -> None:
    held = Held(shop([[5, 5]], orders={"sku": ["A0", "A0"], "quantity": [2, 1], "due": ["2026-12-08", "2026-12-09"]}))
    assert held("sum(order)") == 7


def test_lost_sales_stay_lost_and_backorders_are_met_later() -> None:
    lost = Held(shop([[5, 5, 5]], lead_days=7.0))
    assert lost("sum(order)") == 10
    waiting = Held(shop([[5, 5, 5]], lead_days=7.0, goal="settings: {unmet: backorder}\n"))
    assert waiting("sum(order)") == 15
    assert waiting("sum(back, over=[sku, scenario])") == [5, 0, 0]
    assert lost.kpi("service") == pytest.approx(1 - 5 / 15)
    assert waiting.kpi("service") == pytest.approx(1 - 5 / 15)  # late counts once, in the period of its demand
    assert waiting.kpi("stockout_probability") == [1.0]


def test_orders_come_in_whole_lots_of_at_least_the_moq() -> None:
    offers = {"lot_size": [4.0], "moq": [10.0]}
    assert Held(shop([[5]], offers=offers))("sum(order)") == 8  # two lots; the moq is not asked for
    assert Held(shop([[5]], offers=offers, goal="limits: {moq: true}\n"))("sum(order)") == 12


def test_an_order_to_a_supplier_costs_once_per_period() -> None:
    held = Held(shop([[5, 5], [5, 5]], suppliers={"order_cost": [20.0]}))
    assert held("sum(placed, over=supplier)") == [1, 0]
    assert held.solution.objective == pytest.approx(20 + 20 + 10 * 0.01)


def test_an_order_is_worth_at_least_the_suppliers_minimum() -> None:
    held = Held(shop([[5]], suppliers={"min_order_value": [8.0]}, goal="limits: {order_minimum: true}\n",
                     offers={"moq": [8.0]}))
    assert held("sum(spend)") == 8


def test_capacity_of_suppliers_and_offers_binds_per_period() -> None:
    two = {"supplier": ["S", "T"], "capacity": [3.0, None]}
    offers = {"sku": ["A0", "A0"], "supplier": ["S", "T"], "price": [1.0, 2.0], "capacity": [None, 1.0]}
    held = Held(shop([[6]], suppliers=two, offers=offers, goal="limits: {capacity: true}\n"))
    assert held("sum(order, over=[sku, period])") == [3, 1]
    assert held("sum(short)") == [2]


def test_a_budget_holds_over_the_horizon_or_in_each_period() -> None:
    whole = Held(shop([[5, 5]], goal="limits: {budget: {max: 8 EUR}}\n"))
    assert whole("sum(spend)") == 8
    each = Held(shop([[5, 5]], goal="limits: {budget: {max: 4 EUR, over: period}}\n"))
    assert each("sum(spend, over=[sku, supplier])") == [4, 4]


def test_service_holds_overall_per_sku_or_per_category() -> None:
    free = {"skus": {"sku": ["A0", "A1"], "category": ["x", "y"], "holding_cost": [0.01] * 2, "shortage_cost": [0.0, 0.0]}}
    offers = {"sku": ["A0", "A1"], "supplier": ["S", "S"], "price": [1.0, 9.0]}
    overall = Held(shop([[10], [10]], **free, offers=offers, goal="limits: {service: {min: 60 %}}\n"))
    assert overall("sum(short, over=[period, scenario])") == [0, 8]
    per_sku = Held(shop([[10], [10]], **free, offers=offers, goal="limits: {service: {min: 60 %, per: sku}}\n"))
    assert per_sku("sum(short, over=[period, scenario])") == [4, 4]
    per_category = Held(shop([[10], [10]], **free, offers=offers, goal="limits: {service: {min: 60 %, per: category}}\n"))
    assert per_category("sum(short, over=[period, scenario])") == [4, 4]


def test_service_in_most_scenarios_may_miss_the_dearest() -> None:
    demand = np.array([10.0, 10.0, 10.0, 30.0]).reshape(1, 1, 1, 4)
    free = {"sku": ["A0"], "holding_cost": [0.0], "shortage_cost": [0.0]}
    for hold, order in (("always", 30), ("p75", 10), ("mean", 15)):
        held = Held(shop(demand, skus=free, goal=f"limits: {{service: {{min: 100 %, hold: {hold}}}}}\n"))
        if hold != "mean":
            assert held("sum(order)") == order
        else:
            assert held("sum(order)") == 30  # the mean shortage is 0 only if every shortage is


def test_storage_holds_at_the_end_of_every_period_in_every_scenario() -> None:
    volume = {"sku": ["A0"], "holding_cost": [0.0], "shortage_cost": [100.0], "volume": [2.0]}
    held = Held(shop([[5, 9]], skus=volume, suppliers={"order_cost": [1.0]}, goal="limits: {storage: {max: 10 m3}}\n"))
    assert held("sum(order, over=[sku, supplier])") in ([10, 4], [5, 9])
    assert max(held("sum(volume * stock, over=[sku, scenario])")) <= 10
    room = Held(shop([[5, 9]], skus=volume, suppliers={"order_cost": [100.0]}, goal="limits: {storage: true}\n",
                     parameters={"storage_capacity": Quantity(6.0, "m3")}))
    assert max(room("sum(volume * stock, over=[sku, scenario])")) <= 6


def test_a_supplier_gets_no_more_than_its_share() -> None:
    offers = {"sku": ["A0", "A0"], "supplier": ["S", "T"], "price": [1.0, 1.5]}
    held = Held(shop([[10]], suppliers={"supplier": ["S", "T"]}, offers=offers, goal="limits: {supplier_share: {max: 60 %}}\n"))
    spend = held.kpi("spend_by_supplier")
    assert max(spend) <= 0.6 * sum(spend) + 1e-6


def test_a_price_break_covers_all_units() -> None:
    offers = {"sku": ["A0"] * 2, "supplier": ["S"] * 2, "price": [10.0, 8.0], "min_qty": [1.0, 100.0]}
    free = {"sku": ["A0"], "holding_cost": [0.0], "shortage_cost": [100.0]}
    held = Held(shop([[95]], offers=offers, skus=free))
    assert held("sum(order)") == 100  # 100 at 8 are cheaper than 95 at 10
    assert held("sum(spend)") == 800
    assert [(s.qty, s.price, s.cost) for s in steps_of(held.model, held.values)] == [(100, 8.0, 800.0)]  # the line's price is the break's
    few = Held(shop([[60]], offers=offers, skus=free))
    assert few("sum(spend)") == 600
    assert [(s.qty, s.price, s.cost) for s in steps_of(few.model, few.values)] == [(60, 10.0, 600.0)]


def test_stock_older_than_its_shelf_life_is_waste() -> None:
    keeps = {"sku": ["A0"], "holding_cost": [0.0], "shortage_cost": [100.0], "shelf_life": [2.0], "waste_cost": [3.0]}
    stock = {"sku": ["A0"], "on_hand": [10.0]}
    fresh = Held(shop([[2, 2, 2, 2]], skus=keeps, stock=stock, goal="limits: {shelf_life: true}\n"))
    # Of the ten, two are eaten in each of three weeks; at the end of the third the rest is older than two weeks.
    assert fresh.kpi("waste") == pytest.approx(4)
    assert fresh("sum(order)") == 2
    assert Held(shop([[2, 2, 2, 2]], skus=keeps, stock=stock))("sum(order)") == 0


def test_enough_is_left_at_the_end() -> None:
    held = Held(shop([[4, 4]], goal="limits: {ending_stock: {cover: 1.5}}\n"))
    assert held("sum(stock, over=[sku, scenario])")[-1] == 6


def test_salvage_at_the_end_is_worth_its_price() -> None:
    skus = {"sku": ["A0"], "holding_cost": [0.0], "shortage_cost": [0.2], "salvage": [0.9]}
    held = Held(shop([[4]], skus=skus, stock={"sku": ["A0"], "on_hand": [9.0]}))
    assert held.solution.objective == pytest.approx(-0.9 * 9 + 0.2 * 4)  # selling for 0.2 is worse than keeping for 0.9


def test_a_sku_with_little_history_keeps_safety_stock() -> None:
    sure = Held(shop([[5]], sigma=4.0))
    poor = Held(shop([[5]], sigma=4.0, quality={"A0": "poor"}, goal="limits: {safety_stock: {z: 2, share: 10 %}}\n"))
    assert sure("sum(order)") == 5
    assert poor("sum(order)") == 13  # 2 · 4 · √(0 + 1) more


def test_locations_have_their_own_stock_demand_and_room() -> None:
    demand = np.array([3.0, 7.0]).reshape(1, 2, 1, 1)
    held = Held(shop(demand, locations={"location": ["L", "M"], "storage_capacity": [5.0, 5.0]},
                     stock={"sku": ["A0", "A0"], "location": ["L", "M"], "on_hand": [9.0, 1.0]}))
    assert held("sum(order, over=[sku, supplier, period])") == [0, 6]


def test_the_risk_term_is_the_tail_of_cost() -> None:
    demand = np.array([5.0, 15.0]).reshape(1, 1, 1, 2)
    goal = "limits: {}\n"
    model = shop(demand, goal=goal, skus={"sku": ["A0"], "holding_cost": [1.0], "shortage_cost": [4.0]})
    assert "risk" in model.exprs
    held = Held(model)
    assert held.kpi("service") == pytest.approx(1.0)


def test_what_a_context_does_not_have_leaves_no_trace() -> None:
    model = shop([[5]])
    assert {v.name for v in model.vars} == {"lots", "stock", "short"}
    assert [r.name for r in model.rules] == ["balance"]
    assert "location" not in model.dims

"""The bakery: a synthetic project of 40 SKUs, six suppliers, two currencies and two years of daily sales with gaps.

Everything is drawn from one seed with the standard library's generator, so the files are the same on every machine.
"""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Final

__all__ = ["bakery_files"]

SEED: Final = 20261130
START: Final = date(2026, 11, 30)
DAYS: Final = 728
GROUPS: Final = {
    "flour": ("WHEAT", "RYE", "SPELT", "OAT", "CORN", "RICE", "MALT", "SEMOLINA"),
    "dairy": ("BUTTER", "CREAM", "MILK", "YOGURT", "CHEESE", "EGGS", "QUARK", "WHEY"),
    "sweet": ("SUGAR", "HONEY", "JAM", "COCOA", "CHOCOLATE", "VANILLA", "SYRUP", "MARZIPAN"),
    "fruit": ("APPLE", "CHERRY", "RAISIN", "PLUM", "LEMON", "ALMOND", "WALNUT", "HAZELNUT"),
    "pack": ("BAG-S", "BAG-L", "BOX-S", "BOX-L", "WRAP", "LABEL", "CUP", "TRAY"),
}
SUPPLIERS: Final = (
    ("V1", "Mill and Field", "local", 20, 80, 3),
    ("V2", "Dairy Ring", "local", 18, 60, 2),
    ("V3", "Sweet Trade", "national", 35, 150, 6),
    ("V4", "Orchard Union", "national", 30, 120, 8),
    ("V5", "Packwell", "national", 25, 100, 7),
    ("V6", "Harbour Import", "import", 60, 300, 13),
)

_CONTEXT: Final = """# SYNTHETIC: 40 SKUs of a bakery, six suppliers, two currencies, two years of daily use with gaps (seed 20261130).
dsl: context/v1
currency: USD
rates:
  - {from: EUR, to: USD, rate: 1.08, date: 2026-11-27}
tables:
  skus: {file: skus.csv, units: {volume: m3/each, holding_cost: USD/each, shortage_cost: USD/each}}
  suppliers: {file: suppliers.csv, units: {order_cost: USD, min_order_value: USD, lead_days: days, capacity: each}}
  offers: {file: offers.csv, units: {price: EUR/each, moq: each, lot_size: each, capacity: each, co2: kg/each}}
  stock: {file: stock.csv, units: {on_hand: each}}
  orders: {file: orders.csv, units: {quantity: each}}
  history: {file: history.csv, units: {quantity: each}}
  deliveries: {file: deliveries.csv}
parameters:
  storage_capacity: 60 m3
privacy:
  pii: [suppliers.contact_email]
"""

_GOAL: Final = """dsl: goal/v1
id: weekly
title: Twelve weeks of orders for the bakery
owner: purchasing
model: replenishment
context: ../fixtures/context.yaml
horizon: {periods: 12, every: week, start: 2026-11-30}
forecast: {model: auto, num_scenarios: 50, seed: 424242, reduce: {to: 6, method: stratified}}
objective:
  cost: 1.0
  shortage: 1.0
limits:
  budget: {max: 80000 USD, over: horizon}
  service: {min: 85 %, hold: p95}
  storage: {max: 60 m3}
  moq: true
robust: {aggregation: mean}
explain: {track: [budget, moq, balance, lead_time], sensitivities: [price, moq]}
solver: {backend: auto, time_limit: 30 s, mip_gap: 0.02, threads: 1, seed: 424242}
policies: [all]
"""


def _csv(header: str, rows: list[tuple[object, ...]]) -> bytes:
    return "".join([header + "\n", *(",".join(str(v) for v in row) + "\n" for row in rows)]).encode()


def _poisson(rng: random.Random, mean: float) -> int:
    """Draw a Poisson count: Knuth's product for small means, a rounded normal above 30."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _history(rng: random.Random, sku: str, level: float) -> list[tuple[object, ...]]:
    phase = rng.uniform(0, 2 * math.pi)
    first = START - timedelta(days=DAYS)
    gap = rng.randrange(DAYS - 40) if rng.random() < 0.25 else -1
    rows: list[tuple[object, ...]] = []
    for d in range(DAYS):
        if gap <= d < gap + 10:
            continue
        day = first + timedelta(days=d)
        season = 1 + 0.2 * math.sin(2 * math.pi * d / 364 + phase)
        week = (0.9, 0.9, 1.0, 1.0, 1.2, 1.4, 0.6)[day.weekday()]
        rows.append((sku, day.isoformat(), _poisson(rng, level * season * week)))
    return rows


def bakery_files() -> dict[str, bytes]:
    """Return the project's files by name: goals/weekly.yaml and fixtures/."""
    rng = random.Random(SEED)  # noqa: S311  # synthetic data, not a secret
    skus: list[tuple[object, ...]] = []
    offers: list[tuple[object, ...]] = []
    stock: list[tuple[object, ...]] = []
    orders: list[tuple[object, ...]] = []
    history: list[tuple[object, ...]] = []
    for group, names in GROUPS.items():
        for name in names:
            level = round(rng.uniform(2, 14), 1)
            price = round(rng.uniform(0.8, 6.0), 2)
            lot = rng.choice((6, 12, 24))
            life = rng.randint(3, 6) if group == "dairy" else ""
            skus.append(
                (
                    name,
                    name.title(),
                    group,
                    "each",
                    round(rng.uniform(0.001, 0.008), 4),
                    round(0.01 * price, 4),
                    round(1.2 * price, 2),
                    life,
                )
            )
            for supplier in sorted(rng.sample(range(len(SUPPLIERS)), rng.randint(2, 3))):
                capacity = lot * math.ceil(level * 7 * rng.uniform(2.0, 3.0) / lot)
                moq = lot * rng.randint(1, 3)
                offers.append(
                    (
                        name,
                        SUPPLIERS[supplier][0],
                        round(price * rng.uniform(0.9, 1.12), 3),
                        moq,
                        lot,
                        max(capacity, moq),
                        round(rng.uniform(0.05, 0.6), 3),
                    )
                )
            stock.append((name, round(level * 7 * rng.uniform(2.0, 3.4))))
            if rng.random() < 0.3:
                orders.append((name, lot * rng.randint(1, 3), (START + timedelta(days=rng.randrange(7))).isoformat()))
            history += _history(rng, name, level)
    deliveries = [
        (
            s[0],
            (day := START - timedelta(days=rng.randint(30, 350))).isoformat(),
            (day + timedelta(days=max(1, round(rng.lognormvariate(math.log(int(s[5])), 0.3))))).isoformat(),
        )
        for s in SUPPLIERS
        for _ in range(40)
    ]
    suppliers = [(*s, 4000, f"orders@{s[0].lower()}.example") for s in SUPPLIERS]
    fixtures = {
        "skus.csv": _csv("sku,name,category,unit,volume,holding_cost,shortage_cost,shelf_life", skus),
        "suppliers.csv": _csv(
            "supplier,name,region,order_cost,min_order_value,lead_days,capacity,contact_email", [tuple(s) for s in suppliers]
        ),
        "offers.csv": _csv("sku,supplier,price,moq,lot_size,capacity,co2", offers),
        "stock.csv": _csv("sku,on_hand", stock),
        "orders.csv": _csv("sku,quantity,due", orders),
        "history.csv": _csv("sku,date,quantity", history),
        "deliveries.csv": _csv("supplier,ordered_on,received_on", sorted(deliveries)),
        "context.yaml": _CONTEXT.encode(),
    }
    return {"goals/weekly.yaml": _GOAL.encode(), **{f"fixtures/{k}": v for k, v in fixtures.items()}}

"""Work a plan of the bakery out again: from its order lines, the tables as they were written and its scenarios.

    python3 work_it_out.py RUN FIXTURES     prints a line per law: it holds, or what is off

Nothing of dyocense is used, and nothing of its results but the figures that are compared.
"""

import csv
import datetime as dt
import json
import math
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

RATE = 1.08  # EUR to USD, fixtures/context.yaml
run, fixtures = Path(sys.argv[1]), Path(sys.argv[2])


def table(name):
    with (fixtures / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


solution = json.loads((run / "solution.json").read_text())
goal = json.loads((run / "goal.json").read_text())
worlds = json.loads((run / "scenarios.json").read_text())["scenarios"]
with (run / "plan.csv").open(newline="") as file:
    lines = list(csv.DictReader(file))

skus = {r["sku"]: r for r in table("skus")}
offers = {(r["sku"], r["supplier"]): r for r in table("offers")}
suppliers = {r["supplier"]: r for r in table("suppliers")}
n = goal["horizon"]["periods"]
start = dt.date.fromisoformat(goal["horizon"]["start"])
names = sorted(skus)
at = {sku: i for i, sku in enumerate(names)}
weight = np.array([w["probability"] for w in worlds])

# stock of every SKU at the end of every week in every scenario, by the recursion of lost sales
opening, due = np.zeros(len(names)), np.zeros((len(names), n))
for r in table("stock"):
    opening[at[r["sku"]]] += float(r["on_hand"])
for r in table("orders"):
    week = (dt.date.fromisoformat(r["due"]) - start).days // 7
    if 0 <= week < n:
        due[at[r["sku"]], week] += float(r["quantity"])
demand, stock, missed = (np.zeros((len(names), n, len(worlds))) for _ in range(3))
for w, world in enumerate(worlds):
    for sku, i in at.items():
        demand[i, :, w] = [world["demand"][f"{sku}:t{t + 1}"] for t in range(n)]
    arrives = due.copy()
    for line in lines:
        lead = math.ceil(world["lead_time_days_by_supplier"][line["supplier"]] / 7 - 1e-9)
        week = int(line["period"][1:]) - 1 + lead
        if week < n:
            arrives[at[line["sku"]], week] += float(line["quantity"])
    here = opening.copy()
    for t in range(n):
        here = here + arrives[:, t]
        missed[:, t, w] = np.maximum(demand[:, t, w] - here, 0.0)
        here = np.maximum(here - demand[:, t, w], 0.0)
        stock[:, t, w] = here

cost = defaultdict(float)
emitted, off = 0.0, []
for line in lines:
    offer, quantity = offers[line["sku"], line["supplier"]], float(line["quantity"])
    lots = quantity / float(offer["lot_size"])
    price = float(offer["price"]) * RATE
    off += [line["line"]] * (abs(lots - round(lots)) > 1e-9 or quantity < float(offer["moq"]) or quantity > float(offer["capacity"]))
    off += [line["line"]] * (abs(price * quantity - float(line["cost"])) > 1e-6)
    cost[line["supplier"]] += price * quantity
    emitted += float(offer["co2"]) * quantity
ordering = sum(float(suppliers[s]["order_cost"]) for s, _ in {(x["supplier"], x["period"]) for x in lines})
holding = sum(float(skus[s]["holding_cost"]) * (stock[i].sum(axis=0) @ weight) for s, i in at.items())
short = sum(float(skus[s]["shortage_cost"]) * (missed[i].sum(axis=0) @ weight) for s, i in at.items())


def mean(values):
    return values @ weight


expected = {
    "total_cost": sum(cost.values()) + ordering + holding,
    "service": 1 - mean(missed).sum() / mean(demand).sum(),
    "co2": emitted,
    "inventory_turns": n * mean(demand - missed).sum() / max(mean(stock).sum(), 0.001),
    "fill_rate_by_sku": {s: 1 - mean(missed[i]).sum() / mean(demand[i]).sum() for s, i in at.items()},
    "stockout_probability": {s: mean((missed[i].sum(axis=0) > 0.001).astype(float)) for s, i in at.items()},
    "spend_by_supplier": {s: cost[s] for s in suppliers},
}


def close(mine, theirs):
    if isinstance(theirs, dict):
        return set(mine) >= set(theirs) and all(close(mine[k], theirs[k]) for k in theirs)
    return abs(mine - theirs) <= 1e-6 * max(1.0, abs(theirs))


print("whole lots, minimum orders, capacities, prices:", "hold" if not off else f"off on {off}")
budget = goal["limits"]["budget"]["max"]["value"]
print("spend within the budget:", "holds" if sum(cost.values()) + ordering <= budget + 1e-6 else "off")
floor = goal["limits"]["service"]["min"]
print("service as asked:", "holds" if expected["service"] >= floor["value"] / (100 if floor["unit"] == "%" else 1) - 1e-9 else f"off: {expected['service']}")
for name, theirs in solution["kpis"].items():
    print(f"kpi {name}:", "holds" if name in expected and close(expected[name], theirs) else f"off: {expected.get(name)} != {theirs}")

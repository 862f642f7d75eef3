"""Decision gap of scenario reduction for replenishment plans of `goals/grocery-weekly.yaml`, lots and shared limits relaxed.

    python benchmarks/forecast_plan.py [--full 400]

Each of the 48 SKUs is a two-stage linear program over the goal's eight weeks: orders here and now at the lowest offered price, lead
times of that supplier per scenario, holding and shortage as recourse. A lost unit costs twice its price, in place of the service limit that
SKUs share. A plan made on reduced scenarios is paid for under the full set and
compared with the plan made on the full set. Limits that SKUs share are left out, so that each program is solved to optimality.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.artifacts.goal import ReduceOptions
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.context.request import forecast_request, sample_request
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal
from dyocense_cli.kernel.scenarios.sample import sample
from dyocense_cli.kernel.scenarios.select import SELECT

GOAL = "goals/grocery-weekly.yaml"


def world():
    workspace = DirectoryWorkspace(".")
    goal = parse_goal(workspace.text(GOAL), file=GOAL, overrides={})
    name = workspace.resolve(GOAL, goal.context)
    spec = parse_context(workspace.text(name), file=name)
    context = bind(goal, spec, workspace.tables(spec))
    return context, BuiltinForecaster().forecast(forecast_request(goal, context)), sample_request(goal, context)


def items(context):
    """Return per SKU: opening stock, holding cost, cost of a lost unit, lowest price and its supplier."""
    skus, offers, stock = (context.tables[t] for t in ("skus", "offers", "stock"))
    opening = dict(zip(stock.columns["sku"].text(), stock.columns["on_hand"].values, strict=True))
    best = {}
    rows = zip(offers.columns["sku"].text(), offers.columns["supplier"].text(), offers.columns["price"].values, strict=True)
    for sku, supplier, price in rows:
        if sku not in best or price < best[sku][0]:
            best[sku] = (float(price), supplier)
    columns = (skus.columns["sku"].text(), skus.columns["holding_cost"].values)
    return {s: (float(opening.get(s, 0.0)), float(h), 2 * best[s][0], *best[s]) for s, h in zip(*columns, strict=True) if s in best}


def due(lead: np.ndarray, h: int) -> np.ndarray:
    """Return arrival matrices (s, h, h): 1 where an order of period t is there in period k of a scenario."""
    shift = np.ceil(lead / 7.0).astype(int)
    k, t = np.meshgrid(np.arange(h), np.arange(h), indexing="ij")
    return (k[None] == t[None] + shift[:, None, None]).astype(float)


def plan(demand, arrive, p, item):
    """Return orders (h,) that minimise expected cost on scenarios `demand` (h, s)."""
    opening, hold, short, price, _ = item
    h, s = demand.shape
    rows = h * s
    eye = sparse.identity(rows, format="csr")
    back = sparse.kron(sparse.identity(s), sparse.diags([np.ones(h - 1)], [-1], shape=(h, h)), format="csr")
    order = sparse.csr_matrix(arrive.reshape(rows, h))
    # stock_k - stock_{k-1} - arrivals - short = opening (first period) - demand
    a = sparse.hstack([-order, eye - back, -eye], format="csr")
    b = -demand.T.reshape(rows)
    b[::h] += opening
    weight = np.repeat(p, h)
    cost = np.concatenate([np.full(h, price), hold * weight, short * weight])
    most = np.concatenate([np.full(h + rows, np.inf), demand.T.reshape(rows)])
    found = linprog(cost, A_eq=a, b_eq=b, bounds=np.stack([np.zeros_like(most), most], axis=1), method="highs")
    return np.maximum(found.x[:h], 0.0)


def pay(x, demand, arrive, p, item):
    """Return the expected cost of orders on scenarios: purchases, and holding with shortage."""
    opening, hold, short, price, _ = item
    level = np.full(demand.shape[1], opening)
    cost = np.zeros(demand.shape[1])
    for k in range(len(demand)):
        level = level + arrive[:, k] @ x - demand[k]
        cost += short * np.maximum(-level, 0.0)
        level = np.maximum(level, 0.0)
        cost += hold * level
    return np.array([price * x.sum(), float(cost @ p)])


def total(scenarios, full, goods):
    """Return the cost under `full` of the plans made on `scenarios`, summed over SKUs."""
    made, paid = scenarios.tables["demand"], full.tables["demand"]
    leads = scenarios.tables["lead_days"], full.tables["lead_days"]
    h = made.values.shape[2]
    out = np.zeros(2)
    for i, sku in enumerate(made.labels["sku"]):
        if sku in goods:
            j = leads[0].labels["supplier"].index(goods[sku][4])
            orders = plan(made.values[i, 0], due(leads[0].values[j], h), scenarios.probability, goods[sku])
            out += pay(orders, paid.values[i, 0], due(leads[1].values[j], h), full.probability, goods[sku])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", type=int, default=400)
    args = parser.parse_args()
    context, made, request = world()
    goods = items(context)
    base = dataclasses.replace(request, num_scenarios=args.full, pool=0, fresh=1, reduce=None)
    full = sample(made, base)
    start = time.process_time()
    best = total(full, full, goods)
    cpu = time.process_time() - start
    print(f"{len(goods)} SKUs, {args.full} scenarios: purchases {best[0]:,.0f}, holding and shortage {best[1]:,.0f}, {cpu:.0f} s CPU")
    for to in (50, 20):
        for method in (*SELECT, "first drawn"):
            if method == "first drawn":
                kept = sample(made, dataclasses.replace(base, num_scenarios=to))
            else:
                kept = sample(made, dataclasses.replace(base, num_scenarios=to, pool=args.full, reduce=ReduceOptions(to, method)))
            more = (total(kept, full, goods) - best).sum()
            news = kept.reduction.get("newsvendor_gap", float("nan"))
            cost = f"plan costs {more / best.sum():6.2%} more ({more / best[1]:.2%} of holding and shortage)"
            print(f"{args.full} → {to:3}  {method:12} {cost}  newsvendor {news:7.2%}")


if __name__ == "__main__":
    main()

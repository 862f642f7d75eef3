"""Time to compile: the shipped weekly goal in a warm process, and synthetic assortments from 1e2 to 1e5 SKUs.

``python -m benchmarks.compile`` prints CPU milliseconds. Per SKU, a larger assortment must not cost more than 1.3 times a smaller one.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from pathlib import Path

import numpy as np

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.context.request import forecast_request, sample_request
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.scenarios.sample import sample

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "dyocense_cli" / "models" / "replenishment.yaml"


def grocery() -> tuple[Goal, Context, ScenarioSet]:
    """Return the shipped weekly goal with its own forecast."""
    workspace = DirectoryWorkspace(str(ROOT))
    goal = parse_goal((ROOT / "goals/grocery-weekly.yaml").read_text(), file="goals/grocery-weekly.yaml")
    name = workspace.resolve("goals/grocery-weekly.yaml", goal.context)
    spec = parse_context(workspace.text(name), file=name)
    context = bind(goal, spec, workspace.tables(spec))
    return goal, context, sample(BuiltinForecaster().forecast(forecast_request(goal, context)), sample_request(goal, context))


def assortment(goal: Goal, n: int, periods: int = 8, scenarios: int = 5, suppliers: int = 12) -> tuple[Goal, Context, ScenarioSet]:
    """Return `n` SKUs, each offered by three of twelve suppliers."""
    rng = np.random.default_rng(n)
    skus, names = tuple(f"K{i:06d}" for i in range(n)), tuple(f"S{j:02d}" for j in range(suppliers))
    per = tuple(f"t{t + 1}" for t in range(periods))
    codes = np.arange(n, dtype=np.int32)
    sku = np.repeat(codes, 3)
    supplier = ((codes[:, None] + np.array([0, 3, 7])) % suppliers).astype(np.int32).reshape(-1)
    draw = rng.uniform
    tables = {
        "skus": Table(
            {
                "sku": Column(codes, None, skus),
                "volume": Column(draw(0.001, 0.01, n)),
                "holding_cost": Column(draw(0.01, 0.1, n)),
                "shortage_cost": Column(draw(1, 3, n)),
                "shelf_life": Column(rng.integers(2, 6, n).astype(float)),
            },
            n,
        ),
        "suppliers": Table(
            {
                "supplier": Column(np.arange(suppliers, dtype=np.int32), None, names),
                "order_cost": Column(draw(20, 60, suppliers)),
                "capacity": Column(np.full(suppliers, 50.0 * n)),
            },
            suppliers,
        ),
        "offers": Table(
            {
                "sku": Column(sku, None, skus),
                "supplier": Column(supplier, None, names),
                "price": Column(draw(1, 9, 3 * n)),
                "moq": Column(np.full(3 * n, 24.0)),
                "lot_size": Column(np.full(3 * n, 6.0)),
                "capacity": Column(np.full(3 * n, 400.0)),
            },
            3 * n,
        ),
        "stock": Table({"sku": Column(codes, None, skus), "on_hand": Column(draw(10, 60, n))}, n),
    }
    starts = tuple(str(np.datetime64("2026-11-30") + 7 * t) for t in range(periods))
    context = Context("USD", tables, {}, (), (), per, starts, 7.0)
    demand = rng.poisson(20.0, (n, 1, periods, scenarios)).astype(float)
    lead = rng.integers(1, 15, (suppliers, scenarios)).astype(float)
    labels = {"sku": skus, "location": ("main",), "period": per}
    futures = ScenarioSet(
        per,
        tuple(range(scenarios)),
        np.full(scenarios, 1 / scenarios),
        {
            "demand": ScenarioTable(("sku", "location", "period", "scenario"), labels, demand, "each"),
            "lead_days": ScenarioTable(("supplier", "scenario"), {"supplier": names}, lead, "day"),
        },
    )
    return goal, context, futures


def timed(goal: Goal, context: Context, futures: ScenarioSet, repeats: int) -> tuple[list[float], float, int]:
    """Return CPU milliseconds of each compile, of one grounding, and the nonzeros."""
    spec = parse_model(MODEL.read_text(), file=MODEL.name)
    out = []
    model = compile_goal(goal, spec, context, futures)
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        model = compile_goal(goal, spec, context, futures)
        out.append(1e3 * (time.process_time() - start))
    start = time.process_time()
    arrays = ground(model)
    return out, 1e3 * (time.process_time() - start), arrays.nnz


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000)
    args = parser.parse_args()
    goal, context, futures = grocery()
    times, grounding, nnz = timed(goal, context, futures, 20)
    p50, p95 = statistics.median(times), sorted(times)[18]
    print(f"grocery-weekly, warm: P50 {p50:.1f} ms, P95 {p95:.1f} ms; ground {grounding:.1f} ms, {nnz} nonzeros")
    plain = parse_goal((ROOT / "goals/grocery-weekly.yaml").read_text().replace("p95}\nexplain", "mean}\nexplain"), file="g.yaml")
    print(f"{'SKUs':>8s}{'compile ms':>12s}{'us per SKU':>12s}{'ground ms':>11s}{'nonzeros':>11s}")
    size = 100
    while size <= args.most:
        times, grounding, nnz = timed(*assortment(plain, size), repeats=5 if size < 50_000 else 3)
        best = min(times)
        print(f"{size:8d}{best:12.1f}{1e3 * best / size:12.1f}{grounding:11.1f}{nnz:11d}", flush=True)
        size *= 10


if __name__ == "__main__":
    main()

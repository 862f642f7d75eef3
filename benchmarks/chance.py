"""What rows that chances imply do for goals with p90 and p95 rules: relaxation, nodes and CPU seconds with and without them.

    python -m benchmarks.chance                  # dairy, capacity, grocery-weekly at p95 with 20 scenarios
    python -m benchmarks.chance --limit 60       # seconds of CPU per search in one piece

Through the program's own compiler; times are process CPU seconds of one run on one core. `plan` is the program's own way to solve.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from dyocense_cli import wiring
from dyocense_cli.adapters import registry
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.optimizer.quantile import strengthened
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.runner.order import Order
from dyocense_cli.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
GOALS = {"dairy": {}, "capacity": {}, "grocery-weekly": {"forecast.reduce.to": "20"}}


def model_of(name: str, overrides: dict[str, str]) -> OptiModel:
    """Return the compiled model of a shipped goal."""
    kernel = wiring.build(load_settings(start=ROOT))
    model: OptiModel = kernel.run(Order(goal=f"goals/{name}.yaml", overrides=overrides), until="compile").held["optimodel"].value
    return model


def searched(program: GroundModel, lent: Lent, limit_s: float) -> str:
    """Return how a search in one piece to 0.1 % ends."""
    began = time.process_time()
    found = lent.solve(program, SolveLimits(time_s=limit_s, gap=1e-3, seed=1, duals=False))
    gap = "-" if found.gap is None else f"{100 * found.gap:.2f}%"
    nodes, spent = found.diagnostics.get("nodes", 0), time.process_time() - began
    return f"{found.status} gap {gap} bound {found.bound or 0:.1f} nodes {nodes:.0f} CPU {spent:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=20.0)
    limit_s = parser.parse_args().limit
    highs = registry.load("solver", "highs")()

    def solve(model: GroundModel, limits: SolveLimits, *, start: np.ndarray | None = None, **_: object) -> Solution:
        answer: Solution = highs.solve(model, limits, start=start)
        return answer

    lent = Lent(ground, solve, None, time.process_time)
    for name, overrides in GOALS.items():
        model = model_of(name, overrides)
        plain = ground(model)
        began = time.process_time()
        strong = strengthened(plain, SolveLimits(), lent)
        took = time.process_time() - began
        low, high = (highs.solve(relaxed(p), SolveLimits(duals=False)).objective for p in (plain, strong.ground))
        print(f"{name}: {plain.n_rows} rows, {strong.rows} more in {took:.2f} CPU s; relaxation {low:.1f} -> {high:.1f}", flush=True)
        for what, program in (("without", plain), ("with", strong.ground)):
            print(f"  one piece {what:8s} {searched(program, lent, limit_s)}", flush=True)
        began = time.process_time()
        plan = solve_model(model, SolverOptions("auto", limit_s, 0.01, 1, 1), lent=lent)
        gap = "-" if plan.gap is None else f"{100 * plan.gap:.2f}%"
        kept = plan.x is not None and check(model, plan).ok
        spent = time.process_time() - began
        print(f"  plan {plan.status} {plan.objective} gap {gap} {plan.method} CPU {spent:.1f} {'ok' if kept else 'none'}", flush=True)


if __name__ == "__main__":
    main()

"""A project with a hard knapsack: plans at once, a proof never. ``python -m tests.cli.knapsack DIR`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from dyocense_cli import wiring
from dyocense_cli.runner.incumbents import Incumbent, incumbent
from dyocense_cli.runner.order import Order
from dyocense_cli.settings import load_settings

__all__ = ["kept", "make"]

MODEL = """
dsl: model/v1
dimensions:
  item: {from: items.item}
  rule: {from: rules.rule}
parameters:
  worth: {dims: [item], from: items.worth}
  weight: {dims: [item, rule], from: weights.weight}
  room: {dims: [rule], from: rules.room}
variables:
  take: {dims: [item], binary: true}
constraints:
  fits: {dims: [rule], expression: "sum(weight * take, over=item) <= room", intent: "What is taken fits in {rule}", relax: false}
objective:
  sense: maximize
  terms: {worth: sum(worth * take)}
kpis: {taken: sum(take)}
"""
GOAL = """
dsl: goal/v1
id: hard
model: knapsack.yaml
context: ../context.yaml
horizon: {periods: 1, every: week, start: 2026-11-30}
objective: {worth: 1.0}
forecast: {seed: 7}
robust: {aggregation: mean}
solver: {time_limit: 1 s, mip_gap: 0.0, threads: 1}
"""
CONTEXT = """
dsl: context/v1
currency: EUR
tables:
  items: {file: items.csv}
  rules: {file: rules.csv}
  weights: {file: weights.csv}
"""


def make(folder: Path) -> Path:
    """Write the project: 120 items under 8 limits."""
    (folder / "goals").mkdir(parents=True)
    (folder / "dyocense.toml").write_text("", "utf-8")
    (folder / "goals" / "knapsack.yaml").write_text(MODEL, "utf-8")
    (folder / "goals" / "hard.yaml").write_text(GOAL, "utf-8")
    (folder / "context.yaml").write_text(CONTEXT, "utf-8")
    rng = np.random.default_rng(11)
    n, m = 120, 8
    worth, weight = rng.integers(50, 100, n), rng.integers(10, 100, (m, n))
    (folder / "items.csv").write_text("item,worth\n" + "".join(f"I{j:03d},{w}\n" for j, w in enumerate(worth)), "utf-8")
    (folder / "rules.csv").write_text("rule,room\n" + "".join(f"R{i},{50 * n // 4}\n" for i in range(m)), "utf-8")
    lines = "".join(f"I{j:03d},R{i},{weight[i, j]}\n" for j in range(n) for i in range(m))
    (folder / "weights.csv").write_text("item,rule,weight\n" + lines, "utf-8")
    return folder


def kept(folder: Path) -> Incumbent | None:
    """Return the plan that an unfinished solve of the goal has stored, None so far."""
    kernel = wiring.build(load_settings({}, start=folder))
    execution = kernel.run(Order("goals/hard.yaml"), until="compile")
    return incumbent(kernel.memo, execution.held["optimodel"].fingerprint)


if __name__ == "__main__":
    make(Path(sys.argv[1]))

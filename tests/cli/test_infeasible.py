"""A budget that was typed wrong: exit 5, who is to blame, and ways out that work as printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.project import dyocense

GOAL = """
dsl: goal/v1
id: shop
title: Three weeks for a small shop
owner: purchasing
model: replenishment
context: ../context.yaml
horizon: {periods: 3, every: week, start: 2026-11-30}
forecast: {seed: 7}
objective: {cost: 1.0, shortage: 1.0}
limits:
  budget: {max: 245 EUR, over: horizon}
  service: {min: 90 %, hold: mean}
  moq: true
robust: {aggregation: mean}
solver: {time_limit: 30 s, mip_gap: 0.0001, threads: 1}
"""
CONTEXT = """
dsl: context/v1
currency: EUR
tables:
  skus:
    rows:
      - {sku: A, volume: 0.01, holding_cost: 0.05, shortage_cost: 9}
      - {sku: B, volume: 0.02, holding_cost: 0.1, shortage_cost: 12}
  suppliers:
    rows:
      - {supplier: S1, order_cost: 10, lead_days: 0}
      - {supplier: S2, order_cost: 5, lead_days: 0}
  offers:
    rows:
      - {sku: A, supplier: S1, price: 2.0, moq: 5, lot_size: 1}
      - {sku: A, supplier: S2, price: 1.8, moq: 20, lot_size: 10}
      - {sku: B, supplier: S1, price: 5.0, moq: 4, lot_size: 2}
    units: {price: EUR/each, moq: each, lot_size: each}
  stock: {rows: [{sku: A, on_hand: 5}, {sku: B, on_hand: 5}]}
  outcomes: {file: outcomes.csv, units: {demand: each}}
scenarios: {table: outcomes}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "goals").mkdir()
    (folder / "dyocense.toml").write_text("", "utf-8")
    (folder / "goals" / "shop.yaml").write_text(GOAL, "utf-8")
    (folder / "context.yaml").write_text(CONTEXT, "utf-8")
    rng = np.random.default_rng(4)
    rows = [f"{w},{sku},t{t},{rng.integers(5, 30)}" for w in range(4) for sku in "AB" for t in (1, 2, 3)]
    (folder / "outcomes.csv").write_text("scenario,sku,period,demand\n" + "\n".join(rows) + "\n", "utf-8")
    return folder


def test_the_conflict_is_named_and_every_way_out_works_as_printed(project):
    done = dyocense("plan", "goals/shop.yaml", "--json", cwd=project)
    assert done.code == 5, done.err
    conflict = done.json["iis"][0]
    assert conflict["rules"] == ["budget", "service"]
    assert conflict["proven_irreducible"] is True
    run = dyocense("evidence", "show", "@last", "--json", cwd=project)
    assert run.code == 0, run.err
    explanation = (project / "runs" / done.json["run_id"] / "explanation.json").read_text("utf-8")
    import json

    ways = json.loads(explanation)["ways"]
    assert {r["rule"] for w in ways for r in w["relaxations"]} == {"budget", "service"}
    assert [w["cost"] for w in ways] == sorted(w["cost"] for w in ways)
    for way in ways:
        assert way["verified"]
        sets = [part for r in way["relaxations"] for part in ("--set", r["set"])]
        again = dyocense("plan", "goals/shop.yaml", *sets, "--json", cwd=project)
        assert again.code == 0, again.err
        assert again.json["objective"] == pytest.approx(way["objective"], rel=0.03)


def test_without_either_rule_of_the_conflict_there_is_a_plan(project):
    for rule in ("budget", "service"):
        text = "\n".join(line for line in GOAL.splitlines() if not line.strip().startswith(f"{rule}:"))
        (project / "goals" / f"no_{rule}.yaml").write_text(text, "utf-8")
        done = dyocense("plan", f"goals/no_{rule}.yaml", "--json", cwd=project)
        assert done.code == 0, done.err
        assert done.json["status"] in ("OPTIMAL", "FEASIBLE")

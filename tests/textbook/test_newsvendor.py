"""The newsvendor buys the critical-fractile quantile of its scenarios (Snyder and Shen, chapter 4)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.cli.project import ROOT, dyocense, make_project


def test_the_plan_equals_the_critical_fractile_quantile(tmp_path: Path) -> None:
    with (ROOT / "fixtures" / "newsvendor" / "outcomes.csv").open(encoding="utf-8") as file:
        demand = np.array([float(row["demand"]) for row in csv.DictReader(file)])
    underage, overage = 1.50 - 0.60, 0.60 - 0.10
    best = np.quantile(demand, underage / (underage + overage), method="inverted_cdf")
    done = dyocense("plan", "goals/newsvendor.yaml", "--json", cwd=make_project(tmp_path))
    assert done.code == 0, done.err
    assert [step["qty"] for step in done.json["steps"]] == [best]
    cost = -np.mean(1.50 * np.minimum(demand, best) + 0.10 * np.maximum(best - demand, 0)) + 0.60 * best
    np.testing.assert_allclose(done.json["objective"], cost, rtol=1e-9)

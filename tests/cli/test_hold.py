"""Frozen periods and a limit on churn: `solve RUN --warm-start EARLIER` keeps near the earlier plan, and its run replays."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.cli.project import dyocense, make_project

DRAFT = ("--policy-unavailable=draft", "--reason", "no policies in this test")


def _lines(run: Path) -> dict[tuple[str, str, str], float]:
    with (run / "plan.csv").open(encoding="utf-8", newline="") as file:
        return {(r["sku"], r["supplier"], r["period"]): float(r["quantity"]) for r in csv.DictReader(file)}


def _newest(project: Path) -> Path:
    return max((p for p in (project / "runs").iterdir() if p.is_dir() and (p / "manifest.json").exists()), key=lambda p: p.name)


def test_a_warm_start_keeps_frozen_periods_and_churn(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert dyocense("plan", "goals/dairy.yaml", *DRAFT, cwd=project).code == 0
    first = _newest(project)
    goal = project / "goals" / "dairy.yaml"
    goal.write_text(goal.read_text("utf-8") + "freeze: 1\nmax_churn: 0.3\n", "utf-8")
    assert dyocense("plan", "goals/dairy.yaml", "--set", "limits.budget.max=7900EUR", *DRAFT, cwd=project).code == 0
    done = dyocense("solve", _newest(project).name, "--warm-start", first.name, cwd=project)
    assert done.code == 0, done.err
    before, after = _lines(first), _lines(_newest(project))
    every = {*before, *after}
    assert {k: v for k, v in before.items() if k[2] == "t1"} == {k: v for k, v in after.items() if k[2] == "t1"}
    assert sum(abs(before.get(k, 0.0) - after.get(k, 0.0)) for k in every) <= 0.3 * sum(before.values()) + 1e-6
    assert dyocense("replay", _newest(project).name, cwd=project).code == 0

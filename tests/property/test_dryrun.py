"""A dry run foretells exactly what the run then does, writes nothing, and says why."""

from __future__ import annotations

import os
import random
from pathlib import Path

from dyocense_cli import wiring
from dyocense_cli.runner.dryrun import Forecasted, foretell
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.run import Kernel, Result
from dyocense_cli.settings import load_settings
from tests.cli.project import make_project
from tests.property.test_downstream import CHANGES, NOTHING

EDITS = 200 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 8
SETS = {"forecast.num_scenarios": "6", "forecast.reduce.to": "3", "robust.aggregation": "mean", "solver.mip_gap": "0.1", "limits.service.min": "30%"}
ORDER = Order(goal="goals/dairy.yaml", overrides=SETS)


def kernel_of(project: Path) -> Kernel:
    return wiring.build(load_settings(start=project))


def files_below(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_dry_run_equals_the_run_over_random_edits(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    kernel_of(project).plan(ORDER)
    edits = {**{k: e for k, (e, _) in CHANGES.items()}, **NOTHING}
    chance = random.Random(3)
    for number in range(EDITS):
        name = chance.choice(sorted(edits))
        try:
            edits[name](project, random.Random(number))
        except AssertionError:
            continue  # the text that this edit looks for was edited away before
        before = files_below(project)
        told = foretell(kernel_of(project), ORDER)
        assert files_below(project) == before, name
        result = kernel_of(project).plan(ORDER)
        assert foretold(told, result) == result.execution.states, name


def foretold(told: list[Forecasted], result: Result) -> dict[str, str]:
    """Return the states that were told, with what was to be skipped if no plan is found, where none was."""
    found = result.value("solution") is not None and result.value("solution").x is not None
    return {f.stage: "skipped" if f.unless == "no plan is found" and not found else f.state for f in told}


def test_a_dry_run_of_a_goal_without_a_plan_is_exact_before_and_after(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    order = Order(goal="goals/dairy.yaml", overrides={**SETS, "limits.budget.max": "10EUR", "limits.service.min": "95%"})
    for states in ("run", "cached"):
        told = foretell(kernel_of(project), order)
        result = kernel_of(project).plan(order)
        assert result.status[0] == "INFEASIBLE"
        assert foretold(told, result) == result.execution.states
        assert {f.stage: f.state for f in told}["solve"] == states
    assert {f.stage: f.state for f in told}["stress"] == "skipped"


def test_a_dry_run_names_the_row_that_changed(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    kernel_of(project).plan(ORDER)
    table = project / "fixtures" / "dairy" / "offers.csv"
    lines = table.read_text("utf-8").splitlines()
    cells = lines[1].split(",")
    cells[2] = "1.5"
    lines[1] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n", "utf-8")
    told = {f.stage: f for f in foretell(kernel_of(project), ORDER)}
    assert told["forecast"].state == "cached"
    assert told["compile"].state == "run"
    assert "offers.csv row 1 price 1.134 EUR/each → 1.5 EUR/each" in told["compile"].why
    assert told["solve"].why == told["compile"].why


def test_a_first_dry_run_says_that_it_is_the_first(tmp_path: Path) -> None:
    told = foretell(kernel_of(make_project(tmp_path)), ORDER)
    assert {f.state for f in told} == {"run"}
    assert {f.why for f in told} == {"first run of this goal"}

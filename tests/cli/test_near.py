"""Planning near an earlier plan: frozen periods stay, churn stays within its bound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dyocense_cli.adapters.blobs.runs_directory import DirectoryRuns
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.runner.snapshot import snapshot_artifact
from tests.cli.project import dyocense, make_project

QUICK = ("--set", "forecast.num_scenarios=10", "--set", "forecast.reduce.to=4", "--set", "robust.aggregation=mean", "--quiet")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("near"))
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--json", cwd=folder)
    assert done.code == 0, done.err
    (folder / "first").write_text(done.json["run_id"], "utf-8")
    return folder


def lots(project: Path, run_id: str) -> np.ndarray:
    runs = DirectoryRuns(str(project / "runs"))
    model, solution = snapshot_artifact(runs, run_id, "optimodel"), snapshot_artifact(runs, run_id, "solution")
    return np.nan_to_num(split_columns(model, solution.x)["lots"])


def test_frozen_periods_keep_their_orders_and_churn_stays_within_its_bound(project: Path) -> None:
    first = (project / "first").read_text("utf-8")
    before = lots(project, first)
    frozen = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "limits.service.min=80%", "--warm-from", first, "--freeze", "1", "--json", cwd=project)
    assert frozen.code == 0, frozen.err
    after = lots(project, frozen.json["run_id"])
    np.testing.assert_array_equal(np.round(after[..., 0]), np.round(before[..., 0]))
    held = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "limits.service.min=80%", "--warm-from", first, "--max-churn", "5%", "--json", cwd=project)
    assert held.code == 0, held.err
    moved = np.abs(lots(project, held.json["run_id"]) - before).sum()
    assert moved <= 0.05 * before.sum() + 1e-6


def test_churn_that_cannot_be_kept_is_an_answer_that_says_so(project: Path) -> None:
    first = (project / "first").read_text("utf-8")
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "limits.budget.max=100EUR", "--warm-from", first, "--max-churn", "0%", "--json", cwd=project)
    assert done.code == 5, done.err
    assert json.loads(done.out)["status"] == "INFEASIBLE"


def test_a_share_of_another_form_is_refused(project: Path) -> None:
    done = dyocense("plan", "goals/dairy.yaml", "--max-churn", "much", cwd=project)
    assert done.code == 2
    assert "not a share: much" in done.err


def test_like_starts_from_the_most_similar_run_and_an_unnamed_plan_is_warned_of(project: Path) -> None:
    like = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "limits.service.min=81%", "--warm-from", "@like", "--max-churn", "8%", "--json", cwd=project)
    assert like.code == 0, like.err
    alone = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "max_churn=0.1", "--json", cwd=project)
    assert alone.code == 0, alone.err
    assert any("--warm-from" in warning for warning in alone.json["warnings"])

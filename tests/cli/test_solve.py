"""`dyocense solve`: again, from a file, stopped, killed and resumed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.optimodel.shape import optimodel_json
from tests.cli.knapsack import kept, make
from tests.cli.project import dyocense, start


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project whose goal has been planned once."""
    folder = make(tmp_path_factory.mktemp("knapsack"))
    done = dyocense("plan", "goals/hard.yaml", "--json", cwd=folder)
    assert done.code == 0, done.err
    return folder


def stopped(folder: Path, number: int):
    """Start a long solve, wait for its first stored plan, and send a signal."""
    process = start("solve", "@last", "--time-limit", "600s", "--json", cwd=folder)
    deadline = time.monotonic() + 120
    while kept(folder) is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    before = kept(folder)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err, before


def test_a_terminated_solve_keeps_its_best_plan(project):
    code, out, err, before = stopped(project, signal.SIGTERM)
    assert code == 143, err
    answer = json.loads(out)
    assert (answer["status"], answer["termination"]) == ("FEASIBLE", "interrupted")
    assert answer["gap"] > 0
    assert answer["objective"] >= before.objective - 1e-6


def test_a_killed_solve_leaves_whole_runs_and_is_resumed(project):
    runs = json.loads(dyocense("runs", "list", "--json", cwd=project).out)
    code, out, _, before = stopped(project, signal.SIGKILL)
    assert (code, out) == (-signal.SIGKILL, "")
    after = dyocense("runs", "list", "--json", cwd=project)
    assert json.loads(after.out) == runs
    again = dyocense("solve", "@last", "--resume", "--time-limit", "1s", "--json", cwd=project)
    assert again.code == 0, again.err
    assert "an earlier solve of this model found a plan of" in again.err
    assert again.json["objective"] >= before.objective - 1e-6


def test_a_warm_start_is_never_worse(project):
    first = dyocense("solve", "@hard", "--nodes", "1", "--time-limit", "60s", "--json", cwd=project).json
    warm = dyocense("solve", "@hard", "--warm-start", first["run_id"], "--nodes", "1", "--time-limit", "60s", "--json", cwd=project).json
    assert warm["objective"] >= first["objective"] - 1e-6
    like = dyocense("solve", first["run_id"], "--warm-start", "@like", "--nodes", "1", "--time-limit", "60s", "--json", cwd=project).json
    assert like["objective"] >= warm["objective"] - 1e-6


def test_a_model_file_is_solved_without_a_run(project):
    folder = sorted((project / "runs").iterdir())[-1]
    file = str((folder / "optimodel.json").relative_to(project))
    done = dyocense("solve", file, "--mip-gap", "0", "--time-limit", "2s", "--json", cwd=project)
    assert done.code == 0, done.err
    assert done.json["status"] == "FEASIBLE"
    assert done.json["reproducible"] is False
    assert {s["variable"] for s in done.json["steps"]} == {"take"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("@nobody",), 2, "no run of goal `nobody`"),
        (("@last", "--time-limit", "soon"), 2, "--time-limit takes seconds, not `soon`"),
        (("@last", "--method", "magic"), 2, "no method is named `magic`"),
        (("@last", "--backend", "cplex"), 2, "no solver is named `cplex`"),
        (("items.json",), 3, "OptiModel"),
    ],
)
def test_what_cannot_be_solved_is_said(project, arguments, code, said):
    (project / "items.json").write_text("{}", "utf-8")
    done = dyocense("solve", *arguments, cwd=project)
    assert done.code == code
    assert said in done.err


def test_where_no_plan_is_found_it_says_what_was_tried_and_what_would_do(tmp_path):
    pytest.importorskip("numba")
    doc, arrays = optimodel_json(instances.procurement(12, J=3, T=6, W=4, seed=3, budget=0.68), source={}, versions={})
    (tmp_path / "optimodel.json").write_text(json.dumps(doc), "utf-8")
    (tmp_path / "optimodel.arrays").mkdir()
    for sha, array in arrays.items():
        np.save(tmp_path / "optimodel.arrays" / f"{sha}.npy", array)
    arguments = ("solve", "optimodel.json", "--method", "decompose", "--nodes", "0", "--time-limit", "600s")
    done = dyocense(*arguments, cwd=tmp_path)
    assert done.code == 9, done.err
    assert "No plan: error (node_limit)" in done.out
    assert "Would do: budget from 16,951.01 to 17,3" in done.out
    assert "for the least use of `budget`" in done.out
    told = dyocense(*arguments, "--json", cwd=tmp_path).json
    (loosening,) = told["relaxations"]
    assert loosening["rule"] == "budget"
    assert loosening["to"] > loosening["from"]
    assert "no plan has `budget` below" in told["raw_status"]
    assert told["bound"] == pytest.approx(20249.6, rel=1e-4)


def test_another_backend_solves_it_too(project):
    first = min(p.name for p in (project / "runs").iterdir())
    done = dyocense("solve", first, "--backend", "cpsat", "--time-limit", "2s", "--json", cwd=project)
    assert done.code == 0, done.err
    assert done.json["status"] == "FEASIBLE"

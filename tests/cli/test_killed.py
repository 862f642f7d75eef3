"""Plans and solves that signals, the system or a lack of memory end at any instant: what they found is kept, and what they left is whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dyocense_cli import wiring
from dyocense_cli.ports import SolveEvent
from dyocense_cli.runner.memo import Held
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.verify import verify_run
from dyocense_cli.settings import load_settings
from tests.cli.knapsack import kept, make
from tests.cli.project import ROOT, dyocense, environment, start

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
LONG = ("goals/hard.yaml", "--set", "solver.time_limit=600s", "--json")
#: seconds after which a kill may come
LATEST = 6.0


def test_kills_at_random_instants_leave_a_store_that_verifies_and_a_plan_no_worse_than_the_saved_one(tmp_path: Path) -> None:
    project = make(tmp_path / "shop")
    runs = wiring.build(load_settings({}, start=project)).runs
    chance, best, codes = random.Random(6), 0.0, []
    for number in range(50 if FULL else 4):
        process = start("plan", *LONG, cwd=project)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.2, LATEST))
        process.send_signal((signal.SIGTERM, signal.SIGKILL)[number % 2])
        out, err = process.communicate(timeout=120)
        codes.append(process.returncode)
        assert process.returncode in (143, -signal.SIGTERM, -signal.SIGKILL), err
        assert {run: verify_run(runs, run) for run in runs.list()} == {run: [] for run in runs.list()}
        left = kept(project)
        if out:
            answer = json.loads(out)
            assert (answer["status"], answer["termination"]) in (("FEASIBLE", "interrupted"), ("ERROR", "interrupted"))
            best = max(best, answer["objective"] or 0.0)
        assert left is None or left.objective >= best - 1e-6
        best = max(best, left.objective if left is not None else 0.0)
    done = dyocense("plan", "goals/hard.yaml", "--json", cwd=project)
    assert done.code == 0, done.err
    assert done.json["objective"] >= best - 1e-6
    assert ("an earlier solve of this model did not end" in done.err) == (best > 0)
    assert {143, -signal.SIGKILL} & set(codes)


def test_what_is_made_of_an_interrupted_plan_is_not_taken_for_another_one(tmp_path: Path) -> None:
    project = make(tmp_path / "shop")
    shown = []
    for _ in range(2):
        process = start("plan", *LONG, cwd=project)
        before = kept(project)
        while process.poll() is None and ((found := kept(project)) is None or (before is not None and found.place == before.place)):
            pass
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 143, err
        shown.append(json.loads(out))
        held = json.loads((Path(shown[-1]["run_dir"]) / "artifacts" / "check_report.json").read_text("utf-8"))
        assert held["body"]["objective"] == pytest.approx(shown[-1]["objective"])
    assert shown[1]["objective"] > shown[0]["objective"]


SHORT_OF_MEMORY = """
import resource, sys
import numpy, highspy, dyocense_cli.cli.plan, dyocense_cli.kernel.optimizer.drive, dyocense_cli.kernel.goaldsl.parse
from dyocense_cli.runner import execute
solve = execute.Execution._solve
def short(self, work):
    held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + %d * 2**20, resource.RLIM_INFINITY))
    try:
        return solve(self, work)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
execute.Execution._solve = short
sys.argv = ["dyocense", "plan", *sys.argv[1:]]
from dyocense_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("spare", [8, 40])
def test_a_plan_that_runs_out_of_memory_says_so(tmp_path: Path, spare: int) -> None:
    project = make(tmp_path / "shop")
    argv = [sys.executable, "-c", SHORT_OF_MEMORY % spare, "goals/hard.yaml", "--json"]
    done = subprocess.run(argv, cwd=project, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, timeout=120, check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["status"], answer["termination"]) == (9, "ERROR", "memory_limit"), done.stderr


@pytest.mark.parametrize("held", [False, True])
def test_memory_that_runs_out_in_a_search_leaves_the_plan_it_had_found(tmp_path: Path, held: bool) -> None:
    kernel = wiring.build(load_settings({}, start=make(tmp_path / "shop")))
    execution = kernel.run(Order("goals/hard.yaml"), until="compile")

    def search() -> None:
        lent = execution.ports.lent()
        assert lent.progress is not None
        lent.progress(SolveEvent(0.1, None, 300.0))
        if held:
            lent.progress(SolveEvent(0.2, 100.0, 200.0, x=np.zeros(120)))
        raise MemoryError

    with kernel.keeping(execution):
        answer = execution._solve(search)
        execution.states["solve"], execution.held["solution"] = "run", Held("solution", "", "")
        execution.held["solution"].put(answer)
    assert (answer.termination, answer.reproducible) == ("memory_limit", False)
    assert (answer.status, answer.objective, answer.bound, answer.gap) == (("FEASIBLE", 100.0, 200.0, 1.0) if held else ("ERROR", None, 300.0, None))
    assert (kept(tmp_path / "shop") is not None) == held


def test_a_time_limit_before_the_first_plan_ends_with_that_reason(tmp_path: Path) -> None:
    project = make(tmp_path / "shop")
    done = dyocense("plan", "goals/hard.yaml", "--set", "solver.time_limit=0.001s", "--json", cwd=project)
    assert done.code == {"ERROR": 9, "FEASIBLE": 0}[done.json["status"]], done.err
    assert done.json["termination"] == "time_limit"

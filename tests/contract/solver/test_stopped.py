"""A solve that is stopped by limits, by the user or by the system keeps what it holds and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Status, Termination
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.arrays import ground

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
ROOT = Path(__file__).resolve().parents[3]


def hard(n: int = 120, seed: int = 11) -> GroundModel:
    """A many-knapsack program: plans at once, a proof only after very long."""
    rng = np.random.default_rng(seed)
    rows = [(rng.integers(10, 100, n).astype(float), -np.inf, 50.0 * n / 4) for _ in range(8)]
    return ground(-rng.integers(50, 100, n).astype(float), rows, upper=np.ones(n), integer=range(n))


@pytest.mark.parametrize("limits", [SolveLimits(gap=0.0, nodes=1), SolveLimits(gap=0.0, work=4)], ids=["nodes", "work"])
def test_a_counted_limit_gives_identical_bytes_twenty_times(limits):
    answers = [HighsSolver().solve(hard(30), limits) for _ in range(20)]
    assert {a.termination for a in answers} <= {Termination.NODE_LIMIT, Termination.WORK_LIMIT}
    assert all(a.reproducible for a in answers)
    assert len({fingerprint(a) for a in answers}) == 1


def test_cpsat_counts_its_work_too():
    solver = load("solver", "cpsat")()
    answers = [solver.solve(hard(), SolveLimits(gap=0.0, work=0.2)) for _ in range(5)]
    solver.close()
    assert {a.termination for a in answers} == {Termination.WORK_LIMIT}
    assert len({fingerprint(a) for a in answers}) == 1


@pytest.mark.parametrize("backend", ["highs", "cpsat", "mathopt", "pyomo"])
def test_a_wall_limit_is_flagged(backend):
    solver = load("solver", backend)()
    answer = solver.solve(hard(), SolveLimits(gap=0.0, time_s=1.0))
    if hasattr(solver, "close"):
        solver.close()
    assert answer.termination is Termination.TIME_LIMIT
    assert not answer.reproducible
    assert answer.status in (Status.FEASIBLE, Status.ERROR)
    if answer.x is not None:
        assert answer.gap is None or answer.gap > 0


@pytest.mark.parametrize("backend", ["highs", "cpsat"])
def test_progress_tells_better_and_better_plans(backend):
    solver = load("solver", backend)()
    plans = []

    def watch(event):
        if event.x is not None:
            plans.append((event.objective, np.array(event.x)))
        return bool(plans) and event.seconds > 2.0

    model = hard()
    answer = solver.solve(model, SolveLimits(gap=0.0, time_s=60.0), progress=watch)
    if hasattr(solver, "close"):
        solver.close()
    assert plans
    assert [p[0] for p in plans] == sorted((p[0] for p in plans), reverse=True)
    assert all(model.cost @ x == pytest.approx(objective) for objective, x in plans)
    assert answer.objective <= plans[-1][0] + 1e-6


@pytest.mark.parametrize("after", np.linspace(0.0, 1.5, 40 if FULL else 3).tolist())
def test_interrupting_at_any_time_keeps_the_best_plan(after):
    best = []

    def watch(event):
        if event.objective is not None:
            best.append(event.objective)
        return event.seconds >= after

    answer = HighsSolver().solve(hard(), SolveLimits(gap=0.0, time_s=120.0), progress=watch)
    assert answer.termination is Termination.INTERRUPTED
    assert answer.status is (Status.FEASIBLE if answer.x is not None else Status.ERROR)
    if best:
        assert answer.objective <= min(best) + 1e-6
        assert answer.gap > 0


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGSEGV"])
def test_a_child_that_the_system_ends_leaves_its_best_plan(signal_name):
    import signal

    solver = load("solver", "cpsat")()
    ended = []

    def watch(event):
        if event.objective is not None and not ended:
            ended.append(event.objective)
            solver._child.process.send_signal(getattr(signal, signal_name))
        return False

    answer = solver.solve(hard(), SolveLimits(gap=0.0, time_s=60.0), progress=watch)
    again = solver.solve(hard(20), SolveLimits(gap=0.0, time_s=60.0))
    solver.close()
    assert ended
    assert answer.status is Status.FEASIBLE
    assert answer.objective <= ended[0]
    assert answer.termination is (Termination.MEMORY_LIMIT if signal_name == "SIGKILL" else Termination.NUMERICAL)
    assert again.status is Status.OPTIMAL


MEMORY = """
import resource, sys
from tests.contract.solver.test_stopped import hard
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.ports import SolveLimits
model = hard(60000)
held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 32 * 2**20,) * 2)
answer = HighsSolver().solve(model, SolveLimits(time_s=30.0))
print(answer.status, answer.termination)
"""


def test_running_out_of_memory_ends_with_that_reason():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", MEMORY], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split()[-2:] == ["ERROR", "memory_limit"], done.stderr  # HiGHS tells of it too

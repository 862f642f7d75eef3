"""Counted limits give the same bytes: in one process and in many, whatever their hash seeds, by every backend that counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.solution import Termination
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.test_stopped import hard

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "highs": (SolveLimits(gap=0.0, nodes=2), SolveLimits(gap=0.0, work=6)),
    "cpsat": (SolveLimits(gap=0.0, work=0.1),),
    "mathopt": (SolveLimits(gap=0.0, nodes=3),),
}

#: what is asked in processes of their own: whole numbers by neighbourhoods, by blocks, in one piece; the changes of a plan
ASKED = """
import sys
from dataclasses import replace
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.kernel.explain.explain import explain
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.neighbourhood import improve
from dyocense_cli.kernel.plan.interpret import interpret
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.ports import SolveLimits
from tests.shop import futures, lent, shop
from tests.toys import EXACT
model = shop(hold="p95", aggregation="p95")
ground = lent().ground(model)
found = improve(model, ground, SolveLimits(gap=0.0, seed=3), lent())
whole = solve_model(model, replace(EXACT, time_limit_s=1e6, nodes=3), lent=lent())
plan = interpret(model, whole, check(model, whole))
told = explain(model, replace(whole, gap=0.5), plan, lent=lent())
risk = stress(model, futures(8, 1), whole, lent=lent())
print(*(fingerprint(a) for a in (found, whole, told, risk)))
"""


@pytest.mark.parametrize("backend", sorted(LIMITS))
def test_every_backend_that_counts_gives_the_same_bytes(backend):
    solver = load("solver", backend)()
    declared = {"nodes", "work"} & solver.features
    asked = LIMITS[backend]
    assert {name for name in ("nodes", "work") if any(getattr(limits, name) is not None for limits in asked)} == declared
    for limits in asked:
        answers = [solver.solve(hard(60), limits) for _ in range(20 if FULL else 3)]
        assert {a.termination for a in answers} <= {Termination.NODE_LIMIT, Termination.WORK_LIMIT}
        assert all(a.reproducible for a in answers)
        assert len({fingerprint(a) for a in answers}) == 1
    if hasattr(solver, "close"):
        solver.close()


def test_plans_reasons_and_risk_are_the_same_bytes_in_every_process():
    said = set()
    for seed in range(20 if FULL else 3):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(seed)}
        done = subprocess.run([sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
    assert len(said.pop().split()) == 4

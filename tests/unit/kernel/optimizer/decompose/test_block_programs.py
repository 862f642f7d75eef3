"""The block programs against HiGHS on random blocks: bound ≤ optimum ≤ plan."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.kernel.optimizer.decompose import blocks
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm
from dyocense_cli.kernel.optimizer.decompose.price import priced
from dyocense_cli.kernel.optimizer.decompose.samplelp import relaxation
from dyocense_cli.ports import SolveLimits

pytest.importorskip("numba")

TRIALS = 200 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 8


def random_block(seed: int) -> BlockForm:
    """One block: 2 or 3 sources, 4 to 6 periods, 3 to 5 scenarios, delays 0..2 or 1..3 that overtake, prices of either sign."""
    r = np.random.default_rng(seed)
    A, T, W = int(r.integers(2, 4)), int(r.integers(4, 7)), int(r.integers(3, 6))
    net = np.cumsum(r.gamma(4, 1, (1, T, W)).round(2), axis=1) - r.uniform(0, 6, (1, 1, W))
    qmin = r.integers(1, 5, (1, A, T))
    qmax = (qmin + r.integers(-1, 12, (1, A, T))).astype(np.int32)
    low = -1.0 if seed % 5 == 4 else 1.0
    return BlockForm(
        net=net, lead=(r.integers(0, 3, (1, A, W)) + seed % 2).astype(np.int32), qmin=qmin.astype(np.int32), qmax=qmax,
        cx=r.uniform(low, 6, (1, A, T)), cy=r.uniform(0, 25, (1, A, T)), cpos=r.uniform(0, 1, (1, T, W)), cneg=r.uniform(0, 4, (1, T, W)),
        kw=np.zeros((1, 1, 1)), limit=None, no_backlog=False, couplings=(), master_cost=np.zeros(0), master_lower=np.zeros(0),
        master_upper=np.zeros(0),
    )


@pytest.mark.parametrize("seed", range(TRIALS))
def test_bound_and_plan_bracket_the_optimum(seed: int) -> None:
    form = random_block(seed)
    arrays = blocks.prepare(form)
    costs = priced(form, np.zeros(0))
    below = blocks.bounds(arrays, costs, np.zeros(1))[0][0]
    answer = blocks.plans(arrays, costs, np.zeros(1))
    exact = HighsSolver().solve(relaxation(form, integer=True, tighten=False), SolveLimits(gap=1e-7, time_s=60))
    assert exact.objective is not None
    assert exact.bound is not None
    tolerance = 1e-5 * max(1.0, abs(exact.objective))
    u = answer.u
    true_cost = float(
        (form.cx * answer.x).sum() + (form.cy * (answer.x > 0)).sum()
        + (form.cpos * np.maximum(u, 0)).sum() + (form.cneg * np.maximum(-u, 0)).sum()
    )
    assert below <= exact.objective + tolerance
    assert true_cost >= exact.bound - tolerance
    assert answer.value[0] >= true_cost - tolerance


def test_threads_change_no_bit() -> None:
    forms = [random_block(s) for s in (0, 1)]
    wide = np.random.default_rng(3)
    base = forms[0]
    many = BlockForm(
        net=np.repeat(base.net, 7, axis=0) * wide.uniform(0.5, 1.5, (7, 1, 1)), lead=np.repeat(base.lead, 7, axis=0),
        qmin=np.repeat(base.qmin, 7, axis=0), qmax=np.repeat(base.qmax, 7, axis=0), cx=np.repeat(base.cx, 7, axis=0),
        cy=np.repeat(base.cy, 7, axis=0), cpos=base.cpos, cneg=base.cneg, kw=np.zeros((1, 1, 1)), limit=None, no_backlog=False, couplings=(),
        master_cost=np.zeros(0), master_lower=np.zeros(0), master_upper=np.zeros(0),
    )
    costs = priced(many, np.zeros(0))
    one = blocks.bounds(blocks.prepare(many), costs, np.zeros(7))[0]
    two = blocks.bounds(blocks.prepare(many, threads=2), costs, np.zeros(7))[0]
    assert one.tobytes() == two.tobytes()

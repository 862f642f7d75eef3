"""Decomposed and one-piece optima agree within their gaps on random small models of four shapes; 200 models at full scale."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.decompose.describe import describe
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import Declined, attempt
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.ports import Lent, SolveLimits

pytest.importorskip("numba")
MODELS = 200 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 8


def random_model(seed: int) -> OptiModel:
    r = np.random.default_rng(seed)
    n = int(r.integers(2, 8))
    if seed % 4 == 0:
        return instances.procurement(n, J=int(r.integers(1, 4)), T=int(r.integers(5, 8)), W=int(r.integers(2, 5)), seed=seed,
                                     budget=float(r.uniform(0.7, 1.1)), capf=float(r.uniform(1.6, 3.0)))
    if seed % 4 == 1:
        return instances.lot_sizing(n, int(r.integers(4, 9)), seed=seed, tight=float(r.uniform(1.2, 2.0)))
    if seed % 4 == 2:
        return instances.service_stock(n, int(r.integers(4, 8)), int(r.integers(2, 6)), seed=seed)
    return instances.capacity(n, int(r.integers(3, 7)), int(r.integers(2, 5)), seed=seed)


def one_piece(model: OptiModel) -> Solution:
    return HighsSolver().solve(ground(model), SolveLimits(gap=0.01, nodes=20, time_s=60.0, duals=False))


@pytest.mark.parametrize("seed", range(MODELS))
def test_decomposed_and_one_piece_agree_within_their_gaps(seed: int) -> None:
    model = random_model(seed)
    lent = Lent(ground, lambda m, limits, start=None, progress=None, backend="auto": HighsSolver().solve(m, limits, start=start))
    found = attempt(model, SolverOptions("auto", 60.0, 0.0, 1, 1, work=12.0, method="decompose"), lent=lent)
    whole = one_piece(model)
    if isinstance(found, Declined):
        assert "no plan found" in found.reason
        bound = found.bound
    elif found.status is Status.INFEASIBLE:
        assert whole.x is None
        bound = None
    else:
        assert check(model, found).violations == ()
        assert whole.status is not Status.INFEASIBLE
        if whole.bound is not None:
            assert found.objective is not None
            assert whole.bound <= found.objective + 1e-6 * abs(found.objective)
        bound = found.bound
    if bound is not None and whole.objective is not None:
        assert bound <= whole.objective + 1e-6 * abs(whole.objective)


def test_the_way_a_model_is_solved_is_told_by_name() -> None:
    text = "\n".join(describe(instances.procurement(12, J=3, T=6, W=4)))
    assert "blocks: 12 of `sku`; 3 sources, 6 of `period`, 4 scenarios" in text
    assert "order `lots` with switch `place`, stock `stock`, owed `owed`, carried by rule `balance`" in text
    assert "shared rules: `budget`, `capacity`, `storage`, `tail`; per block: `service`; outside the blocks: `excess`, `threshold`" in text
    assert "block programs: taken" in text
    assert "fewer than 10 blocks" in "\n".join(describe(instances.capacity(4, 5, 3, seed=1)))

"""The bound of a decomposed solution, recomputed from its certificate by separate code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.check.certificate import Unprovable, recompute_bound
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import attempt
from dyocense_cli.ports import Lent, SolveLimits
from tests.probing import ground_by_probing

pytest.importorskip("numba")

MODELS = {
    "procurement": lambda: instances.procurement(12, J=3, T=6, W=4, seed=3),
    "overtaking": lambda: instances.procurement(10, J=4, T=8, W=6, seed=2),
    "service": lambda: instances.service_stock(12, 8, 5, seed=1),
    "capacity": lambda: instances.capacity(12, 6, 5, seed=1),
    "lot sizing": lambda: instances.lot_sizing(12, 8, seed=2, tight=1.6),
}


def solved(model: OptiModel) -> Solution:
    lent = Lent(ground_by_probing, lambda m, limits, start=None, progress=None, backend="auto": HighsSolver().solve(m, limits, start=start))
    found = attempt(model, SolverOptions("auto", 60.0, 0.0, 1, 1, work=3.0, method="decompose"), lent=lent)
    assert isinstance(found, Solution), found
    return found


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_claimed_bound_is_proved_again(name: str) -> None:
    model = MODELS[name]()
    solution = solved(model)
    assert solution.bound == pytest.approx(recompute_bound(model, solution.certificate), rel=1e-9)


def test_the_bound_is_below_the_optimum() -> None:
    model = instances.service_stock(10, 5, 3, seed=4)
    solution = solved(model)
    exact = HighsSolver().solve(ground_by_probing(model), SolveLimits(gap=1e-3, time_s=20.0))
    assert exact.objective is not None
    assert recompute_bound(model, solution.certificate) <= exact.objective * (1 + 1e-6)


def test_a_proof_that_no_plan_exists_is_proved_again() -> None:
    model = instances.procurement(12, J=3, T=6, W=4, budget=0.3)
    solution = solved(model)
    assert solution.status is Status.INFEASIBLE
    assert recompute_bound(model, solution.certificate, costs=False) > 0


def test_the_checker_refuses_a_bound_that_the_certificate_does_not_prove() -> None:
    model = MODELS["procurement"]()
    solution = solved(model)
    assert solution.bound is not None
    assert check(model, solution).ok
    report = check(model, replace(solution, bound=solution.bound * 1.005))
    assert [v.what for v in report.violations] == ["gap"]
    assert "certificate" in report.violations[0].name


def test_a_negative_price_proves_nothing() -> None:
    model = MODELS["procurement"]()
    solution = solved(model)
    with pytest.raises(Unprovable, match="price of `budget` is negative"):
        recompute_bound(model, {**solution.certificate, "price:budget": np.array(-1.0)})

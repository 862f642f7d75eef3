"""Bounds by exact programs of blocks: between the relaxation's and the optimum, proved again, and refused when tampered with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.check.branched import recompute_branched
from dyocense_cli.kernel.check.certificate import Unprovable
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.branched import block_bound, certificate, parted
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.optimizer.neighbourhood import improve
from dyocense_cli.optimodel.programs import relaxed as relaxation
from dyocense_cli.ports import Lent, SolveLimits

MODELS: Mapping[str, Callable[[], OptiModel]] = {
    "procurement": lambda: instances.procurement(10, J=2, T=5, W=3),
    "service": lambda: instances.service_stock(10, 5, 3, seed=4),
    "capacity": lambda: instances.capacity(10, 4, 3, seed=1),
    "lot sizing": lambda: instances.lot_sizing(12, 6, seed=2, tight=1.15),
}


def solve(model: GroundModel, *, gap: float = 0.001, nodes: int = 200, duals: bool = False) -> Solution:
    return HighsSolver().solve(model, SolveLimits(gap=gap, nodes=nodes, seed=1, duals=duals))


def lent() -> Lent:
    return Lent(ground, lambda model, limits, start=None, progress=None, backend="auto": HighsSolver().solve(model, limits, start=start))


@cache
def proved(name: str) -> tuple[OptiModel, GroundModel, float, Solution]:
    """Return a model, its arrays, the bound of its relaxation, and a plan with the bound and certificate of its blocks."""
    model = MODELS[name]()
    arrays = ground(model)
    relaxed = solve(relaxation(arrays), duals=True)
    parts = parted(arrays)
    assert parts is not None
    found = block_bound(arrays, parts, relaxed, solve, enough=lambda: False)
    assert found is not None
    assert relaxed.objective is not None
    plan = solve(arrays, gap=0.1, nodes=500)
    assert plan.x is not None
    return model, arrays, relaxed.objective, replace(plan, bound=found.bound, gap=None, certificate=certificate(arrays, parts, found))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_bound_lies_between_the_relaxation_and_what_is_possible(name: str) -> None:
    _, _, relaxed, solution = proved(name)
    assert solution.bound is not None
    assert solution.objective is not None
    assert relaxed - 1e-6 * abs(relaxed) <= solution.bound <= solution.objective * (1 + 1e-9)


def test_some_bound_is_beyond_the_relaxation() -> None:
    gains = [(s.bound or 0.0) / relaxed - 1 for _, _, relaxed, s in map(proved, MODELS)]
    assert max(gains) > 0.005


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_checker_proves_the_bound_again(name: str) -> None:
    model, _, _, solution = proved(name)
    assert solution.x is not None
    assert recompute_branched(model, solution.certificate, solution.x) == pytest.approx(solution.bound, rel=1e-9)
    assert check(model, solution).violations == ()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_bound_or_a_price_put_in_wrong_is_caught(name: str) -> None:
    model, _, _, solution = proved(name)
    key = next(k for k, v in sorted(solution.certificate.items()) if k.startswith("branched:price:") and np.any(v != 0))
    dearer = {**solution.certificate, key: solution.certificate[key] * 1.5 + 1.0}
    assert check(model, replace(solution, certificate=dearer)).violations
    assert solution.bound is not None
    assert check(model, replace(solution, bound=solution.bound * 1.001 + 0.01)).violations


@pytest.mark.parametrize("name", sorted(MODELS))
def test_what_fits_no_model_proves_nothing(name: str) -> None:
    model, _, _, solution = proved(name)
    x = solution.x
    assert x is not None
    told = dict(solution.certificate)
    first = next(k for k in sorted(told) if k.startswith("branched:price:"))
    dim = next(k for k in told if k.startswith("branched:dim:"))
    raised = told["branched:least"] + 1e6
    other = {k: v for k, v in told.items() if k != dim} | {"branched:dim:period": np.zeros(0)}
    for wrong in (told | {"branched:least": raised}, told | {"branched:least": raised[:-1]}, other, told | {first: np.zeros(3)},
                  {k: v for k, v in told.items() if k != dim}):
        with pytest.raises(Unprovable):
            recompute_branched(model, wrong, x)


def test_a_rule_that_joins_blocks_must_have_a_price() -> None:
    model, _, _, solution = proved("procurement")
    assert solution.x is not None
    told = {k: v for k, v in solution.certificate.items() if not k.startswith("branched:price:")}
    with pytest.raises(Unprovable, match="joins blocks"):
        recompute_branched(model, told, solution.x)


def test_neighbourhoods_end_with_the_bound_of_blocks_where_the_relaxation_is_loose() -> None:
    model = instances.service_stock(10, 5, 3, seed=4)
    arrays = ground(model)
    first, second = (improve(model, arrays, SolveLimits(gap=0.02, seed=1), lent()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.x is not None
    assert second.x is not None
    assert "programs, one of each item" in first.approximations[0]
    assert check(model, first).violations == ()
    assert (first.x.tobytes(), first.bound) == (second.x.tobytes(), second.bound)


def test_few_labels_make_no_blocks() -> None:
    assert parted(ground(instances.procurement(4, J=2, T=5, W=3))) is None

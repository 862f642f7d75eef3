"""The bound of a decomposed solution, recomputed from its certificate by separate code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from benchmarks.procurement import compiled, instance
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


def _wrong(certificate: Mapping[str, np.ndarray]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield certificates that prove less than the given one, or nothing."""
    for key, value in certificate.items():
        what, _, name = key.partition(":")
        if what in {"price", "multiplier"} and np.any(value):
            # where nothing may be owed, a dearer shortage proves no less
            yield f"{key} scaled", {**certificate, key: (2.0 if name else 0.0) * value}
            yield f"{key} of a longer shape", {**certificate, key: np.append(value.ravel(), 1.0)}
            yield f"{key} left out", {k: v for k, v in certificate.items() if k != key}
            yield f"{key} negative", {**certificate, key: -value - 1.0}
        if what == "role":
            part, _, family = name.partition(":")
            rest = {k: v for k, v in certificate.items() if k != key}
            yield f"{key} left out", rest
            yield f"{key} of no family", {**rest, f"role:{part}:nothing": value}
            others = [k.split(":")[2] for k in certificate if k.startswith("role:") and not k.endswith(f":{family}")]
            yield from ((f"{key} is {other}", {**rest, f"role:{part}:{other}": value}) for other in others)


SIZES = {"31 SKUs": 31, "311 SKUs": 311, "3110 SKUs": 3110} if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else {}


@pytest.mark.parametrize("name", [*sorted(MODELS), *SIZES])
def test_a_wrong_certificate_is_caught(name: str) -> None:
    model = compiled(instance(SIZES[name])) if name in SIZES else MODELS[name]()
    solution = solved(model)
    assert check(model, solution).ok
    for what, certificate in _wrong(solution.certificate):
        report = check(model, replace(solution, certificate=certificate))
        try:
            proves = recompute_bound(model, certificate)
        except Unprovable:
            proves = -np.inf
        assert report.ok == (solution.bound is not None and proves >= solution.bound * (1 - 1e-7)), what
        assert not report.ok, what


def test_a_false_claim_that_no_plan_exists_is_caught() -> None:
    model = MODELS["procurement"]()
    solution = solved(model)
    claim = replace(solution, status=Status.INFEASIBLE, x=None, objective=None, bound=None, gap=None,
                    certificate={**solution.certificate, "role:proof:infeasible": np.ones(1)})
    assert "excess` is not priced out" in check(model, claim).violations[0].name
    without = {k: 0 * v if k.startswith("price:") else v for k, v in claim.certificate.items()}
    report = check(model, replace(claim, certificate=without))
    assert [v.name for v in report.violations] == ["claimed to be impossible, which the certificate does not prove"]


def test_a_negative_price_proves_nothing() -> None:
    model = MODELS["procurement"]()
    solution = solved(model)
    with pytest.raises(Unprovable, match="price of `budget` is negative"):
        recompute_bound(model, {**solution.certificate, "price:budget": np.array(-1.0)})

"""Plans of price-and-reinsert: checked on every row, and agreeing with one-piece solves within the gaps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from benchmarks.procurement import compiled, instance
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.nearest import nearest_way
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import Declined, attempt
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns
from dyocense_cli.ports import Lent
from tests.cli.project import ROOT, environment
from tests.probing import ground_by_probing

pytest.importorskip("numba")


def lent() -> Lent:
    return Lent(
        ground_by_probing,
        lambda model, limits, start=None, progress=None, backend="auto": HighsSolver().solve(model, limits, start=start, progress=progress),
    )


def options(**changes: object) -> SolverOptions:
    return replace(SolverOptions("auto", 60.0, 0.0, 1, 1, work=30.0, method="decompose"), **changes)  # type: ignore[arg-type]


MODELS = {
    "procurement": lambda: instances.procurement(12, J=3, T=6, W=4),
    "service": lambda: instances.service_stock(12, 8, 5, seed=1),
    "capacity": lambda: instances.capacity(12, 6, 5, seed=1),
    "lot sizing": lambda: instances.lot_sizing(12, 8, seed=2, tight=1.6),
}


def solved(model: OptiModel, **changes: object) -> Solution:
    found = attempt(model, options(**changes), lent=lent())
    assert isinstance(found, Solution), found
    return found


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_row_of_the_model_holds(name: str) -> None:
    model = MODELS[name]()
    solution = solved(model)
    report = check(model, solution)
    assert report.violations == ()
    assert solution.gap is not None
    assert 0 <= solution.gap < 0.25


def test_counted_passes_give_the_same_bytes() -> None:
    first, second = (solved(MODELS["procurement"]()) for _ in range(2))
    assert first.x is not None
    assert second.x is not None
    assert first.x.tobytes() == second.x.tobytes()
    assert first.reproducible
    assert first.termination is Termination.WORK_LIMIT


def test_a_gap_that_is_reached_ends_the_search() -> None:
    solution = solved(MODELS["procurement"](), mip_gap=0.2)
    assert solution.termination is Termination.GAP_REACHED
    assert solution.reproducible


def test_few_blocks_are_declined_by_name() -> None:
    found = attempt(instances.procurement(4, J=2, T=5, W=3), options(method="auto"), lent=lent())
    assert isinstance(found, Declined)
    assert "4 blocks of sku are fewer than 10" in found.reason


def test_an_earlier_plan_is_never_made_worse() -> None:
    model = MODELS["procurement"]()
    first = solved(model, work=5.0)
    assert first.x is not None
    again = attempt(model, options(work=1.0), lent=lent(), start=np.asarray(first.x))
    assert isinstance(again, Solution)
    assert again.objective is not None
    assert first.objective is not None
    assert again.objective <= first.objective * (1 + 1e-9)


def test_a_budget_that_no_plan_keeps_is_proved_so() -> None:
    found = attempt(instances.procurement(12, J=3, T=6, W=4, budget=0.3), options(work=10.0), lent=lent())
    assert isinstance(found, Solution), found
    assert found.status is Status.INFEASIBLE
    assert found.certificate["role:proof:infeasible"][0] > 0
    assert found.certificate["price:budget"] > 0


def test_where_no_plan_is_found_the_nearest_is_one_of_the_model_that_it_names() -> None:
    model = instances.procurement(12, J=3, T=6, W=4, seed=3, budget=0.68)
    found = attempt(model, options(work=10.0), lent=lent())
    assert isinstance(found, Declined)
    assert found.nearest is not None
    way = nearest_way(model, found.nearest)
    assert way is not None
    assert way.verified
    (loosening,) = way.relaxations
    assert loosening.rule == "budget"
    assert loosening.from_ == pytest.approx(float(model.params["budget"].data))
    loosened = replace(model, params={**model.params, "budget": replace(model.params["budget"], data=np.array(loosening.to))})
    assert all(not (Evaluator(loosened, split_columns(loosened, found.nearest)).rows(r).violation > 1e-6).any() for r in loosened.rules)
    least = float(found.reason.rpartition("below ")[2].replace(",", ""))
    assert loosening.from_ < loosening.to
    assert least < loosening.from_


def test_a_budget_that_insertion_cannot_keep_is_kept_by_picking_whole_plans() -> None:
    wide = instance(31)
    model = compiled(replace(wide, budget=0.72 * wide.budget))
    solution = solved(model, mip_gap=0.02, work=None)
    assert check(model, solution).violations == ()
    assert solution.gap is not None
    assert solution.gap < 0.02


PRINT = """
import hashlib
from tests.unit.kernel.optimizer.decompose.test_attempt import MODELS, instances, options, attempt, lent
for _ in range(10):
    plan = attempt(MODELS["procurement"](), options(work=3.0), lent=lent())
    tight = attempt(instances.procurement(12, J=3, T=6, W=4, seed=3, budget=0.68), options(work=3.0), lent=lent())
    told = plan.x.tobytes() + repr((plan.objective, plan.bound, sorted(plan.certificate))).encode() + plan.certificate["price:capacity"].tobytes()
    print(hashlib.sha256(told + tight.reason.encode() + tight.nearest.tobytes()).hexdigest())
"""


def test_counted_efforts_give_the_same_bytes_twenty_times_in_two_processes() -> None:
    seen = []
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", PRINT], env=environment(PYTHONHASHSEED=seed), cwd=ROOT, capture_output=True, text=True, check=True)
        seen += done.stdout.split()
    assert len(seen) == 20
    assert len(set(seen)) == 1

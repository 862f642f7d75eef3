"""What a change does to the plan in hand, by solving again with whole numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dyocense_cli.artifacts.optimodel import Hints
from dyocense_cli.artifacts.solution import Status
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.binding import relaxation
from dyocense_cli.kernel.explain.changes import Compared, alternatives, sensitivities
from dyocense_cli.kernel.explain.replan import replanned
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.plan.interpret import interpret
from dyocense_cli.optimodel.derive import with_params
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import SolveLimits
from tests import shop as shops
from tests.shop import shop
from tests.toys import EXACT, lent, toy


def compared(seed: int) -> tuple[object, Compared]:
    """Return a toy whose plan is held as if it were far from proved, so that changes are planned from it."""
    model = replace(toy(45.0, seed=seed), hints=Hints((), ("price", "demand")))
    loose = solve_model(model, replace(EXACT, mip_gap=0.5), lent=lent())
    loose = replace(loose, gap=0.5)
    ground = lent().ground(model)
    return model, Compared(model, ground, loose, relaxation(ground, loose, lent())[0], lent())


@pytest.mark.parametrize("seed", range(6))
def test_the_best_plan_after_a_change_lies_within_the_interval_that_is_told(seed):
    model, before = compared(seed)
    told = [s for s in sensitivities(model, before, split_columns(model, before.solution.x))[0] if s.name in ("price", "demand")]
    assert [(s.name, s.change) for s in told] == [(n, c) for n in ("price", "demand") for c in ("+10 %", "-10 %")]
    for one in told:
        assert one.resolved
        factor = 1.1 if one.change.startswith("+") else 0.9
        changed = lent().ground(with_params(model, {one.name: model.params[one.name].data * factor}))
        best = lent().solve(changed, SolveLimits(gap=0.0)).objective - before.solution.objective
        assert one.low - 1e-6 <= best <= one.high + 1e-6
        assert one.delta == one.high


@pytest.mark.parametrize("seed", range(4))
def test_leaving_a_line_out_never_pays(seed):
    model, before = compared(seed)
    plan = interpret(model, before.solution, check(model, before.solution))
    said = alternatives(model, before, plan)
    solved = [text for text in said.values() if "without this line the plan costs" in text]
    assert solved
    assert all(" more" in text for text in solved)


def test_a_larger_minimum_order_reaches_the_least_lots():
    model = shop()
    assert "moq" in model.hints.sensitivities
    twice = with_params(model, {"moq": model.params["moq"].data * 2})
    before, after = (np.nan_to_num(m.params["least_lots"].data) for m in (model, twice))
    assert (after >= before).all()
    assert (after > before).any()


@pytest.mark.parametrize("factor", [1.1, 1.6, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_that_larger_least_orders_break_is_mended_and_keeps_every_row(seed, factor):
    model = shop(service=90.0, hold="always", scenarios=4, seed=seed)
    plan = solve_model(model, EXACT, lent=shops.lent())
    changed = with_params(model, {"moq": model.params["moq"].data * factor})
    to = Compared(model, shops.lent().ground(model), plan, plan, shops.lent()).changed(changed)
    linear = shops.lent().solve(relaxed(to.ground), SolveLimits())
    found = replanned(to.ground, to.plan, linear.x, shops.lent(), dim="sku", seed=1)
    best = shops.lent().solve(to.ground, SolveLimits(gap=0.0))
    assert found is not None
    assert (
        check(changed, replace(plan, status=Status.FEASIBLE, x=found.x, objective=found.objective, bound=None, gap=None)).violations == ()
    )
    assert best.objective <= found.objective + 1e-6 * (1 + abs(best.objective))

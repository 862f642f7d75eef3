"""Again, with a small change: what differs, what it reaches, and that a warm solve agrees with a cold one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Termination
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import attempt
from dyocense_cli.kernel.optimizer.delta import difference, reached
from dyocense_cli.kernel.optimizer.dna import dna_features, likeness, plan_dna
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.warmstart import cache_key, carried, held_to, resolve
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.ports import Lent, SolveLimits
from tests.probing import ground_by_probing

pytest.importorskip("numba")
OPTIONS = SolverOptions("auto", 60.0, 0.05, 1, 1, work=40.0, method="decompose")


def lent() -> Lent:
    return Lent(ground_by_probing, lambda m, limits, start=None, progress=None, backend="auto": HighsSolver().solve(m, limits, start=start))


def base() -> OptiModel:
    return instances.procurement(12, J=3, T=6, W=4)


def changed(model: OptiModel, name: str, index: int | tuple[int, ...], factor: float) -> OptiModel:
    data = np.array(model.params[name].data, dtype=float)
    data[index] = np.round(data[index] * factor)
    return replace(model, params={**model.params, name: replace(model.params[name], data=data)})


def without(model: OptiModel, sku: int) -> OptiModel:
    labels = model.dims["sku"]
    params = {
        n: replace(p, data=np.delete(np.asarray(p.data), sku, axis=p.dims.index("sku"))) if "sku" in p.dims else p
        for n, p in model.params.items()
    }
    return replace(model, dims={**model.dims, "sku": labels[:sku] + labels[sku + 1 :]}, params=params)


def cold(model: OptiModel) -> Solution:
    found = attempt(model, OPTIONS, lent=lent())
    assert isinstance(found, Solution), found
    return found


def test_no_change_is_no_difference() -> None:
    assert difference(base(), base()).nothing


def test_one_sku_is_named_and_reached() -> None:
    old, new = base(), changed(base(), "demand", 4, 1.5)
    delta = difference(old, new)
    assert [c.name for c in delta.params] == ["demand"]
    assert delta.params[0].labels["sku"] == (old.dims["sku"][4],)
    assert np.flatnonzero(reached(delta, new, ("sku",))).tolist() == [4]


def test_a_shared_limit_reaches_no_block_directly() -> None:
    new = instances.procurement(12, J=3, T=6, W=4, budget=0.9)
    delta = difference(base(), new)
    assert [c.name for c in delta.params] == ["budget"]
    assert not reached(delta, new, ("sku",)).any()


def test_a_changed_rule_reaches_all() -> None:
    old = base()
    rules = tuple(replace(r, expr="sum(volume * stock, over=sku) <= 2 * storage") if r.name == "storage" else r for r in old.rules)
    delta = difference(old, replace(old, rules=rules))
    assert delta.rules == ("storage",)
    assert reached(delta, old, ("sku",)).all()


def test_a_new_sku_is_gained_and_reached() -> None:
    old, new = without(base(), 3), base()
    delta = difference(old, new)
    assert delta.gained["sku"] == (new.dims["sku"][3],)
    assert np.flatnonzero(reached(delta, new, ("sku",))).tolist() == [3]
    assert not delta.params


@pytest.mark.parametrize(("name", "index", "factor"), [("demand", 4, 1.2), ("price", 2, 1.3), ("capacity", 0, 0.95), ("owed_max", 5, 0.7)])
def test_warm_agrees_with_cold_within_the_gaps(name: str, index: int, factor: float) -> None:
    old = base()
    first = cold(old)
    new = changed(old, name, index, factor)
    warm, _ = resolve(old, first, new, OPTIONS, lent=lent())
    again = cold(new)
    assert isinstance(warm, Solution)
    assert check(new, warm).violations == ()
    assert warm.objective is not None
    assert again.objective is not None
    assert warm.bound is not None
    assert again.bound is not None
    assert warm.gap is not None
    assert warm.gap <= OPTIONS.mip_gap
    assert warm.bound <= again.objective * (1 + 1e-9)
    assert again.bound <= warm.objective * (1 + 1e-9)


def test_only_what_a_change_reaches_is_planned_first() -> None:
    old = base()
    new = changed(old, "demand", 4, 1.2)
    warm, delta = resolve(old, cold(old), new, OPTIONS, lent=lent())
    assert isinstance(warm, Solution)
    assert warm.diagnostics["replanned"] == 1.0
    assert warm.termination is Termination.GAP_REACHED
    assert len(delta.params) == 1


def test_a_plan_is_carried_over_by_labels() -> None:
    old, new = base(), without(base(), 3)
    solution = cold(old)
    assert solution.x is not None
    values = split_columns(old, solution.x)
    moved = carried(old, values, new)
    np.testing.assert_array_equal(moved["lots"], np.delete(values["lots"], 3, axis=0))
    back = carried(new, moved, old)
    assert np.isnan(back["lots"][3]).all()


def test_frozen_periods_and_churn_hold_to_the_earlier_plan() -> None:
    model = instances.service_stock(4, 5, 3, seed=2)
    solver = HighsSolver()
    first = solver.solve(ground_by_probing(model), SolveLimits(gap=0.01))
    assert first.x is not None
    earlier = split_columns(model, first.x)
    dearer = changed(model, "demand", 0, 1.1)
    held = held_to(dearer, earlier, order="qty", time="week", freeze=1, max_churn=0.5)
    answer = solver.solve(ground_by_probing(held), SolveLimits(gap=0.01))
    assert answer.x is not None
    values = split_columns(held, answer.x)
    np.testing.assert_allclose(values["qty"][:, :1], earlier["qty"][:, :1], atol=1e-6)
    assert np.abs(values["qty"] - earlier["qty"]).sum() <= 0.5 * earlier["qty"].sum() + 1e-6
    free = solver.solve(ground_by_probing(dearer), SolveLimits(gap=0.01))
    assert free.bound is not None
    assert answer.objective is not None
    assert answer.objective >= free.bound - 1e-6


def test_dna_sees_no_data() -> None:
    old = base()
    assert plan_dna(old, None) == plan_dna(changed(old, "demand", 4, 1.5), None)
    other = instances.service_stock(4, 5, 3, seed=2)
    assert plan_dna(old, None) != plan_dna(other, None)
    assert likeness(dna_features(old, None), dna_features(old, None)) == 1.0
    assert likeness(dna_features(old, None), dna_features(other, None)) < 0.7


def test_the_cache_key_is_goal_and_variant() -> None:
    assert cache_key("dairy-weekly", "base") == "dairy-weekly:base"


def test_the_driver_takes_over_an_earlier_solution() -> None:
    old = base()
    new = changed(old, "demand", 4, 1.2)
    answer = solve_model(new, OPTIONS, lent=lent(), earlier=(old, cold(old)))
    assert answer.method == "decompose"
    assert answer.diagnostics["replanned"] == 1.0
    assert check(new, answer).violations == ()


def test_a_share_of_the_bound_is_taken_over_only_where_nothing_it_rests_on_changed() -> None:
    old = base()
    before = cold(old)
    taken = {}
    for name, param in old.params.items():
        new = replace(old, params={**old.params, name: replace(param, data=np.ceil(1.05 * np.asarray(param.data)))})
        after, _ = resolve(old, before, new, OPTIONS, lent=lent())
        if isinstance(after, Solution) and after.x is not None:
            assert check(new, after).violations == (), name
            same = np.isin(after.certificate["share:mark"], before.certificate["share:mark"])
            taken[name] = same.all()
    assert taken["capacity"]
    assert not taken["demand"]

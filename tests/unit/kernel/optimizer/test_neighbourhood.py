"""Rounding, repair and neighbourhoods: feasible plans with honest gaps, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Robust
from dyocense_cli.artifacts.solution import Solution, Status, Termination
from dyocense_cli.kernel.optimizer.neighbourhood import improve
from dyocense_cli.kernel.optimizer.rounding import carried, elastic, semicontinuous
from dyocense_cli.ports import Lent, SolveLimits


def lot_sizing(skus: int, periods: int, seed: int, *, capacity: float = 1.3) -> tuple[OptiModel, GroundModel]:
    """Return a capacitated lot-sizing program: lots (int), use (binary), stock; at_least, at_most, balance, capacity rows."""
    chance = np.random.default_rng(seed)
    n = skus * periods
    demand = chance.integers(5, 40, (skus, periods)).astype(float)
    lot, least = 6.0, 3.0
    most = np.ceil(demand.sum(1) / lot)
    lots, use, stock = np.arange(n).reshape(skus, periods), np.arange(n, 2 * n).reshape(skus, periods), np.arange(2 * n, 3 * n).reshape(skus, periods)
    rows: list[tuple[list[int], list[float], float, float]] = []
    for s in range(skus):
        for t in range(periods):
            rows.append(([lots[s, t], use[s, t]], [1, -least], 0, np.inf))
    for s in range(skus):
        for t in range(periods):
            rows.append(([lots[s, t], use[s, t]], [1, -most[s]], -np.inf, 0))
    for s in range(skus):
        for t in range(periods):
            before = ([stock[s, t - 1]], [-1.0]) if t else ([], [])
            rows.append(([stock[s, t], lots[s, t], *before[0]], [1, -lot, *before[1]], -demand[s, t] + (60 if t == 0 else 0), -demand[s, t] + (60 if t == 0 else 0)))
    for t in range(periods):
        rows.append(([int(i) for i in lots[:, t]], [lot] * skus, -np.inf, capacity * demand.sum(0).mean()))
    index = [c for columns, _, _, _ in rows for c in columns]
    values = [v for _, vs, _, _ in rows for v in vs]
    row = [i for i, (columns, _, _, _) in enumerate(rows) for _ in columns]
    order = np.lexsort((row, index))
    start = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=3 * n))]).astype(np.int32)
    cost = np.concatenate([np.repeat(chance.uniform(5, 9, skus), periods), np.full(n, 20.0), np.full(n, 0.4)])
    dims = {"sku": tuple(f"K{i}" for i in range(skus)), "period": tuple(f"t{i}" for i in range(periods))}
    blocks = tuple(Block(name, ("sku", "period"), i * n, (i + 1) * n) for i, name in enumerate(("lots", "use", "stock")))
    ground = GroundModel(
        "min", 0.0, cost, np.zeros(3 * n), np.concatenate([np.repeat(most, periods), np.ones(n), np.full(n, np.inf)]),
        np.concatenate([np.ones(2 * n), np.zeros(n)]).astype(np.uint8), np.array([r[2] for r in rows]), np.array([r[3] for r in rows]),
        start, np.array(row, dtype=np.int32)[order], np.array(values, dtype=float)[order], blocks, (Block("all", (), 0, len(rows)),), dims,
    )
    model = OptiModel(dims, ("period",), {}, (), {}, "min", (), (), Robust(1, "mean"), np.ones(1))
    return model, ground


def lent() -> Lent:
    solver = HighsSolver()

    def solve(ground: GroundModel, limits: SolveLimits, **options: object) -> Solution:
        options.pop("backend", None)
        return solver.solve(ground, limits, **options)  # type: ignore[arg-type]

    return Lent(ground=lambda _: pytest.fail("the whole model is ground already"), solve=solve)


def holds(ground: GroundModel, x: np.ndarray) -> bool:
    activity = np.bincount(ground.index, ground.value * np.repeat(x, np.diff(ground.start)), minlength=ground.n_rows)
    whole = ground.integrality.astype(bool)
    rows = (activity >= ground.row_lower - 1e-6) & (activity <= ground.row_upper + 1e-6)
    return bool(rows.all() and (np.abs(x[whole] - np.round(x[whole])) < 1e-6).all() and (x >= ground.lower - 1e-9).all() and (x <= ground.upper + 1e-9).all())


@pytest.mark.parametrize(("seed", "capacity"), [(1, 1.3), (2, 1.05), (3, 2.0)])
def test_a_plan_keeps_every_row_and_its_gap_is_true(seed: int, capacity: float) -> None:
    model, ground = lot_sizing(14, 6, seed, capacity=capacity)
    found = improve(model, ground, SolveLimits(time_s=60, gap=0.01, seed=1), lent())
    assert found is not None
    assert found.x is not None
    assert holds(ground, found.x)
    assert found.objective == pytest.approx(float(ground.cost @ found.x))
    best = HighsSolver().solve(ground, SolveLimits(time_s=60, gap=1e-4))
    assert best.bound is not None
    assert found.bound is not None
    assert found.objective is not None
    assert found.bound <= best.bound + 1e-6
    assert found.objective >= best.bound - 1e-6


def test_the_same_search_gives_the_same_bytes() -> None:
    model, ground = lot_sizing(10, 5, 4)
    first, second = (improve(model, ground, SolveLimits(time_s=None, gap=0.005, seed=7), lent()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.x is not None
    assert second.x is not None
    assert first.x.tobytes() == second.x.tobytes()
    assert first.reproducible


def test_an_infeasible_program_gets_no_plan() -> None:
    model, ground = lot_sizing(6, 4, 5, capacity=0.01)
    assert improve(model, ground, SolveLimits(time_s=30, gap=0.01), lent()) is None


def test_an_interrupt_keeps_the_plan_so_far() -> None:
    model, ground = lot_sizing(14, 6, 1)
    seen: list[float] = []
    kind = lent()
    told = Lent(ground=kind.ground, solve=kind.solve, progress=lambda event: bool(seen.append(event.seconds)) or event.objective is not None)
    found = improve(model, ground, SolveLimits(time_s=60, gap=0.0), told)
    if found is not None and found.termination is Termination.INTERRUPTED:
        assert found.status is Status.FEASIBLE
        assert not found.reproducible
    assert seen


def test_small_rows_say_what_is_least_and_most() -> None:
    _, ground = lot_sizing(3, 2, 1)
    semi = semicontinuous(ground)
    assert semi.least[:6].tolist() == [3.0] * 6
    assert (semi.most == ground.upper).all()


def test_carried_rounding_keeps_the_total_within_one_least_order() -> None:
    model, ground = lot_sizing(5, 8, 3)
    x = np.zeros(ground.n_cols)
    x[:40] = np.random.default_rng(0).uniform(0, 4, 40)
    rounded = carried(model, ground, x, semicontinuous(ground))[:40].reshape(5, 8)
    assert ((rounded == 0) | (rounded >= 3)).all()
    assert np.abs(rounded.sum(1) - x[:40].reshape(5, 8).sum(1)).max() <= 3


def test_the_elastic_program_is_feasible_where_the_real_one_is_not() -> None:
    _, ground = lot_sizing(6, 4, 5, capacity=0.01)
    assert HighsSolver().solve(ground, SolveLimits(time_s=30)).status is Status.INFEASIBLE
    soft = HighsSolver().solve(elastic(ground), SolveLimits(time_s=30))
    assert soft.status is Status.OPTIMAL
    assert soft.objective is not None
    assert soft.objective > 0

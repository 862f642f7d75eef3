"""Small models of every kind: (name, model, what is known of the answer)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from tests.contract.solver.arrays import INF, ground

#: optimum, or the status of a model without one; None = whatever the backends agree on
Known = float | str | None


def zoo() -> list[tuple[str, GroundModel, Known]]:
    """Return at least sixty models."""
    return [*_by_hand(), *_linear(), *_mixed(), *_whole(), *_knapsacks(), *_assignments(), *_without_answer()]


def _by_hand() -> list[tuple[str, GroundModel, Known]]:
    le = lambda row, b: (row, -INF, b)  # noqa: E731
    ge = lambda row, b: (row, b, INF)  # noqa: E731
    eq = lambda row, b: (row, b, b)  # noqa: E731
    return [
        ("two products", ground([-3, -5], [le([1, 0], 4), le([0, 2], 12), le([3, 2], 18)]), -36.0),
        ("two products, maximised", ground([3, 5], [le([1, 0], 4), le([0, 2], 12), le([3, 2], 18)], sense="max"), 36.0),
        ("diet", ground([0.6, 0.35], [ge([5, 7], 8), ge([4, 2], 15), ge([2, 1], 3)]), 2.25),
        ("whole diet", ground([6, 4], [ge([5, 7], 8), ge([4, 2], 15), ge([2, 1], 3)], integer=[0, 1]), 24.0),
        ("no rows", ground([1, -1], upper=[3, 4]), -4.0),
        ("no rows, whole", ground([1, -1], upper=[3, 4], integer=[0, 1]), -4.0),
        ("empty rows that hold", ground([1], [([0], -1, 1), ge([1], 2), ([0], 0, 0)]), 2.0),
        ("an empty row that does not hold", ground([1], [([0], 1, 2)]), "INFEASIBLE"),
        ("empty rows, whole", ground([1], [([0], -1, 1), ge([1], 2)], integer=[0], upper=[9]), 2.0),
        ("free variables", ground([1, 1], [ge([1, 2], -4), ge([3, 1], -7)], lower=[-INF, -INF]), -3.0),
        ("free and whole", ground([1, 1], [ge([1, 2], -4), ge([3, 1], -7)], lower=[-50, -50], upper=[50, 50], integer=[0, 1]), -3.0),
        ("negative bounds", ground([1, -2], [le([1, 1], 3)], lower=[-5, -2], upper=[-1, 4]), -13.0),
        ("a fixed variable", ground([2, 1], [ge([1, 1], 5)], lower=[3, 0], upper=[3, 10]), 8.0),
        ("equalities", ground([1, 2, 3], [eq([1, 1, 1], 6), eq([1, -1, 0], 1)]), 8.5),
        ("equalities, whole", ground([1, 2, 3], [eq([1, 1, 1], 7), eq([1, -1, 0], 1)], integer=[0, 1, 2], upper=[9, 9, 9]), 10.0),
        ("ranges", ground([1, 1], [([1, 2], 4, 6), ([1, -1], -1, 1)]), 7 / 3),
        ("an offset", ground([1], [ge([1], 2)], offset=10.0), 12.0),
        ("only an offset", ground([0, 0], [le([1, 1], 2)], offset=-3.5), -3.5),
        ("no costs, whole", ground([0, 0], [eq([3, 5], 31)], integer=[0, 1], upper=[20, 20]), 0.0),
        ("a parity that cannot be", ground([0, 0], [eq([2, 4], 7)], integer=[0, 1], upper=[9, 9]), "INFEASIBLE"),
        ("a gap between whole numbers", ground([1], [ge([1], 0.2), le([1], 0.8)], integer=[0], upper=[5]), "INFEASIBLE"),
        ("fractional bounds of a whole variable", ground([1], lower=[0.3], upper=[2.7], integer=[0]), 1.0),
        ("degenerate corner", ground([-1, -1], [le([1, 0], 1), le([0, 1], 1), le([1, 1], 2), le([2, 1], 3), le([1, 2], 3)]), -2.0),
        (
            "cycling",
            ground([-0.75, 150, -0.02, 6], [le([0.25, -60, -0.04, 9], 0), le([0.5, -90, -0.02, 3], 0), le([0, 0, 1, 0], 1)]),
            -0.05,
        ),
        ("many optima", ground([1, 1, 1], [ge([1, 1, 1], 3)]), 3.0),
        ("many optima, whole", ground([1, 1, 1], [ge([2, 2, 2], 5)], integer=[0, 1, 2], upper=[9, 9, 9]), 3.0),
        ("the same row twice", ground([1, 2], [ge([1, 1], 2), ge([1, 1], 2), ge([2, 2], 4)]), 2.0),
        ("small and large", ground([1e-3, 1e3], [ge([1e-2, 1e2], 1e2), le([1, 0], 1e4)]), 10.0),
        ("semicontinuous order", ground([1, 5], [le([1, -40], 0), ge([1, -12], 0), ge([1, 0], 3)], upper=[40, 1], integer=[0, 1]), 17.0),
        ("fixed charge", ground([1.0, 2.0, 10.0], [ge([1, 1, 0], 7), le([1, 0, -9], 0)], upper=[INF, INF, 1], integer=[2]), 14.0),
        ("set covering", ground([3, 2, 4], [ge([1, 1, 0], 1), ge([0, 1, 1], 1), ge([1, 0, 1], 1)], upper=[1] * 3, integer=range(3)), 5.0),
    ]


def _random(seed: int, n: int, m: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((m, n)) < 0.6, rng.integers(1, 10, (m, n)), 0).astype(float)
    return rng, dense, rng.integers(1, 20, n).astype(float)


def _linear() -> list[tuple[str, GroundModel, Known]]:
    found = []
    for seed in range(8):
        rng, dense, cost = _random(seed, 6, 4)
        need = rng.integers(5, 30, 4) * (dense.sum(axis=1) > 0)
        found.append((f"linear cover {seed}", ground(cost, [(r, b, INF) for r, b in zip(dense, need, strict=True)]), None))
    return found


def _mixed() -> list[tuple[str, GroundModel, Known]]:
    found = []
    for seed in range(20, 28):
        rng, dense, cost = _random(seed, 7, 5)
        need = rng.integers(5, 40, 5) * (dense.sum(axis=1) > 0)
        rows = [(r, b, INF) for r, b in zip(dense, need, strict=True)]
        found.append((f"mixed cover {seed}", ground(cost, rows, integer=range(0, 7, 2), upper=np.full(7, 30.0)), None))
    return found


def _whole() -> list[tuple[str, GroundModel, Known]]:
    found = []
    for seed in range(40, 48):
        rng, dense, cost = _random(seed, 6, 4)
        need = rng.integers(5, 40, 4) * (dense.sum(axis=1) > 0)
        rows = [(r, b, INF) for r, b in zip(dense, need, strict=True)]
        found.append((f"whole cover {seed}", ground(cost, rows, integer=range(6), upper=np.full(6, 30.0)), None))
    return found


def _knapsacks() -> list[tuple[str, GroundModel, Known]]:
    found = []
    for seed in range(60, 66):
        rng = np.random.default_rng(seed)
        size, worth = rng.integers(3, 20, 10), rng.integers(5, 30, 10)
        room = int(size.sum() // 2)
        best = np.zeros(room + 1)
        for s, w in zip(size, worth, strict=True):
            best[s:] = np.maximum(best[s:], best[: room + 1 - s] + w)
        model = ground(worth, [(size, -INF, room)], upper=np.ones(10), integer=range(10), sense="max")
        found.append((f"knapsack {seed}", model, float(best[room])))
    return found


def _assignments() -> list[tuple[str, GroundModel, Known]]:
    found = []
    for seed in range(70, 74):
        cost = np.random.default_rng(seed).integers(1, 50, (4, 4))
        rows = []
        for i in range(4):
            for axis in (0, 1):
                row = np.zeros((4, 4))
                row[(i, slice(None)) if axis == 0 else (slice(None), i)] = 1.0
                rows.append((row.ravel(), 1.0, 1.0))
        whole = ground(cost.ravel(), rows, upper=np.ones(16), integer=range(16))
        found.append((f"assignment {seed}", whole, None))
        found.append((f"assignment {seed}, relaxed", replace(whole, integrality=np.zeros(16, np.uint8)), None))
    return found


def _without_answer() -> list[tuple[str, GroundModel, Known]]:
    return [
        ("crossed rows", ground([1, 1], [([1, 1], 5, INF), ([1, 1], -INF, 4)]), "INFEASIBLE"),
        ("crossed rows, whole", ground([1, 1], [([1, 1], 5, INF), ([1, 1], -INF, 4)], integer=[0, 1], upper=[9, 9]), "INFEASIBLE"),
        ("crossed bounds", ground([1], lower=[3], upper=[2]), "INFEASIBLE"),
        ("too little", ground([1, 1], [([1, 1], 30, INF)], upper=[10, 10], integer=[0, 1]), "INFEASIBLE"),
        ("a chain", ground([0, 0, 0], [([1, -1, 0], 1, INF), ([0, 1, -1], 1, INF), ([-1, 0, 1], 1, INF)], lower=[-INF] * 3), "INFEASIBLE"),
        ("endless", ground([-1, 0], [([1, -1], -INF, 2)]), "UNBOUNDED"),
        ("endless, maximised", ground([1], [([1], 0, INF)], sense="max"), "UNBOUNDED"),
        ("endless below", ground([1], lower=[-INF]), "UNBOUNDED"),
        ("endless and whole", ground([-1, 0], [([1, -1], -INF, 2)], integer=[0]), "UNBOUNDED"),
        ("endless and all whole", ground([-1, 0], [([1, -1], -INF, 2)], integer=[0, 1]), "UNBOUNDED"),
    ]

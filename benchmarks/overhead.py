"""What our solve costs beyond HiGHS itself: the same arrays through `highspy` by hand and through HighsSolver, in alternating rounds.

CPU seconds of the whole process (both threads); the search is cut by a node limit, so that both do the same work, and iteration
counts are compared. ``python benchmarks/overhead.py [ROUNDS]``
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import median

import highspy
import numpy as np

from benchmarks.instances import procurement
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.optimizer.polish import polish
from dyocense_cli.ports import SolveLimits

Row = tuple[str, GroundModel, SolveLimits]


def by_hand(model: GroundModel, limits: SolveLimits) -> float:
    """Return simplex iterations of HiGHS run without any layer."""
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    engine.setOptionValue("threads", 1)
    engine.setOptionValue("mip_rel_gap", limits.gap)
    if limits.nodes is not None:
        engine.setOptionValue("mip_max_nodes", limits.nodes)
    engine.passModel(
        model.n_cols, model.n_rows, model.nnz, 1, 1, model.offset, model.cost, model.lower, model.upper, model.row_lower,
        model.row_upper, model.start.astype(np.int32), model.index.astype(np.int32), model.value, model.integrality.astype(np.int32),
    )  # fmt: skip
    engine.run()
    return float(engine.getInfo().simplex_iteration_count)


def through(model: GroundModel, limits: SolveLimits) -> float:
    """Return simplex iterations of our adapter, with someone watching."""
    return float(HighsSolver().solve(model, limits, progress=lambda _: False).diagnostics["iterations"])


def rows() -> list[Row]:
    small, middle = ground(procurement(4)), ground(procurement(31))

    def relaxed(model: GroundModel) -> GroundModel:
        return replace(model, integrality=np.zeros_like(model.integrality))

    return [
        ("LP, 1.2e4 nonzeros", relaxed(small), SolveLimits()),
        ("LP, 9.4e4 nonzeros", relaxed(middle), SolveLimits()),
        ("MIP, 1.2e4 nonzeros, 40 nodes", small, SolveLimits(gap=0.0, nodes=40)),
    ]


def main(rounds: int) -> None:
    print(f"{'model':<32}{'by hand':>10}{'adapter':>10}{'ratio':>8}{'extra ms':>10}   same work")
    for name, model, limits in rows():
        hand, ours, same = [], [], True
        for _ in range(rounds):
            times = []
            work = []
            for way in (by_hand, through):
                begun = time.process_time()
                work.append(way(model, limits))
                times.append(time.process_time() - begun)
            hand.append(times[0])
            ours.append(times[1])
            same &= work[0] == work[1]
        a, b = median(hand), median(ours)
        print(f"{name:<32}{a:>10.3f}{b:>10.3f}{b / a:>8.3f}{1000 * (b - a):>10.1f}   {same}")
    model = ground(procurement(31))
    begun = time.process_time()
    answer = HighsSolver().solve(replace(model, integrality=np.zeros_like(model.integrality)), SolveLimits())
    first = time.process_time() - begun
    begun = time.process_time()
    assert answer.x is not None
    polish(model, replace(answer, row_dual=None, x=np.ceil(answer.x)), SolveLimits(), HighsSolver().solve)
    print(f"polish (integers fixed, prices) at 9.4e4 nonzeros: {time.process_time() - begun:.3f} s, the relaxation took {first:.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

"""How long a stress test takes: 40 SKUs, 6 suppliers, 8 periods, 50 scenarios planned, 200 full, 200 fresh, five shocks.

CPU seconds of one process, split by part. ``python benchmarks/stress.py [SKUS]``
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace

from benchmarks.procurement import compiled, instance, world
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.ports import Lent


def main(skus: int) -> None:
    f = instance(skus, J=6, T=8, W=50)
    model = compiled(f)
    spent = {"ground": 0.0, "solve": 0.0}

    def timed(name, function):
        def call(*a, **k):
            begun = time.process_time()
            answer = function(*a, **k)
            spent[name] += time.process_time() - begun
            return answer

        return call

    def solve(g, limits, start=None, progress=None, **_: object) -> Solution:
        return HighsSolver().solve(g, limits, start=start, progress=progress)

    lent = Lent(timed("ground", ground), timed("solve", solve), seconds=time.monotonic)
    begun = time.process_time()
    solution = solve_model(model, SolverOptions("auto", 60.0, 0.02, 1, 1), lent=lent)
    assert solution.x is not None
    print(f"{skus} SKUs, {ground(model).nnz} nonzeros: {time.process_time() - begun:.2f} s for a plan within {solution.gap or 0.0:.2%}")
    sets = world(f)[1]
    full, fresh = world(instance(skus, J=6, T=8, W=200, seed=7))[1], world(instance(skus, J=6, T=8, W=200, seed=8))[1]
    for title, scenarios in (("planned set and shocks", sets), ("and 200 full, 200 fresh", replace(sets, full=full, fresh=fresh))):
        spent.update(ground=0.0, solve=0.0)
        begun = time.process_time()
        report = stress(model, scenarios, solution, lent=lent)
        total = time.process_time() - begun
        print(f"{title:<28}{total:>8.2f} s   ground {spent['ground']:.2f}   solve {spent['solve']:.2f}   sets {sorted(report.sets)}")
        print(f"    peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
        print("   ", report.notes, {k: round(v["cost_mean"], 1) for k, v in report.sets.items()}, report.vss, report.evpi)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)

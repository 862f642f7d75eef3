"""Proven gaps of procurement plans on one core, beside HiGHS, CP-SAT and MathOpt on the same arrays.

Through the program's own path: model file → compile_goal → solve_model → check. Times are process CPU seconds of one run; they
start at the compiled model and leave out the first compilation of the kernels, which is cached.

    python benchmarks/solve.py                       # 31, 311, 3110 SKUs, seeds 1-5, budget factors 1.0 and 0.77
    python benchmarks/solve.py --skus 31 --seeds 1 --budgets 0.72 0.71 --storage 0.3
    python benchmarks/solve.py --skus 31 --peers     # the same arrays in HiGHS, CP-SAT, MathOpt
    python benchmarks/solve.py --seeds 1 --budgets 1 --threads 1 2   # alternating; wall time beside CPU time
    python benchmarks/solve.py --command             # model file → `dyocense solve`: CPU and memory of the whole process
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.procurement import Instance, compiled, instance
from dyocense_cli.adapters import registry
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import Declined, attempt
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.optimodel.shape import optimodel_json
from dyocense_cli.ports import Lent, SolveEvent, SolveLimits

ROOT = Path(__file__).resolve().parents[1]

#: time limit in seconds and gap asked for, per number of SKUs
ASKED = {31: (20.0, 0.01), 311: (30.0, 0.01), 3110: (60.0, 0.02)}


@dataclass(slots=True)
class Trace:
    """Times at which the proven gap fell below marks."""

    began: float = field(default_factory=time.process_time)
    first: float | None = None
    two: float | None = None
    one: float | None = None

    def __call__(self, event: SolveEvent) -> bool:
        if event.objective is None or event.bound is None:
            return False
        gap = (event.objective - event.bound) / abs(event.objective)
        now = time.process_time() - self.began
        self.first = self.first if self.first is not None else now
        self.two = now if self.two is None and gap <= 0.02 else self.two
        self.one = now if self.one is None and gap <= 0.01 else self.one
        return False


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def warm_up() -> None:
    """Load or compile the kernels outside the clock."""
    run(compiled(instance(12)), 5.0, 0.05)


def run(model: OptiModel, limit_s: float, gap: float, threads: int = 1) -> tuple[Solution | Declined, Trace, float]:
    """Solve as the program does; with gap 0 the blocks alone, for as long as the limit says."""
    trace = Trace()
    highs = registry.load("solver", "highs")()

    def solve(model: GroundModel, limits: SolveLimits, *, start: np.ndarray | None = None, **_: object) -> Solution:
        answer: Solution = highs.solve(model, limits, start=start)
        return answer

    lent = Lent(ground, solve, trace, time.process_time)
    trace.began = time.process_time()
    options = SolverOptions("auto", limit_s, gap, threads, 1, work=1e6 if gap == 0 else None)
    found = attempt(model, options, lent=lent) if gap == 0 else solve_model(model, options, lent=lent)
    return found, trace, time.process_time() - trace.began


def ours(f: Instance, *, seed: int, factor: float, limit_s: float, gap: float, threads: int) -> None:
    model = compiled(f)
    clock = time.perf_counter()
    found, trace, cpu = run(model, limit_s, gap, threads)
    clock = time.perf_counter() - clock
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    head = f"{f.S:>6} {seed:>4} {factor:>6.2f} {threads:>7} {clock:>7.1f} {cpu:>7.1f}"
    if isinstance(found, Declined):
        print(f"{head}  none: {found.reason}", flush=True)
    elif found.gap is None:
        print(f"{head}  {found.status}: {found.raw_status} {found.diagnostics.get('decomposition', '')}", flush=True)
    else:
        report = check(model, found)
        print(
            f"{head} {seconds(trace.first):>7} {seconds(trace.two):>7} {seconds(trace.one):>7} {100 * found.gap:>7.2f}% "
            f"{report.rows_checked:>9} {'ok' if report.ok else 'FAILS'} {report.worst:>8.1e} {rss:>6.2f}",
            flush=True,
        )


def peers(f: Instance, limit_s: float) -> None:
    """Solve the ground arrays in one piece with each backend; CPU seconds, worker processes included.

    CP-SAT takes whole columns only and gets the same arrays with every column whole: stocks are, as lots and demands are.
    """
    arrays = ground(compiled(f))
    for name in ("highs", "cpsat", "mathopt"):
        before = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        try:
            solver = registry.load("solver", name)()
            asked = replace(arrays, integrality=np.ones_like(arrays.integrality)) if name == "cpsat" else arrays
            answer = solver.solve(asked, SolveLimits(time_s=limit_s, gap=1e-4, threads=1, seed=1, duals=False))
            getattr(solver, "close", lambda: None)()  # a worker process is counted when it has ended
        except Exception as refused:  # a peer that cannot take the model is a row of the table
            print(f"{f.S:>6} {name:<17} refused: {str(refused).splitlines()[0]}", flush=True)
            continue
        cpu = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        gap = "-" if answer.gap is None else f"{100 * answer.gap:.2f}%"
        label = f"{name}, all whole" if asked is not arrays else name
        print(f"{f.S:>6} {label:<17} cpu {cpu:>6.1f}  {answer.status}  gap {gap}  bound {answer.bound}", flush=True)


def through_the_command(f: Instance, *, seed: int, factor: float, limit_s: float, gap: float) -> None:
    """Solve a model file with `dyocense solve`: CPU seconds and peak memory of the whole process, reasons and risk included."""
    document, arrays = optimodel_json(compiled(f), source={}, versions={})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "dyocense.toml").write_text("", "utf-8")
        (place / "optimodel.json").write_text(json.dumps(document), "utf-8")
        (place / "optimodel.arrays").mkdir()
        for sha, array in arrays.items():
            np.save(place / "optimodel.arrays" / f"{sha}.npy", array)
        del document, arrays
        limits = (f"--time-limit={limit_s}s", f"--mip-gap={gap}")
        argv = [sys.executable, "-m", "dyocense_cli", "solve", "optimodel.json", "--json", "--quiet", *limits]
        with (place / "out.json").open("wb") as out:
            process = subprocess.Popen(argv, cwd=place, stdout=out, env={**os.environ, "PYTHONPATH": str(ROOT)})
        _, status, used = os.wait4(process.pid, 0)
        answer = json.loads((place / "out.json").read_bytes() or b"{}")
    held = answer.get("gap")
    print(
        f"{f.S:>6} {seed:>4} {factor:>6.2f} {used.ru_utime + used.ru_stime:>7.1f} {answer.get('status')} "
        f"gap {'-' if held is None else f'{100 * held:.2f}%'} exit {os.waitstatus_to_exitcode(status)} {used.ru_maxrss / 2**20:.2f} GiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skus", type=int, nargs="+", default=[31, 311, 3110])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--budgets", type=float, nargs="+", default=[1.0, 0.77])
    parser.add_argument("--storage", type=float, default=1.0)
    parser.add_argument("--limit", type=float, default=None)
    parser.add_argument("--gap", type=float, default=None, help="gap asked for; 0 searches until the limit")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--command", action="store_true", help="a model file through `dyocense solve`, the whole process")
    args = parser.parse_args()
    warm_up()
    if not args.peers:
        marks = "" if args.command else "   first    2 %s    1 %s     gap      rows check   worst GiB"
        print(f"  SKUs seed budget{'' if args.command else ' threads    wall'}     cpu{marks}")
    for skus in args.skus:
        limit_s, gap = ASKED.get(skus, (60.0, 0.02))
        limit_s, gap = args.limit or limit_s, gap if args.gap is None else args.gap
        for seed in args.seeds:
            base = instance(skus, seed=seed)
            if args.peers:
                peers(base, limit_s)
                continue
            for factor in args.budgets:
                changed = replace(base, budget=base.budget * factor, store=base.store * args.storage)
                if args.command:
                    through_the_command(changed, seed=seed, factor=factor, limit_s=limit_s, gap=gap)
                    continue
                for threads in args.threads:
                    ours(changed, seed=seed, factor=factor, limit_s=limit_s, gap=gap, threads=threads)


if __name__ == "__main__":
    main()

"""Model to loaded solver: CPU time and memory of grounding against hand-written arrays and other modelling layers, in one run.

``python -m benchmarks.grounding [--sizes 31 311 3110] [--peers-up-to 311]`` prints a table. Every measurement runs in a process of its
own; CPU seconds are those of building and passing the model to HiGHS, memory is the growth of the peak over the process after imports
and data. The optimum of the LP relaxation is compared at the smallest size.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
import warnings

SIZES = (31, 311, 3110)


def one(name: str, size: int, repeats: int, *, solve: bool) -> None:
    """Measure one builder in this process and print a JSON line."""
    warnings.simplefilter("ignore")
    from benchmarks.grounding_peers import BUILDERS
    from benchmarks.procurement import compiled, instance

    build = BUILDERS[name]
    build(instance(2))  # imports and caches of the layer are not what is measured
    data = instance(size)
    model = compiled(data) if name == "ours" else data
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    best, value = float("inf"), None
    peak = 0
    for number in range(repeats):
        gc.collect()
        start = time.process_time()
        built = build(model)  # type: ignore[arg-type]  # ours takes the compiled model
        best = min(best, time.process_time() - start)
        if number == 0:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if solve and value is None:
            value = built()
        del built
    print(json.dumps({"cpu": best, "mb": peak / 1024, "optimum": value}))


def measure(name: str, size: int, repeats: int, *, solve: bool = False) -> dict[str, float]:
    """Run `one` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.grounding", "--one", name, "--size", str(size), "--repeats", str(repeats)]
    done = subprocess.run(command + (["--solve"] if solve else []), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} at {size}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one")
    parser.add_argument("--size", type=int, default=31)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--solve", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--peers-up-to", type=int, default=311)
    args = parser.parse_args()
    if args.one:
        one(args.one, args.size, args.repeats, solve=args.solve)
        return
    names = ["by hand", "ours", "linopy", "PyOptInterface", "highspy expressions", "Pyomo"]
    print("optimum of the LP relaxation, 4 SKUs:")
    for name in names:
        print(f"  {name:22s}{measure(name, 4, 1, solve=True)['optimum']:.6f}")
    print(f"{'SKUs':>6s} {'builder':22s}{'CPU s':>10s}{'ratio':>8s}{'MB':>9s}{'ratio':>8s}")
    for size in args.sizes:
        base: dict[str, float] = {}
        for name in names:
            if size > args.peers_up_to and name not in ("by hand", "ours", "linopy"):
                continue
            found = measure(name, size, 5 if name in ("by hand", "ours") else 1)
            base = base or found
            ratios = found["cpu"] / base["cpu"], found["mb"] / base["mb"]
            print(f"{size:6d} {name:22s}{found['cpu']:10.4f}{ratios[0]:8.1f}{found['mb']:9.1f}{ratios[1]:8.2f}", flush=True)


if __name__ == "__main__":
    main()

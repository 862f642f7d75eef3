"""Cost of `dyocense --help` against an empty interpreter: CPU seconds, medians of alternating runs in one go."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys


def cpu(argv: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(repeats: int = 30) -> None:
    commands = {
        "empty interpreter": [sys.executable, "-c", "pass"],
        "dyocense --help": [sys.executable, "-m", "dyocense_cli", "--help"],
        "dyocense plan --help": [sys.executable, "-m", "dyocense_cli", "plan", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, argv in commands.items():
            times[name].append(cpu(argv))
    base = statistics.median(times["empty interpreter"])
    print(f"{'command':<24}{'CPU ms':>8}{'ratio':>8}")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:<24}{1000 * middle:>8.1f}{middle / base:>8.2f}")


if __name__ == "__main__":
    main()

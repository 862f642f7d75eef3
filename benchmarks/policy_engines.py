"""Cost of one policy decision by engine: medians of alternating rounds, wall ms; the same question and pack for all.

usage: policy_engines.py [ROUNDS]   needs opa on PATH or DYOCENSE_OPA
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm
from dyocense_cli.adapters.policy.pack import load_pack
from tests.opa import plain_question


def clock(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)


def main(rounds: int = 40) -> None:
    opa = os.environ.get("DYOCENSE_OPA") or shutil.which("opa")
    if opa is None:
        sys.exit("no opa: name one with DYOCENSE_OPA")
    pack, question = load_pack(), plain_question()
    with tempfile.TemporaryDirectory() as cache:
        managed, wasm, process = OpaManaged(opa, load_pack, cache=cache), OpaWasm(pack, cache=cache), OpaProcess(opa, pack, cache=cache)
        first = {
            "wasm, nothing cached": clock(lambda: wasm.decide(question)),
            "server, first start": clock(lambda: managed.decide(question)),
            "snapshot, binary unknown": clock(process.snapshot),
        }
        calls: dict[str, Callable[[], object]] = {
            "server on a Unix socket": lambda: managed.decide(question),
            "one process a question": lambda: process.decide(question),
            "wasm in process": lambda: wasm.decide(question),
            "wasm, code from cache": lambda: OpaWasm(pack, cache=cache).decide(question),
            "snapshot, binary known": process.snapshot,
            "peer: bare `opa eval` of true": lambda: subprocess.run([opa, "eval", "true"], capture_output=True, check=True),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                times[name].append(clock(call))
        managed.close()
    base = statistics.median(times["server on a Unix socket"])
    print(f"{'way':<32}{'ms':>9}{'ratio':>9}")
    for name, value in [*((n, statistics.median(v)) for n, v in times.items()), *first.items()]:
        print(f"{name:<32}{value:>9.2f}{value / base:>9.1f}")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))

"""Fairness in solver seconds: four tiers over saturated workers, each job a real mixed-integer solve in a child process.

    python benchmarks/fairness.py [--seconds 600] [--slots 2] [--database sqlite|postgres]

Jobs of a tier differ in size, and tiers differ in their mix; the cost that a job is queued with is a prediction that is wrong on
purpose, so that shares can only follow the weights if tags are corrected by what the solves really took. Seconds are CPU seconds of the
child, as the operating system counts them, so that a busy machine does not blur them. Now and then a lone tenant submits one job: it
should begin within one job length. At the end the cost estimate is fitted on half of the finished jobs and tried on the others.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks import jobqueue
from benchmarks.databases import databases
from dyocense_cli.adapters.queue.worker import DbosWorker
from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.kernel.tenancy.estimate import PRIOR, Finished, Size, fit_estimator, predict

WEIGHTS = {"free": 1, "standard": 2, "pro": 4, "enterprise": 8}
#: Facilities of a tier's solves; the number of columns grows with the square.
SIZES = {"free": (12, 24), "standard": (8, 16, 24), "pro": (8, 20), "enterprise": (4, 12, 16)}
#: What a tier's prediction is of the prior's: too small, right, too large.
WRONG = {"free": 3.0, "standard": 0.5, "pro": 2.0, "enterprise": 1.0}
SOLVE = Path(__file__).with_name("facilities.py")
LOG = "solve_log (run_id text, tenant_id text, began float, ended float, cpu float)"


def size_of(run_id: str) -> int:
    return int(run_id.split("-")[1])


def model_size(facilities: int) -> Size:
    return Size(facilities + 2 * facilities**2, 3 * facilities, 1)


def cpu_of_child(run_id: str) -> float:
    """Solve in a child; return its CPU seconds as the operating system counts them."""
    arguments = [sys.executable, str(SOLVE), str(size_of(run_id)), run_id.split("-")[2]]
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, run_id
    return used.ru_utime + used.ru_stime


def worker(url: str, slots: int) -> None:
    engine = open_engine(url)

    def handler(tenant: str, run_id: str, _kind: str) -> float:
        began = time.time()
        cpu = cpu_of_child(run_id)
        with engine.begin() as c:
            values = {"r": run_id, "t": tenant, "b": began, "e": time.time(), "c": cpu}
            c.execute(sa.text("INSERT INTO solve_log (run_id, tenant_id, began, ended, cpu) VALUES (:r, :t, :b, :e, :c)"), values)
        return cpu

    made = DbosWorker(engine, executor=uuid.uuid4().hex, pools=("main",), slots=slots, handler=handler, closer=lambda *_: None, poll_s=0.02)
    signal.signal(signal.SIGTERM, lambda *_: made.stop())
    made.launch()
    print("up", flush=True)
    made.serve()


def _foreseen(tenant: str, size: int) -> float:
    return predict(PRIOR, model_size(size), time_limit_s=60.0) * WRONG.get(tenant, 1.0)


@dataclass(frozen=True)
class Solved:
    tenant: str
    run_id: str
    began: float
    ended: float
    cpu: float


@dataclass
class Outcome:
    """What a run gave: `solved` in the order they began while all tiers had work waiting; `lone` waits of lone jobs in seconds."""

    solved: list[Solved]
    lone: list[float]

    def seconds(self) -> dict[str, float]:
        out: dict[str, float] = defaultdict(float)
        for one in self.solved:
            out[one.tenant] += one.cpu
        return {t: out[t] for t in WEIGHTS}

    def shares(self) -> dict[str, float]:
        """Return share of solver seconds over share of weight; 1.0 is exact."""
        seconds, weights = self.seconds(), sum(WEIGHTS.values())
        return {t: seconds[t] / sum(seconds.values()) * weights / w for t, w in WEIGHTS.items()}

    def largest(self, tenant: str) -> float:
        """Return a tier's largest job by the larger of its real and its predicted seconds, in weighted seconds."""
        return max(max(s.cpu, _foreseen(tenant, size_of(s.run_id))) for s in self.solved if s.tenant == tenant) / WEIGHTS[tenant]

    def gaps(self) -> Iterator[tuple[str, str, float, float]]:
        """Yield (tenant, tenant, largest |W_f/w_f - W_g/w_g| over every interval, one largest job each), in weighted seconds.

        Work counts when its job begins, and when it ends; the larger gap stands.
        """
        for i, f in enumerate(WEIGHTS):
            for g in list(WEIGHTS)[i + 1 :]:
                sign = {f: 1.0 / WEIGHTS[f], g: -1.0 / WEIGHTS[g]}
                apart = 0.0
                for order in (self.solved, sorted(self.solved, key=lambda s: s.ended)):
                    lead = np.cumsum([0.0, *(s.cpu * sign.get(s.tenant, 0.0) for s in order)])
                    apart = max(apart, float(lead.max() - lead.min()))
                yield f, g, apart, self.largest(f) + self.largest(g)

    def longest_wait(self, tenant: str) -> float:
        """Return the longest time between two begins of a tenant's jobs, in seconds."""
        at = sorted(s.began for s in self.solved if s.tenant == tenant)
        return max(np.diff(at), default=0.0)


class Bench(jobqueue.Bench):
    """The queue with jobs that are solves."""

    def __init__(self, url: str, owner: str) -> None:
        super().__init__(url, owner, module="benchmarks.fairness", log=LOG)
        self._rng = np.random.default_rng(7)

    def submit(self, tenant: str, size: int, *, weight: float, cap: int) -> str:
        run_id = f"{tenant}-{size}-{self._rng.integers(1 << 30)}-{uuid.uuid4().hex[:8]}"
        return self.queue(run_id, tenant=tenant, kind="solve", cost_s=_foreseen(tenant, size), weight=weight, cap=cap)

    def solved(self) -> list[Solved]:
        found = self.rows("SELECT tenant_id, run_id, began, ended, cpu FROM solve_log ORDER BY began")
        return [Solved(str(t), str(r), float(str(b)), float(str(e)), float(str(c))) for t, r, b, e, c in found]


def saturate(bench: Bench, *, slots: int, jobs: int, lone_every: int = 0, corrected: bool = True) -> Outcome:
    """Run until about `jobs` jobs ended while every tier had work waiting; a lone tenant submits one after each `lone_every`.

    With `corrected`, only jobs count that began when a job of every tier had ended: from then on all tags know real seconds.
    """
    mean = {t: float(np.mean([s**2.2 for s in SIZES[t]])) for t in WEIGHTS}
    unit = jobs / sum(w / mean[t] for t, w in WEIGHTS.items())
    for tenant, weight in WEIGHTS.items():
        for i in range(int(1.5 * unit * weight / mean[tenant]) + 12 * weight):
            size = SIZES[tenant][i % len(SIZES[tenant])]
            bench.submit(tenant, size, weight=weight, cap=weight)
    waits: list[tuple[str, float]] = []
    with bench.worker("--worker", bench.url, str(slots)):
        done = 0
        while done < jobs and _all_wait(bench):
            time.sleep(0.05)
            done = bench.count("SELECT count(*) FROM solve_log")
            if lone_every and done >= lone_every * (len(waits) + 1):
                run = bench.submit(f"lone{len(waits)}", 4, weight=4, cap=1)
                waits.append((run, time.time()))
    solved = bench.solved()
    began = {s.run_id: s.began for s in solved}
    lone = [began[run] - at for run, at in waits if run in began]
    tiers = [s for s in solved if s.tenant in WEIGHTS]
    since = max(min(s.ended for s in tiers if s.tenant == t) for t in WEIGHTS) if corrected else 0.0
    return Outcome([s for s in tiers if s.began >= since], lone)


def _all_wait(bench: Bench) -> bool:
    """Say whether every tier still has runs beyond those in flight."""
    return bench.count("SELECT count(DISTINCT tenant_id) FROM queue_jobs WHERE state = 'parked'") >= len(WEIGHTS)


def report(name: str, outcome: Outcome, slots: int) -> None:
    solved, seconds = outcome.solved, outcome.seconds()
    print(f"{name}: {len(solved)} solves, {sum(seconds.values()):.0f} CPU s in {solved[-1].ended - solved[0].began:.0f} s on {slots} slots")
    for tier, share in outcome.shares().items():
        lengths = [s.cpu for s in solved if s.tenant == tier]
        line = f"{len(lengths):>6} solves of {min(lengths):.2f} to {max(lengths):.2f} s, {seconds[tier]:>7.1f} s"
        print(
            f"  {tier:<11} weight {WEIGHTS[tier]}  {line}  share over weight {share:.3f}  longest wait {outcome.longest_wait(tier):.1f} s"
        )
    for f, g, apart, bound in outcome.gaps():
        print(f"  {f:<11} {g:<11} apart at most {apart:.2f} weighted s, (D+1) largest jobs each {(slots + 1) * bound:.2f}")
    if outcome.lone:
        longest = max(s.ended - s.began for s in solved)
        print(f"  {len(outcome.lone)} lone jobs began within {max(outcome.lone):.2f} s; the longest job took {longest:.2f} s")
    finished = [Finished(model_size(size_of(s.run_id)), s.cpu) for s in solved]
    fitted = fit_estimator(finished[::2])
    for label, estimator in (("prior", PRIOR), (f"fitted on {fitted.runs}", fitted)):
        ratio = np.array([r.seconds / predict(estimator, r.size, time_limit_s=60.0) for r in finished[1::2]])
        print(f"  estimate, {label:<14} real over predicted: median {np.median(ratio):.2f}, p80 {np.quantile(ratio, 0.8):.2f}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--worker", nargs=2)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker[0], int(arguments.worker[1]))
        return
    for name, url, owner in databases():
        if arguments.database in ("both", name.lower()):
            report(name, saturate(Bench(url, owner), slots=arguments.slots, jobs=arguments.jobs, lone_every=25), arguments.slots)


if __name__ == "__main__":
    main()

"""Speed and fairness of the service's queue: runs per second, pickup of an urgent run at depth, shares of four tiers.

    python benchmarks/serve.py [--depth 10000] [--jobs 600] [--database postgresql://…]

Real worker processes take real (tiny) runs. Compares with DBOS's own queue in the same run on the same database, so that the cost
of the fair order is seen as a ratio. SQLite always; Postgres where DYOCENSE_PG_OWNER_DSN and DYOCENSE_PG_DSN name a server.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from benchmarks import jobqueue
from benchmarks.databases import databases
from dyocense_cli.adapters.queue.worker import DbosWorker
from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.worker import run_worker
from dyocense_cli.settings import load_settings

TIERS = {"free": 1, "standard": 2, "pro": 4, "enterprise": 8}


def worker(url: str, slots: int, seconds: float) -> None:
    """A worker process whose runs take `seconds` and leave the time they began."""
    engine = open_engine(url)

    def handler(tenant: str, run_id: str, _kind: str) -> float:
        begin = time.time()
        time.sleep(seconds)
        with engine.begin() as c:
            c.execute(
                sa.text("INSERT INTO bench_log (run_id, tenant_id, at) VALUES (:r, :t, :at)"), {"r": run_id, "t": tenant, "at": begin}
            )
        return seconds

    made = DbosWorker(engine, executor=uuid.uuid4().hex, pools=("main",), slots=slots, handler=handler, closer=lambda *_: None, poll_s=0.02)
    made.launch()
    print("up", flush=True)
    made.serve()


def plain_worker(url: str, slots: int) -> None:
    """The peer: the durable engine's own queue, first in first out, no fair order."""
    from dbos import DBOS, DBOSConfig

    engine = open_engine(url)

    @DBOS.step(name="noop")
    def noop(run_id: str) -> None:
        with engine.begin() as c:
            c.execute(sa.text("INSERT INTO bench_log (run_id, tenant_id, at) VALUES (:r, 'peer', :at)"), {"r": run_id, "at": time.time()})

    @DBOS.workflow(name="peer")
    def peer(run_id: str) -> None:
        noop(run_id)

    DBOS(
        config=DBOSConfig(
            name="peer",
            system_database_engine=engine,
            executor_id="peer",
            application_version="peer",
            run_migrations=False,
            log_level="ERROR",
        )
    )
    DBOS.listen_queues(["peer"])
    DBOS.launch()
    DBOS.register_queue("peer", worker_concurrency=slots, polling_interval_sec=0.02, on_conflict="always_update")
    print("up", flush=True)
    while True:
        time.sleep(1)


class Bench(jobqueue.Bench):
    """The queue with jobs that do nothing for a while."""

    def __init__(self, url: str, owner: str) -> None:
        super().__init__(url, owner, module="benchmarks.serve", log="bench_log (run_id text, tenant_id text, at double precision)")

    def submit(self, tenant: str, n: int, *, weight: float = 1.0, cap: int = 8, cost: float = 0.01) -> list[str]:
        runs = [f"{tenant}-{uuid.uuid4().hex}" for _ in range(n)]
        return [self.queue(run, tenant=tenant, kind="bench", cost_s=cost, weight=weight, cap=cap) for run in runs]

    def until(self, claim: Callable[[], bool]) -> None:
        while not claim():
            time.sleep(0.01)

    def clear(self) -> None:
        with self.engine.begin() as c:
            for table in ("bench_log", "queue_jobs", "queue_tenants", "queue_pools", "queue_workers"):
                c.execute(sa.text(f"DELETE FROM {table}"))


def throughput(bench: Bench, jobs: int) -> dict[str, float]:
    """Runs per second of ours and of the engine alone, and submits per second."""
    begin = time.perf_counter()
    for i in range(8):
        bench.submit(f"t{i}", jobs // 8)
    submits = (jobs // 8 * 8) / (time.perf_counter() - begin)
    with bench.worker("--worker", bench.url, "8", "0"):
        begin = time.perf_counter()
        bench.until(lambda: bench.count("SELECT count(*) FROM bench_log") >= jobs // 8 * 8)
        ours = (jobs // 8 * 8) / (time.perf_counter() - begin)
    bench.clear()
    for _ in range(jobs):
        options: Any = {"workflow_name": "peer", "queue_name": "peer", "app_version": "peer"}
        bench.client.enqueue(options, uuid.uuid4().hex)
    with bench.worker("--peer", bench.url, "8"):
        begin = time.perf_counter()
        bench.until(lambda: bench.count("SELECT count(*) FROM bench_log") >= jobs)
        peer = jobs / (time.perf_counter() - begin)
    bench.clear()
    return {"runs/s": ours, "engine alone runs/s": peer, "ratio": ours / peer, "submits/s": submits}


def pickup(bench: Bench, depth: int, samples: int) -> dict[str, float]:
    """Milliseconds from submit to begin of a lone tenant's run while another has `depth` runs waiting; one slot is kept free."""
    bench.submit("flood", depth, cap=4)
    waits = []
    rest = random.Random(7)
    with bench.worker("--worker", bench.url, "5", "0.05"):
        bench.until(lambda: bench.count("SELECT count(*) FROM bench_log") >= min(depth, 5))
        for i in range(samples):
            time.sleep(rest.uniform(0.2, 0.6) if not depth else 0.0)  # an idle worker is met at any point of its pause
            at = time.time()
            run = bench.submit(f"urgent{i}", 1)[0]
            bench.until(lambda run=run: bench.count("SELECT count(*) FROM bench_log WHERE run_id = :r", r=run) > 0)
            waits.append(1000 * (float(str(bench.rows("SELECT at FROM bench_log WHERE run_id = :r", r=run)[0][0])) - at))
        still = bench.count("SELECT count(*) FROM queue_jobs WHERE state <> 'done'")
    bench.clear()
    grid = statistics.quantiles(waits, n=100, method="inclusive")
    return {"depth at end": still, "p50 ms": grid[49], "p99 ms": grid[98]}


def idle_worker(url: str, folder: str, seconds: float) -> None:
    """The service's worker with nothing to do; prints its CPU percentage and its statements per second."""
    settings = load_settings({"database_url": url, "serve_state": folder, "sandbox": "rlimits"})
    counted: Counter[str] = Counter()
    for name in ("before_cursor_execute", "begin", "commit", "rollback"):
        sa.event.listen(sa.Engine, name, lambda *_, name=name: counted.update([name]))

    def measure() -> None:
        time.sleep(3.0)  # what a start costs is another matter
        cpu, before = time.process_time(), Counter(counted)
        time.sleep(seconds)
        used, done = time.process_time() - cpu, counted - before
        print(
            json.dumps(
                {
                    "CPU %": 100 * used / seconds,
                    "statements/s": done["before_cursor_execute"] / seconds,
                    "transactions/s": done["begin"] / seconds,
                }
            ),
            flush=True,
        )
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=measure, daemon=True).start()
    run_worker(read_config(settings), slots=2)


def idle(bench: Bench, seconds: float) -> dict[str, float]:
    """What a worker costs that has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.serve", "--idle-worker", bench.url, folder, str(seconds)]
        done = subprocess.run(command, cwd=jobqueue.REPO, capture_output=True, text=True, check=True)
    bench.clear()
    return dict(json.loads(done.stdout.splitlines()[-1]))


def shares(bench: Bench, rounds: int) -> dict[str, float]:
    """Share of solver seconds of four saturated tiers over their weight's; 1.0 is exact."""
    for tier, weight in TIERS.items():
        bench.submit(tier, (rounds + 6) * weight, weight=weight, cap=weight, cost=0.02)
    total = rounds * 15
    with bench.worker("--worker", bench.url, "4", "0.02"):
        bench.until(lambda: bench.count("SELECT count(*) FROM bench_log") >= total)
    order = [str(r[0]) for r in bench.rows("SELECT tenant_id FROM bench_log ORDER BY at LIMIT :n", n=total)]
    bench.clear()
    got = Counter(order)
    return {tier: got[tier] / (rounds * weight) for tier, weight in TIERS.items()}


def report(name: str, bench: Bench, arguments: argparse.Namespace) -> None:
    for title, rows in (
        (f"{name}: throughput, {arguments.jobs} runs", throughput(bench, arguments.jobs)),
        (f"{name}: a worker with nothing to do", idle(bench, arguments.idle)),
        (f"{name}: pickup by a worker with nothing to do", pickup(bench, 0, arguments.samples)),
        (f"{name}: pickup at depth {arguments.depth}", pickup(bench, arguments.depth, arguments.samples)),
        (f"{name}: share over weight, four tiers", shares(bench, arguments.rounds)),
    ):
        print(title)
        for key, value in rows.items():
            print(f"  {key:<22} {value:>10.2f}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--depth", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--worker", nargs=3)
    parser.add_argument("--peer", nargs=2)
    parser.add_argument("--idle", type=float, default=20.0)
    parser.add_argument("--idle-worker", nargs=3)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker[0], int(arguments.worker[1]), float(arguments.worker[2]))
    if arguments.idle_worker:
        idle_worker(arguments.idle_worker[0], arguments.idle_worker[1], float(arguments.idle_worker[2]))
        return
    if arguments.peer:
        plain_worker(arguments.peer[0], int(arguments.peer[1]))
    for name, url, owner in databases():
        report(name, Bench(url, owner), arguments)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU seconds of the workers {used.ru_utime + used.ru_stime:.1f}")


if __name__ == "__main__":
    main()

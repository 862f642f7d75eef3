"""A worker whose runs are newsvendor decisions: the critical fractile of sampled demand, for about the run's predicted time.

Arguments: database URL, executor, slots, version of the application, pools, seconds to drain. Each begin and end is a row of `work_log`. A run of the kind
``hold`` ends when `work_log` says ``go``; one of the kind ``whole`` is taken apart the first time.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np
import sqlalchemy as sa

from dyocense_cli.adapters.queue.dbos import APP_VERSION, DbosQueue, client_of
from dyocense_cli.adapters.queue.worker import DbosWorker
from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.ports import Scope


def main(url: str, executor: str, slots: int, version: int = APP_VERSION, pools: str = "main", drain_s: float = 120.0) -> None:
    engine = open_engine(url)

    def logged(what: str, run_id: str = "") -> bool:
        with engine.connect() as c:
            text = sa.text("SELECT 1 FROM work_log WHERE what = :w AND (:r = '' OR run_id = :r)")
            return c.execute(text, {"w": what, "r": run_id}).fetchone() is not None

    def log(run_id: str, tenant: str, what: str) -> None:
        with engine.begin() as c:
            c.execute(
                sa.text("INSERT INTO work_log (run_id, tenant_id, executor, what, at) VALUES (:r, :t, :x, :w, :at)"),
                {"r": run_id, "t": tenant, "x": executor, "w": what, "at": time.time()},
            )

    def handler(tenant: str, run_id: str, kind: str) -> float:
        with engine.connect() as c:
            cost = float(c.execute(sa.text("SELECT cost_s FROM queue_jobs WHERE run_id = :r"), {"r": run_id}).scalar_one())
        begin = time.monotonic()
        log(run_id, tenant, "begin")
        demand = np.random.default_rng(7).normal(100, 20, 2000)
        quantity = float(np.quantile(demand, 0.8))
        assert 110 < quantity < 125
        if kind == "whole" and not logged("apart", run_id):
            log(run_id, tenant, "apart")
            assert DbosQueue(engine, Scope(tenant), client_of(engine)).split(run_id, {f"{run_id}-{i}": cost for i in range(3)})
        while kind == "hold" and not logged("go"):
            time.sleep(0.05)
        while (left := cost - (time.monotonic() - begin)) > 0:
            time.sleep(min(left, 0.05))
        log(run_id, tenant, "end")
        return cost  # as predicted: the shares then follow from the order alone, however busy the machine is

    def closer(tenant: str, run_id: str, why: str) -> None:
        log(run_id, tenant, f"closed {why}")

    worker = DbosWorker(
        engine, executor=executor, pools=pools.split(","), slots=slots, handler=handler, closer=closer, beat_s=0.3, dead_after_s=1.5, poll_s=0.02,
        drain_s=drain_s, version=version,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.launch()
    print("up", flush=True)
    if worker.serve():
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], float(sys.argv[6]))

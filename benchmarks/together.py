"""What arrives together and what is taken apart: forecast requests in one pass, and one large forecast in parts on two slots.

    python benchmarks/together.py [--skus 100] [--requests 8]

Starts the real service on SQLite with two slots. Seconds of the wall blur on a busy machine, so CPU seconds of the worker and its children,
as the operating system counts them, stand beside them. The answers are compared byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import numpy as np

REPO = Path(__file__).parents[1]
TENANTS = "pieces: {tier: enterprise}\nwhole: {tier: enterprise, parallel_solves: 1}\nbatch: {tier: enterprise, parallel_solves: 1}\n"
TENANTS += "single: {tier: enterprise, parallel_solves: 1}\n"


def context(skus: int) -> dict[str, Any]:
    """A context of two years of weekly history."""
    rng = np.random.default_rng(7)
    names = [f"SKU-{i:03d}" for i in range(skus)]
    days = [str(d) for d in np.arange(np.datetime64("2024-11-25"), np.datetime64("2026-11-23"), 7)]
    level = rng.uniform(20, 200, skus)
    demand = rng.poisson(level[:, None] * (1 + 0.3 * np.sin(np.arange(len(days)) / 52 * 2 * np.pi)))
    history = [{"sku": s, "date": d, "quantity": int(demand[i, j])} for i, s in enumerate(names) for j, d in enumerate(days)]
    return {
        "dsl": "context/v1",
        "currency": "EUR",
        "tables": {
            "skus": {"rows": [{"sku": s} for s in names]},
            "suppliers": {"rows": [{"supplier": "S", "lead_days": 7}]},
            "offers": {"rows": [{"sku": s, "supplier": "S", "price": 1.0} for s in names]},
            "history": {"rows": history},
        },
    }


class Service:
    """`dyocense serve` with two slots in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        (folder / "tenants.yaml").write_text(TENANTS)
        self._environment = {**os.environ, "DYOCENSE_SERVE_STATE": str(folder / "state"), "DYOCENSE_GRAPH": "none", "PYTHONPATH": str(REPO)}
        for name in ("DYOCENSE_DATABASE_URL", "DYOCENSE_REDIS_URL", "DYOCENSE_OPA_URL"):
            self._environment.pop(name, None)
        more = ["--sandbox", "rlimits", "--tenants", str(folder / "tenants.yaml")]
        self._process = subprocess.Popen(self._command("--port", str(port), "--workers", "2", *more), cwd=REPO, env=self._environment)
        self._url = f"http://127.0.0.1:{port}"
        while not self._ready():
            time.sleep(0.2)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "dyocense_cli", "serve", *arguments]

    def _ready(self) -> bool:
        try:
            return bool(httpx.get(f"{self._url}/readyz", timeout=5).json().get("slots") == 2)
        except (httpx.TransportError, ValueError):
            return False

    def cpu_s(self) -> float:
        """CPU seconds of the worker beside the API and of its children that ended."""
        own = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in own]
        return sum(sum(map(int, f[11:15])) for f in fields) / os.sysconf("SC_CLK_TCK")

    def ask(self, tenant: str, bodies: list[dict[str, Any]], *, at_once: bool) -> tuple[list[dict[str, Any]], float, float]:
        """Answers, wall seconds and CPU seconds of some scenario requests."""
        token = subprocess.run(
            self._command("token", "--tenant", tenant), env=self._environment, capture_output=True, text=True, check=True
        )
        client = httpx.Client(base_url=self._url, headers={"Authorization": f"Bearer {token.stdout.strip()}"}, timeout=3600)
        begin, cpu = time.monotonic(), self.cpu_s()
        ids: list[str] = [""] * len(bodies)

        def send(i: int) -> None:
            headers = {"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=0"}
            body = {"tenant_id": tenant, "tier": "enterprise", **bodies[i]}
            ids[i] = client.post("/forecast/scenarios", json=body, headers=headers).json()["run_id"]

        def result(i: int) -> dict[str, Any]:
            while True:
                view = client.get(f"/runs/{ids[i]}").json()
                if view["status"] in ("succeeded", "failed", "cancelled"):
                    assert view["status"] == "succeeded", view
                    return {k: v for k, v in view["result"].items() if k != "protections"}
                time.sleep(0.2)

        answers = []
        if at_once:
            threads = [threading.Thread(target=send, args=(i,)) for i in range(len(bodies))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            answers = [result(i) for i in range(len(bodies))]
        else:
            for i in range(len(bodies)):
                send(i)
                answers.append(result(i))
        wall = time.monotonic() - begin
        client.close()
        return answers, wall, self.cpu_s() - cpu

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--skus", type=int, default=100)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--model", default="statsmodels:SARIMAX")
    arguments = parser.parse_args()
    large = {"skus": [], "horizon": 8, "num_scenarios": 20, "seed": 7, "model": arguments.model, "context": context(arguments.skus)}
    small = [
        {"skus": ["EGGS-LARGE-1"], "horizon": 4, "num_scenarios": 20, "seed": i, "context_ref": "fixtures/dairy"}
        for i in range(arguments.requests)
    ]
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        try:
            rows = {
                f"{arguments.requests} requests, one after another": service.ask("single", small, at_once=False),
                f"{arguments.requests} requests at once": service.ask("batch", small, at_once=True),
                f"{arguments.skus} SKUs in one piece": service.ask("whole", [large], at_once=False),
                f"{arguments.skus} SKUs in parts, two slots": service.ask("pieces", [large], at_once=False),
            }
        finally:
            service.stop()
    for name, (_, wall, cpu) in rows.items():
        print(f"{name:<36} {wall:>8.1f} s of the wall {cpu:>8.1f} CPU s")
    answers = [json.dumps(a, sort_keys=True) for a, _, _ in rows.values()]
    print("same bytes:", answers[0] == answers[1], answers[2] == answers[3])


if __name__ == "__main__":
    main()

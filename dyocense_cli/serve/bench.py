"""Measure a running service against its objectives."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import httpx

from dyocense_cli.errors import UnavailableError
from dyocense_cli.serve.auth import mint
from dyocense_cli.serve.config import FINAL, read_config
from dyocense_cli.settings import Settings

__all__ = ["OBJECTIVES", "bench"]

#: Name, quantile, seconds: kernel design §6.
OBJECTIVES: Final = (("compile P50", "compile", 0.5, 0.3), ("solve P50", "solve", 0.5, 20.0), ("end to end P95", "end_to_end", 0.95, 90.0))
_LONGEST_S: Final = 3600.0


def bench(settings: Settings, *, runs: int, goal: str, url: str, tenant: str, tier: str) -> Mapping[str, Any]:
    """Submit `runs` plans of different seeds, wait for all, and return what was measured, in seconds."""
    token = mint(read_config(settings), tenant=tenant, tier=tier)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0) as client:
        begin = time.monotonic()
        try:
            first = uuid.uuid4().int % 10**9  # seeds that no earlier measurement had: equal work is done once
            ids = [_submit(client, goal, first + i) for i in range(runs)]
            views = [_finished(client, run_id) for run_id in ids]
        except httpx.TransportError as error:
            raise UnavailableError("DY4001", f"no service answers at {url}", hints="dyocense serve") from error
        wall = time.monotonic() - begin
    samples: dict[str, list[float]] = {"compile": [], "solve": [], "end_to_end": []}
    for view, stages in views:
        samples["end_to_end"].append(_between(view["created_at"], view["finished_at"]))
        for name in ("compile", "solve"):
            if name in stages:
                samples[name].append(stages[name])
    rows = [
        {"name": label, "seconds": _quantile(samples[key], q), "target": f"< {limit:g} s", "met": _quantile(samples[key], q) < limit}
        for label, key, q, limit in OBJECTIVES
    ]
    done = sum(v["status"] == "succeeded" for v, _ in views)
    return {"runs": runs, "succeeded": done, "wall_s": wall, "runs_per_s": runs / wall, "objectives": rows}


def _submit(client: httpx.Client, goal: str, seed: int) -> str:
    while True:
        answer = client.post("/plans", json={"goal_id": goal, "seed": seed}, headers={"Idempotency-Key": uuid.uuid4().hex})
        if answer.status_code == 429:
            time.sleep(float(answer.headers.get("Retry-After", "1")))
            continue
        answer.raise_for_status()
        return str(answer.json()["run_id"])


def _finished(client: httpx.Client, run_id: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Follow a run to its end; returns its view and the seconds of its stages."""
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        answer = client.get(f"/runs/{run_id}")
        if answer.status_code == 200 and answer.json()["status"] in FINAL:
            view: dict[str, Any] = answer.json()
            return view, _stages(client.get(f"/runs/{run_id}/events").text)
        time.sleep(0.2)
    raise UnavailableError("DY4001", f"run {run_id} did not end", hints="dyocense serve status")


def _stages(events: str) -> dict[str, float]:
    out: dict[str, float] = {}
    for line in events.splitlines():
        if line.startswith("data: "):
            data = json.loads(line[6:]).get("data", {})
            if data.get("state") == "run":
                out[str(data["stage"])] = float(data["seconds"])
    return out


def _between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def _quantile(values: list[float], q: float) -> float:
    if not values:
        return 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[int(q * 100) - 1] if len(values) > 1 else values[0]

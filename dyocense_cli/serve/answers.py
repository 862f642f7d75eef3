"""Answers about runs: what a tenant sees of one, and how long a request waits for one."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any, Final

from dyocense_cli.errors import AccessError, StoreError, UnavailableError
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import FINAL
from dyocense_cli.serve.context import Asked, threaded
from dyocense_cli.serve.shards import apart
from dyocense_cli.serve.store import kernel_run_of, run_files

__all__ = ["artifact_names", "find_run", "run_view", "wait_for", "wait_seconds"]

_RUN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_POLL_S: Final = 0.1
_LONGEST_WAIT_S: Final = 60.0
_HIDDEN: Final = ("artifacts/", "telemetry.json")


def find_run(asked: Asked, run_id: str) -> RunRow:
    """Return a run of the caller.

    Raises
    ------
    AccessError
        DY3111 (HTTP 404) for an id that is unknown or another tenant's: the two answers are the same.
    """
    row = asked.state.desk.parts.runs(asked.caller.tenant_id).read(run_id) if _RUN_ID.fullmatch(run_id) else None
    if row is None:
        raise AccessError("DY3111", "there is no run of this id", hints="GET /runs lists yours", http_status=404)
    return row


def artifact_names(asked: Asked, row: RunRow) -> list[str]:
    """Return the names of a run's files that may be fetched."""
    kernel_run = kernel_run_of(row)
    if not kernel_run:
        return []
    try:
        names = run_files(asked.state.desk.config, asked.caller.tenant_id).names(kernel_run)
    except (StoreError, UnavailableError):  # of another machine, and the object store is away
        return []
    return [n for n in names if not n.startswith(_HIDDEN)]


def run_view(asked: Asked, row: RunRow, *, full: bool) -> dict[str, Any]:
    """Return a run as its tenant sees it; `full` adds its result and the names of its artifacts."""
    desk = asked.state.desk
    place = desk.place(asked.caller, row)
    out: dict[str, Any] = {
        "run_id": row.run_id,
        "kind": row.kind,
        "status": row.status,
        "goal_id": row.goal_id,
        "variant": row.variant,
        "position": place.ahead,
        "reason": desk.reason(place) if row.status == "queued" else "nothing",
        "estimate_s": row.estimate_s,
        "solver_s": row.solver_s,
        "created_at": row.created_at,
        "began_at": row.began_at,
        "finished_at": row.finished_at,
        "attempts": row.attempts,
    }
    if row.problem:
        out["problem"] = json.loads(row.problem)
    if full:
        out["result"] = json.loads(row.result) if row.result else None
        out["artifacts"] = artifact_names(asked, row)
        out["parts"] = [_part_view(asked, one, kind) for kind, ids in apart(row).items() for one in ids]
    return out


def _part_view(asked: Asked, part_id: str, kind: str) -> dict[str, Any]:
    """Return a part of a run as its tenant sees it."""
    row = asked.state.desk.parts.runs(asked.caller.tenant_id).read(part_id)
    status, seconds = (row.status, row.solver_s) if row is not None else ("unknown", 0.0)
    return {"run_id": part_id, "kind": kind, "status": status, "solver_s": seconds}


def wait_seconds(prefer: str | None) -> float | None:
    """Return the seconds of ``Prefer: wait=N``, at most 60; None where it is not asked for."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isdigit():
            return min(float(value.strip()), _LONGEST_WAIT_S)
    return None


async def wait_for(asked: Asked, run_id: str, seconds: float) -> RunRow:
    """Return the run as soon as it ended, or as it stands when the time is over."""
    runs = asked.state.desk.parts.runs(asked.caller.tenant_id)
    end = time.monotonic() + seconds
    while True:
        row = await threaded(runs.read, run_id)
        assert row is not None
        left = end - time.monotonic()
        if row.status in FINAL or left <= 0:
            return row
        await asyncio.sleep(min(_POLL_S, left))

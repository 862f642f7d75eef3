"""Parts of a run as runs of their own in the same queue: they keep answers that the run, asked again, then finds.

What a forecast says of a SKU, or a solver of a program, does not depend on how they were taken apart, so that the run's result is the
same bytes with parts or without, and a part that fails costs time only: the run does what is missing itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.ports import SandboxResult
from dyocense_cli.ports.service import RunRow
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.serve.config import FINAL, number
from dyocense_cli.serve.job import Outcome, read_lines
from dyocense_cli.wiring_service import Parts

__all__ = ["apart", "end_part", "part_limits", "parts_in", "seconds_apart", "split", "whole_of"]


def part_limits(parts: Parts, row: RunRow, tier: Tier) -> dict[str, Any]:
    """Return into how many parts a run may be taken, as many as slots could work on at once, and what was in parts already."""
    if row.kind not in ("plan", "forecast", "solve") or tier.parallel_solves < 2:
        return {}
    slots = sum(worker[2] for worker in parts.workers())
    return {"most_parts": min(slots, tier.parallel_solves), "part_saves": number("serve.part_saves"), "apart": sorted(apart(row))}


def apart(row: RunRow) -> dict[str, list[str]]:
    """Return the ids of a run's parts by what is in them."""
    found: dict[str, list[str]] = json.loads(row.payload).get("parts", {}) if '"parts"' in row.payload else {}
    return found


def whole_of(row: RunRow) -> str:
    """Return the run that a part is of; the run itself for any other."""
    return str(json.loads(row.payload).get("of", row.run_id)) if row.kind == "shard" else row.run_id


def seconds_apart(parts: Parts, row: RunRow) -> float:
    """Return the solver seconds that a run's parts took, and the run itself before it was taken apart."""
    rows = [parts.runs(row.tenant_id).read(one) for one in apart(row).get("programs", ())]
    return sum(one.solver_s for one in rows if one is not None) + float(json.loads(row.payload).get("spent_s", 0.0))


def parts_in(ended: SandboxResult) -> Outcome | None:
    """Return the outcome of a child that asks for parts in place of a result."""
    outcome = read_lines(ended.stdout)
    return outcome if outcome is not None and "parts" in (outcome.result or {}) and ended.reason == "done" else None


def split(parts: Parts, row: RunRow, asked: Sequence[Mapping[str, Any]], spent_s: float) -> None:
    """Queue the parts of a run and let it wait for them, in one transaction; a second time changes nothing."""
    tenant, runs = row.tenant_id, parts.runs(row.tenant_id)
    payload: dict[str, Any] = json.loads(row.payload)
    with parts.unit(tenant):
        made = {uuid7(): one for one in asked}
        if not parts.queue(tenant).split(row.run_id, {part: float(one["seconds"]) for part, one in made.items()}):
            return
        for part, one in made.items():
            told = {**payload, "body": {"kind": row.kind, "body": payload["body"], "part": one}, "of": row.run_id}
            told.pop("parts", None)
            runs.create(
                RunRow(
                    part,
                    tenant,
                    row.tier,
                    "",
                    kind="shard",
                    goal_id=row.goal_id,
                    payload=json.dumps(told, sort_keys=True),
                    trace=row.trace,
                    created_at=parts.clock.now(),
                )
            )
        kind = str(asked[0]["kind"])
        kept = {**payload, "parts": {**apart(row), kind: sorted(made)}, "spent_s": payload.get("spent_s", 0.0) + spent_s}
        runs.update(row.run_id, {"payload": json.dumps(kept, sort_keys=True), "status": "queued"}, unless=FINAL)
        if kind == "programs":
            runs.uncount_solve(row.run_id)  # nothing went wrong: it begins again
        runs.event(row.run_id, "parts", {"parts": len(made), kind: sum(int(one["count"]) for one in asked)})


def end_part(parts: Parts, row: RunRow, outcome: Outcome) -> None:
    """Close a part; nobody is told, and nothing is settled: the run it is of has the budget, and pays for its seconds."""
    runs, status = parts.runs(row.tenant_id), "succeeded" if outcome.result is not None else "failed"
    values = {
        "status": status,
        "finished_at": parts.clock.now(),
        "solver_s": round(float(outcome.figures.get("shard_s", 0.0)), 4),
        "result": json.dumps(outcome.result, sort_keys=True) if outcome.result is not None else "",
        "problem": json.dumps(outcome.problem, sort_keys=True) if outcome.problem is not None else "",
    }
    with parts.unit(row.tenant_id):
        if runs.update(row.run_id, values, unless=FINAL):
            runs.event(whole_of(row), "part", {"part": row.run_id, "state": status, "seconds": values["solver_s"]})

"""Parts of a run as runs of their own in the same queue: they fill the tenant's forecast cache, and the run then finds all of it there.

What a forecast says of a SKU does not depend on how the SKUs were taken apart, so that the run's result is the same bytes with parts or
without, and a part that fails costs time only: the run forecasts what is missing itself.
"""

from __future__ import annotations

import json
from typing import Any

from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.ports import SandboxResult
from dyocense_cli.ports.service import RunRow
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.serve.config import FINAL, number
from dyocense_cli.serve.job import Outcome, read_lines
from dyocense_cli.wiring_service import Parts

__all__ = ["end_part", "shard_size", "shards_in", "split"]

#: Predicted seconds of a SKU in a library that fits series by series; corrected when the part ends, as every prediction.
_PER_SKU_S = 0.1


def shard_size(row: RunRow, tier: Tier) -> int:
    """Return how many SKUs a part of this run has; 0 for a run that is done in one piece: a part, or what was in parts before."""
    apart = row.kind in ("plan", "forecast") and "parts" not in json.loads(row.payload) and tier.parallel_solves > 1
    return int(number("serve.shard_skus")) if apart else 0


def shards_in(ended: SandboxResult) -> list[list[str]]:
    """Return the parts that a child asks for in place of a result."""
    outcome = read_lines(ended.stdout)
    return list((outcome.result or {}).get("shards", [])) if outcome is not None else []


def split(parts: Parts, row: RunRow, skus: list[list[str]]) -> None:
    """Queue the parts of a run and let it wait for them, in one transaction; a second time changes nothing."""
    tenant, runs = row.tenant_id, parts.runs(row.tenant_id)
    payload: dict[str, Any] = json.loads(row.payload)
    with parts.unit(tenant):
        made = {uuid7(): one for one in skus}
        if not parts.queue(tenant).split(row.run_id, {part: _PER_SKU_S * len(one) for part, one in made.items()}):
            return
        for part, one in made.items():
            body = {"kind": row.kind, "body": payload["body"], "skus": one}
            told = json.dumps({**payload, "body": body}, sort_keys=True)
            runs.create(
                RunRow(
                    part,
                    tenant,
                    row.tier,
                    "",
                    kind="shard",
                    goal_id=row.goal_id,
                    payload=told,
                    trace=row.trace,
                    created_at=parts.clock.now(),
                )
            )
        kept = json.dumps({**payload, "parts": sorted(made)}, sort_keys=True)
        runs.update(row.run_id, {"payload": kept, "status": "queued"}, unless=FINAL)
        runs.event(row.run_id, "parts", {"parts": len(made), "skus": sum(len(one) for one in skus)})


def end_part(parts: Parts, row: RunRow, outcome: Outcome) -> None:
    """Close a part; nobody is told, and nothing is settled: the run it is of has the budget."""
    values = {
        "status": "succeeded" if outcome.result is not None else "failed",
        "finished_at": parts.clock.now(),
        "result": json.dumps(outcome.result, sort_keys=True) if outcome.result is not None else "",
        "problem": json.dumps(outcome.problem, sort_keys=True) if outcome.problem is not None else "",
    }
    parts.runs(row.tenant_id).update(row.run_id, values, unless=FINAL)

"""POST /evidence/write: a snapshot by its hash in the tenant's folder, a reference to the graph, written behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dyocense_cli.artifacts.canonical import canonical_json
from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.errors import AccessError
from dyocense_cli.serve.context import Asked
from dyocense_cli.serve.problems import ProblemError

__all__ = ["write_evidence"]


def write_evidence(asked: Asked, body: Mapping[str, Any], key: str) -> tuple[dict[str, Any], bool]:
    """Return the evidence reference of a plan and whether it is a replayed answer.

    A plan that ran here refers to its own evidence; any other keeps the given solution as a snapshot under its hash.
    """
    desk, tenant = asked.state.desk, asked.caller.tenant_id
    ledger = desk.parts.ledger(tenant, asked.tier.budgets())
    body_sha = json_sha({"kind": "evidence", "body": dict(body)})
    snapshot = canonical_json({k: v for k, v in body.items() if k not in ("tenant_id", "tier")})
    sha = bytes_sha(snapshot)
    with desk.parts.unit(tenant):
        state, stored = ledger.idempotent(key, body_sha)
        if state == "replay" and stored:
            return json.loads(stored), True
        if state == "mismatch":
            raise AccessError(
                "DY3110", "this Idempotency-Key was used for another request", hints="use a new key for new work", http_status=422
            )
        if state == "in_flight":
            raise ProblemError(
                AccessError("DY3109", "the first request with this Idempotency-Key is still running", http_status=409),
                headers={"Retry-After": "1"},
            )
        _keep(asked, sha, snapshot)
        answer = _reference(asked, str(body["plan_id"]), sha)
        ledger.idempotent(key, body_sha, json.dumps(answer).encode())
    return answer, False


def _keep(asked: Asked, sha: str, snapshot: bytes) -> None:
    folder = asked.state.desk.config.tenant_folder(asked.caller.tenant_id) / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{sha.removeprefix('sha256:')}.json"
    if not target.exists():
        part = target.with_suffix(".part")
        part.write_bytes(snapshot)
        part.replace(target)


def _reference(asked: Asked, plan_id: str, sha: str) -> dict[str, Any]:
    desk, tenant = asked.state.desk, asked.caller.tenant_id
    row = desk.parts.runs(tenant).read(plan_id)
    store = desk.config.settings["graph"]
    known = json.loads(row.result).get("evidence", {}) if row is not None and row.result else {}
    if row is not None and known.get("evidence_ref"):
        desk.parts.outbox(tenant).put(f"evidence-{row.run_id}", "evidence", "", json.dumps({"run_id": row.run_id}), now=desk.parts.now_s())
        return {"evidence_ref": str(known["evidence_ref"]), "snapshot_hash": str(known.get("snapshot_hash") or sha)}
    return {"evidence_ref": f"{store}://run/{sha.removeprefix('sha256:')[:32]}", "snapshot_hash": sha}

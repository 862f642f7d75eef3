"""What a tenant is told besides answers: events of its runs, messages to its webhooks; stored with what they tell of, sent later."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dyocense_cli.ports import Ledger
from dyocense_cli.ports.service import RunRow
from dyocense_cli.wiring_service import Parts

__all__ = ["tell_ended", "tell_warnings"]


def _tell(parts: Parts, tenant: str, subject: str, message: Mapping[str, str]) -> None:
    """Put a message for each webhook into the outbox, once per webhook and subject."""
    box = parts.outbox(tenant)
    body = json.dumps({**message, "tenant_id": tenant}, sort_keys=True)
    for hook in box.webhooks():
        box.put(f"{hook.webhook_id}-{subject}", "webhook", hook.webhook_id, body, now=parts.now_s())


def tell_ended(parts: Parts, row: RunRow, status: str) -> None:
    """Tell that a run ended, and have its evidence shipped and what it left elsewhere tidied; inside the transaction that ends it."""
    _tell(parts, row.tenant_id, row.run_id, {"event": f"run.{status}", "run_id": row.run_id, "goal_id": row.goal_id})
    now = parts.runs(row.tenant_id).read(row.run_id)
    if row.kind == "plan" and (status == "succeeded" or (now is not None and now.attempts)):
        parts.outbox(row.tenant_id).put(f"evidence-{row.run_id}", "evidence", "", json.dumps({"run_id": row.run_id}), now=parts.now_s())


def tell_warnings(parts: Parts, row: RunRow, ledger: Ledger) -> None:
    """Tell once a month per budget that 80 % of it are used, with the run that crossed the line; inside the transaction that crosses it."""
    month = parts.clock.now()[:7]
    for budget in ledger.take_warnings():
        parts.runs(row.tenant_id).event(row.run_id, "budget", {"warning": budget, "month": month, "share": 0.8})
        _tell(parts, row.tenant_id, f"budget-{budget}-{month}", {"event": "budget.warning", "budget": budget, "month": month})

"""Budgets, limits and webhooks of the caller."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.tenancy.budgets import month_of, spent
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.serve.config import number
from dyocense_cli.serve.context import Asked, Reader, Writer, threaded
from dyocense_cli.serve.routes.taking import problems
from dyocense_cli.serve.schemas import Usage, WebhookRequest, WebhookView

__all__ = ["router"]

router = APIRouter(tags=["account"])
_MOST_HOOKS = 20


@router.get("/usage", operation_id="getUsage", response_model=Usage, responses=problems(401, 403, 429, 503), summary="Budgets and limits")
async def get_usage(asked: Reader) -> dict[str, Any]:
    """Return the month's budgets, what of them is used, and the tier's limits."""
    desk, tier = asked.state.desk, asked.tier
    accounts = await threaded(desk.parts.ledger(asked.caller.tenant_id, tier.budgets()).accounts)
    budgets = {
        name: {
            "limit": a.limit,
            "reserved": round(a.reserved, 3),
            "used": round(a.used, 3),
            "left": round(a.left(), 3),
            "warning": a.limit > 0 and spent(a) >= number("budget.warn_at"),
        }
        for name, a in accounts.items()
    }
    limits = {
        "scenarios": tier.scenarios,
        "time_limit_s": tier.time_limit_s,
        "parallel_solves": tier.parallel_solves,
        "requests_per_min": tier.requests_per_min,
        "weight": tier.weight,
        "memory_mb": tier.memory_mb,
    }
    return {
        "tenant_id": asked.caller.tenant_id,
        "tier": tier.name,
        "month": month_of(desk.parts.clock.now()),
        "budgets": budgets,
        "limits": limits,
    }


@router.post(
    "/webhooks",
    operation_id="createWebhook",
    status_code=201,
    response_model=WebhookView,
    responses=problems(400, 401, 403, 413, 422, 429, 503),
    summary="Be told when a run is ready",
)
async def create_webhook(body: WebhookRequest, asked: Writer) -> dict[str, Any]:
    """Store an address that is told of every finished run and of budget warnings; each message is signed with the secret."""
    return await threaded(_store, asked, body)


def _store(asked: Asked, body: WebhookRequest) -> dict[str, Any]:
    box = asked.state.desk.parts.outbox(asked.caller.tenant_id)
    if len(box.webhooks()) >= _MOST_HOOKS:
        raise InputError("DY1051", f"a tenant has at most {_MOST_HOOKS} webhooks", hints="use one address for several purposes")
    hook = {"webhook_id": uuid7(), "url": body.url, "secret": body.secret or secrets.token_urlsafe(32)}
    box.add_webhook(hook["webhook_id"], hook["url"], hook["secret"])
    return hook

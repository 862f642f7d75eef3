"""Budgets, limits and webhooks of the caller."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from dyocense_cli.errors import AccessError, InputError
from dyocense_cli.kernel.tenancy.budgets import month_of, spent
from dyocense_cli.ports.service import Outbox
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.serve.config import number
from dyocense_cli.serve.context import Asked, Reader, Writer, threaded
from dyocense_cli.serve.routes.taking import problems
from dyocense_cli.serve.schemas import SecretRequest, Usage, WebhookList, WebhookRequest, WebhookSecret, WebhookView
from dyocense_cli.serve.webhooks import reachable

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
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503),
    summary="Be told when a run is ready",
)
async def create_webhook(body: WebhookRequest, asked: Writer) -> dict[str, Any]:
    """Store an address that is told of every finished run and of budget warnings; each message is signed with the secret."""
    return await threaded(_store, asked, body)


def _box(asked: Asked) -> Outbox:
    return asked.state.desk.parts.outbox(asked.caller.tenant_id)


def _store(asked: Asked, body: WebhookRequest) -> dict[str, Any]:
    box = _box(asked)
    if len(box.webhooks()) >= _MOST_HOOKS:
        raise InputError("DY1051", f"a tenant has at most {_MOST_HOOKS} webhooks", hints="remove one, or use one for several purposes")
    reachable(body.url, asked.state.hook_networks)
    hook = {"webhook_id": uuid7(), "url": body.url, "secret": body.secret or secrets.token_urlsafe(32)}
    box.add_webhook(hook["webhook_id"], hook["url"], hook["secret"])
    return hook


@router.get(
    "/webhooks",
    operation_id="listWebhooks",
    response_model=WebhookList,
    responses=problems(401, 403, 429, 503),
    summary="List webhooks",
)
async def list_webhooks(asked: Reader) -> dict[str, Any]:
    """Return the caller's webhooks without their secrets."""
    hooks = await threaded(_box(asked).webhooks)
    return {"webhooks": [{"webhook_id": h.webhook_id, "url": h.url, "created_at": h.created_at} for h in hooks]}


HookId = Annotated[str, Path(description="id of a webhook", min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$")]


def _no_hook() -> AccessError:
    return AccessError("DY3113", "there is no webhook of this id", hints="GET /webhooks lists yours", http_status=404)


@router.delete(
    "/webhooks/{webhook_id}",
    operation_id="deleteWebhook",
    status_code=204,
    response_class=Response,
    responses=problems(400, 401, 403, 404, 413, 415, 429, 503),
    summary="Remove a webhook",
)
async def delete_webhook(webhook_id: HookId, asked: Reader) -> Response:
    """Stop telling an address; what was still to be sent to it is not sent."""
    if not await threaded(_box(asked).drop_webhook, webhook_id):
        raise _no_hook()
    return Response(status_code=204, headers=asked.headers)


@router.post(
    "/webhooks/{webhook_id}/secret",
    operation_id="rotateWebhookSecret",
    response_model=WebhookSecret,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 429, 503),
    summary="Give a webhook a new secret",
)
async def rotate_secret(webhook_id: HookId, body: SecretRequest, asked: Writer) -> dict[str, Any]:
    """Replace the secret; for a while messages carry two signatures, so that a receiver changes over without losing one."""
    parts = asked.state.desk.parts
    secret, until = body.secret or secrets.token_urlsafe(32), parts.now_s() + 3600.0 * body.overlap_h
    if not await threaded(_box(asked).rotate_webhook, webhook_id, secret, until):
        raise _no_hook()
    at = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"webhook_id": webhook_id, "secret": secret, "previous_until": at}

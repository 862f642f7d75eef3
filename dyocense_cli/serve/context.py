"""What every request carries: the caller, its limits, and the shared desk; as FastAPI dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from dyocense_cli.errors import AccessError
from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.ports import Telemetry
from dyocense_cli.serve.auth import SCOPE, Caller, Verifier
from dyocense_cli.serve.limits import RateLimits
from dyocense_cli.serve.metrics import ServiceMetrics
from dyocense_cli.serve.submit import Desk
from dyocense_cli.serve.webhooks import Network

__all__ = ["Asked", "Reader", "State", "Writer", "own_tenant", "state_of", "threaded"]

T = TypeVar("T")
_bearer = HTTPBearer(auto_error=False, description="JWT with tenant_id, tier and scope kernel.run")


@dataclass(slots=True)
class State:
    """What the application shares between requests."""

    desk: Desk
    verifier: Verifier
    limits: RateLimits
    metrics: ServiceMetrics
    telemetry: Telemetry
    hook_networks: tuple[Network, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request's caller and limits."""

    caller: Caller
    tier: Tier
    state: State
    headers: Mapping[str, str] = field(default_factory=dict)


def state_of(request: Request) -> State:
    """Return the application's shared state."""
    found: State = request.app.state.service
    return found


async def threaded(action: Callable[..., T], *args: object, **more: object) -> T:
    """Call something that blocks in a thread."""
    return await run_in_threadpool(action, *args, **more)


def _guard(endpoint: str) -> Callable[..., Any]:
    async def guard(
        request: Request, response: Response, _token: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None
    ) -> Asked:
        state = state_of(request)
        caller = await threaded(state.verifier.verify, request.headers.get("authorization"))
        request.state.tenant = caller.tenant_id
        if SCOPE not in caller.scopes:
            raise AccessError("DY3102", f"the token lacks the scope `{SCOPE}`", hints="ask for a token with that scope")
        tier = state.desk.tier(caller)
        name = "read" if endpoint == "read" else request.scope["route"].path.strip("/").replace("/", ".")
        for header, value in (await threaded(state.limits.check, caller.tenant_id, tier, name)).items():
            response.headers[header] = value
        return Asked(caller, tier, state, {k: v for k, v in response.headers.items() if k.lower().startswith("ratelimit")})

    return guard


def own_tenant(asked: Asked, tenant_id: str | None, tier: str | None) -> None:
    """Hold a body to its token.

    Raises
    ------
    AccessError
        DY3107 (HTTP 403) when the body names another tenant or tier.
    """
    if tenant_id is not None and tenant_id != asked.caller.tenant_id:
        raise AccessError("DY3107", "the body's tenant_id is not the token's", hints="leave tenant_id out, or send the token's")
    if tier is not None and tier not in (asked.tier.name, asked.caller.tier):
        raise AccessError("DY3107", "the body's tier is not the token's", hints="leave tier out, or send the token's")


Reader = Annotated[Asked, Depends(_guard("read"))]
Writer = Annotated[Asked, Depends(_guard("write"))]

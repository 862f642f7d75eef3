"""Health, readiness, metrics and the dashboard: the calls without a tenant."""

from __future__ import annotations

import ipaddress
from importlib import resources
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from dyocense_cli.errors import AccessError, UnavailableError
from dyocense_cli.serve.context import state_of, threaded
from dyocense_cli.serve.routes.taking import problems

__all__ = ["OPERATOR_SCOPE", "router"]

OPERATOR_SCOPE: Final = "kernel.operate"
#: The page talks to its own service only; it shows reports in a frame of their own.
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-src blob:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="health", summary="Is the process alive, and how are runs protected")
async def healthz(request: Request) -> dict[str, Any]:
    """Return 200 while the process serves; names the sandbox and what it holds."""
    return {"status": "ok", **state_of(request).facts}


@router.get("/readyz", operation_id="ready", responses=problems(503), summary="Can work be taken on")
async def readyz(request: Request) -> Response:
    """Return 200 when the database answers and is migrated, else 503; says how many workers beat."""
    state = state_of(request)
    parts = state.desk.parts
    try:
        await threaded(parts.check)
        workers = await threaded(parts.workers)
    except UnavailableError as error:
        raise UnavailableError(error.code, error.message, hints=error.hints) from error
    if state.closing:
        raise UnavailableError("DY4503", "the service is shutting down", hints="try again")
    return JSONResponse({"status": "ready", "workers": len(workers), "slots": sum(w[2] for w in workers)})


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    summary="Prometheus metrics",
    responses={200: {"content": {"text/plain": {}}, "description": "exposition text"}, **problems(401, 403)},
)
async def metrics(request: Request) -> Response:
    """Return metrics of all tenants: to this machine, or to a token with the scope `kernel.operate`."""
    state = state_of(request)
    if not _is_local(request):
        caller = await threaded(state.verifier.verify, request.headers.get("authorization"))
        if OPERATOR_SCOPE not in caller.scopes:
            raise AccessError(
                "DY3102", f"the token lacks the scope `{OPERATOR_SCOPE}`", hints="metrics show all tenants: they are the operator's"
            )
    return Response(await threaded(state.metrics.render), media_type="text/plain; version=0.0.4; charset=utf-8")


def _is_local(request: Request) -> bool:
    """Say whether the request came from this machine, straight: a proxy on it speaks for the world."""
    if any(h in request.headers for h in ("x-forwarded-for", "forwarded", "x-real-ip")):
        return False
    host = request.client.host if request.client else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def dashboard() -> HTMLResponse:
    """Return the dashboard: one page, no build step."""
    text = (resources.files("dyocense_cli.serve") / "dashboard.html").read_text("utf-8")
    return HTMLResponse(text, headers={"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"})

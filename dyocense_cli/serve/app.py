"""The application: middleware, errors, routes, and what they share."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from dyocense_cli import wiring
from dyocense_cli.serve import problems
from dyocense_cli.serve.auth import Verifier
from dyocense_cli.serve.bodies import BodyGate
from dyocense_cli.serve.config import ServeConfig, number
from dyocense_cli.serve.context import State
from dyocense_cli.serve.document import install_document
from dyocense_cli.serve.limits import RateLimits
from dyocense_cli.serve.metrics import ServiceMetrics
from dyocense_cli.serve.protections import active_protections
from dyocense_cli.serve.routes import account, evidence, health, kernel, plans, runs
from dyocense_cli.serve.submit import Desk
from dyocense_cli.serve.webhooks import allowed_networks
from dyocense_cli.wiring_service import Parts

__all__ = ["ROUTES", "create_app", "described"]

#: The modules whose routers the service has, in the order of its document.
ROUTES = (plans, kernel, runs, evidence, account, health)


def described(app: FastAPI) -> FastAPI:
    """Give an application its routes and the document that describes them."""
    for routes in ROUTES:
        app.include_router(routes.router)
    install_document(app)
    return app


def create_app(config: ServeConfig, parts: Parts) -> FastAPI:
    """Return the application on an open database; `parts` stay the caller's to close."""
    metrics = ServiceMetrics(parts)
    state = State(
        Desk(config, parts),
        Verifier(config),
        RateLimits(config.redis_url),
        metrics,
        wiring.telemetry(config.settings),
        allowed_networks(config),
        active_protections(config),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        state.closing = True
        state.telemetry.close()

    app = FastAPI(title="Dyocense Kernel API", version="1.0.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = state
    problems.install(app)
    described(app)

    @app.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        begin = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        metrics.requests.labels(route, request.method, str(response.status_code)).inc()
        metrics.request_seconds.labels(route).observe(time.perf_counter() - begin)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    app.add_middleware(BodyGate, limit=config.body_limit, depth=int(number("serve.json_depth")))
    return app

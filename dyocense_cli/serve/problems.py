"""Errors as RFC 9457 problem documents with our code."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dyocense_cli.codes import CODES
from dyocense_cli.errors import AccessError, DyocenseError, InputError
from dyocense_cli.serve.says import describe

__all__ = ["ProblemError", "install", "problem"]

_log = logging.getLogger("dyocense.serve")
_RETRY_S = 5


class ProblemError(AccessError):
    """An AccessError with members of its own in the problem document, and headers."""

    def __init__(self, error: AccessError, *, extra: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(
            error.code, error.message, hints=error.hints, why=error.why, exit_code=error.exit_code, http_status=error.http_status
        )
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


def problem(
    code: str,
    status: int,
    detail: str,
    *,
    instance: str,
    hints: tuple[str, ...] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a problem document."""
    body = {
        "type": f"urn:dyocense:error:{code}",
        "title": CODES.get(code, "error"),
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "hints": list(hints),
        **(extra or {}),
    }
    return JSONResponse(body, status_code=status, headers=dict(headers or {}), media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Register the handlers of all errors on an application."""

    @app.exception_handler(DyocenseError)
    async def ours(request: Request, error: DyocenseError) -> JSONResponse:
        headers: dict[str, str] = {}
        extra: dict[str, Any] = {}
        if error.http_status == 503:
            headers["Retry-After"] = str(_RETRY_S)
        if error.http_status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, ProblemError):
            extra, headers = error.extra, {**headers, **error.headers}
        if isinstance(error, InputError):
            extra = {**{k: v for k, v in describe(error).items() if k in ("where", "findings")}, **extra}
        return problem(
            error.code, error.http_status, error.message, instance=request.url.path, hints=error.hints, extra=extra, headers=headers
        )

    @app.exception_handler(RequestValidationError)
    async def shape(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"pointer": "/" + "/".join(str(p) for p in e["loc"][1:]), "message": str(e["msg"])} for e in error.errors()[:50]]
        missing_key = any(e["type"] == "missing" and "idempotency-key" in str(e["loc"]).lower() for e in error.errors())
        if missing_key:
            return problem(
                "DY3108",
                400,
                "an Idempotency-Key header is needed",
                instance=request.url.path,
                hints=("Idempotency-Key: any text of yours, new for each piece of work",),
            )
        in_query = all(e["loc"][:1] == ("query",) or e["loc"][:1] == ("header",) or e["loc"][:1] == ("path",) for e in error.errors())
        detail = found[0]["message"] + " at " + found[0]["pointer"] if found else "the request does not fit its schema"
        return problem("DY1051", 400 if in_query else 422, detail, instance=request.url.path, extra={"findings": found})

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        code = "DY1052" if error.status_code in (404, 405) else "DY1051"
        return problem(code, error.status_code, str(error.detail), instance=request.url.path, headers=error.headers)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        _log.exception("bug in %s %s", request.method, request.url.path, exc_info=error)
        return problem("DY9001", 500, "a bug of this program; the log has it", instance=request.url.path)

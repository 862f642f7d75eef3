"""What all calls that compute share: the idempotency key, the wait, the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import Header
from fastapi.responses import JSONResponse

from dyocense_cli.errors import AccessError
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.answers import run_view, wait_for, wait_seconds
from dyocense_cli.serve.config import FINAL
from dyocense_cli.serve.context import Asked, threaded
from dyocense_cli.serve.problems import problem
from dyocense_cli.serve.schemas import Accepted, Problem
from dyocense_cli.serve.submit import Claim, Work

__all__ = ["PROBLEMS", "Key", "Prefer", "Trace", "problems", "take"]

Key = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, description="a text of yours, new for each piece of work")
]
Prefer = Annotated[str | None, Header(description="`wait=20` waits so many seconds for the result", max_length=200)]
Trace = Annotated[str | None, Header(description="W3C trace context that spans join", max_length=200)]

_MEANINGS: Final = {
    400: "not JSON, nested too deep, or the idempotency key is missing",
    401: "no valid token",
    402: "over a quota or budget; has a quote",
    403: "not allowed, or the body names another tenant",
    404: "no such thing of yours",
    409: "the first request with this key still runs",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "the body does not fit, or the key was used for another body",
    429: "too many requests; see Retry-After",
    500: "a bug of ours, or the job was stopped by its sandbox",
    503: "a service is down; nothing accepted is lost",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI entries of problem documents."""
    return {s: {"model": Problem, "description": _MEANINGS[s], "content": {"application/problem+json": {}}} for s in statuses}


PROBLEMS: Final = problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 503)


async def take(
    asked: Asked,
    work: Work,
    *,
    key: str,
    prefer: str | None,
    trace: str | None,
    shape: Callable[[RunRow, dict[str, Any]], dict[str, Any]],
    slo_s: float = 0.0,
) -> JSONResponse:
    """Take work on and answer 202 with a handle, or what `shape` makes of the result when it is there in time.

    The time is that of the preference ``wait``, else `slo_s` seconds.
    """
    state = asked.state
    preferred = wait_seconds(prefer)
    wait_s = slo_s if preferred is None else preferred
    if state.closing:
        raise AccessError("DY4503", "the service is shutting down", hints="try again", http_status=503)
    claim = await _submitted(asked, work, key, wait_s, trace or "")
    rate = {**asked.headers, **({} if preferred is None else {"Preference-Applied": f"wait={preferred:g}"})}
    if claim.state == "replay":
        answer = claim.answer or {}
        if "body" in answer:
            headers = {**rate, **answer["headers"], "Idempotency-Replayed": "true"}
            return _json(answer["body"], int(answer["status"]), headers)
        row = await threaded(state.desk.parts.runs(asked.caller.tenant_id).read, answer["run_id"])
    else:
        row = claim.run
    assert row is not None
    if wait_s:
        row = await wait_for(asked, row.run_id, wait_s)
    status, body, headers = await threaded(_answer, asked, row, claim.deduplicated, shape)
    await threaded(state.desk.answered, asked.caller, work, key, {"status": status, "body": body, "headers": headers})
    if claim.state == "replay":
        headers = {**headers, "Idempotency-Replayed": "true"}
    return _json(body, status, {**rate, **headers})


async def _submitted(asked: Asked, work: Work, key: str, wait_s: float, trace: str) -> Claim:
    """Submit under a span that joins the caller's trace; the run takes the trace through the queue."""
    telemetry, tags = asked.state.telemetry, {"tenant_id": asked.caller.tenant_id, "tier": asked.tier.name, "kind": work.kind}
    with telemetry.span("serve.submit", traceparent=trace, **tags) as span:
        carried = telemetry.carrier() or trace
        hold_s = wait_s + 2.0 if wait_s else 0.0
        claim = await threaded(asked.state.desk.submit, asked.caller, work, key=key, hold_s=hold_s, trace=carried)
        if span is not None and claim.run is not None:
            span.set_attribute("run_id", claim.run.run_id)
        return claim


def _json(body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> JSONResponse:
    media = "application/problem+json" if status >= 400 else "application/json"
    return JSONResponse(dict(body), status_code=status, headers=dict(headers), media_type=media)


def _answer(
    asked: Asked, row: RunRow, deduplicated: bool, shape: Callable[[RunRow, dict[str, Any]], dict[str, Any]]
) -> tuple[int, dict[str, Any], dict[str, str]]:
    desk = asked.state.desk
    warnings = desk.over_warning(asked.caller)
    headers = {"Location": f"/runs/{row.run_id}"}
    if warnings:
        headers["Dyocense-Budget-Warning"] = ", ".join(warnings)
    if row.status in FINAL and row.problem:
        told = json.loads(row.problem)
        extra = {k: v for k, v in told.items() if k not in ("code", "status", "detail", "hints")} | {"run_id": row.run_id}
        status = int(told.get("status", 422))
        answer = problem(
            told["code"], status, told["detail"], instance=f"/runs/{row.run_id}", hints=tuple(told.get("hints", ())), extra=extra
        )
        return status, json.loads(bytes(answer.body)), headers
    if row.status in FINAL and row.result:
        return 200, shape(row, run_view(asked, row, full=True)), headers
    place = desk.place(asked.caller, row)
    accepted = Accepted(
        run_id=row.run_id,
        status=row.status,
        position=place.ahead,
        reason=desk.reason(place),
        estimate_s=row.estimate_s,
        deduplicated=deduplicated,
        warnings=[f"80 % of budget {w} is used" for w in warnings],
    )
    return 202, accepted.model_dump(), headers

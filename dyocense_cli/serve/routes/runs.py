"""The life of runs: list, look, listen, fetch, cancel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dyocense_cli.errors import AccessError, StoreError
from dyocense_cli.serve.answers import artifact_names, find_run, run_view
from dyocense_cli.serve.config import FINAL
from dyocense_cli.serve.context import Asked, Reader, threaded
from dyocense_cli.serve.routes.taking import problems
from dyocense_cli.serve.schemas import RunList, RunView
from dyocense_cli.serve.store import kernel_run_of, run_files

__all__ = ["router"]

router = APIRouter(tags=["runs"])
_POLL_S: Final = 0.3
_BEAT_S: Final = 15.0
_LONGEST_S: Final = 3600.0
#: A report is a page of its own: it may use its own inline script and style, and reach nothing.
_ARTIFACT_POLICY: Final = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
#: Kinds of a run's files by their ending, stated here: the machine's own table differs from one to the next.
_KINDS: Final = {".json": "application/json", ".csv": "text/csv", ".html": "text/html", ".parquet": "application/vnd.apache.parquet"}
_BYTES: Final = "application/octet-stream"
#: One server-sent event as a client's library gives it.
_EVENT: Final = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "send it as Last-Event-ID to go on after it"},
        "event": {
            "type": "string",
            "description": "queued, running, stage, solving, budget, held, cancelling, succeeded, failed, cancelled, …",
        },
        "data": {"type": "string", "contentMediaType": "application/json", "description": "an object with `at` and `data`"},
    },
}
RunId = Annotated[str, Path(description="id of a run", min_length=1, max_length=64)]
_READ: Final = problems(400, 401, 403, 404, 422, 429, 503)


@router.get(
    "/runs",
    operation_id="listRuns",
    response_model=RunList,
    responses=problems(400, 401, 403, 422, 429, 503),
    summary="List runs, newest first",
)
async def list_runs(
    asked: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str, Query(max_length=64, pattern=r"^[0-9a-f-]*$", description="id of the last run of the page before")] = "",
) -> dict[str, Any]:
    """Return the caller's runs."""
    rows = await threaded(asked.state.desk.parts.runs(asked.caller.tenant_id).recent, limit + 1, before=before)
    views = [await threaded(run_view, asked, row, full=False) for row in rows[:limit]]
    return {"runs": views, "next": rows[limit - 1].run_id if len(rows) > limit else None}


@router.get("/runs/{run_id}", operation_id="getRun", response_model=RunView, responses=_READ, summary="Look at a run")
async def get_run(run_id: RunId, asked: Reader) -> dict[str, Any]:
    """Return a run with its place in the queue, why it waits, and its result."""
    row = await threaded(find_run, asked, run_id)
    return await threaded(run_view, asked, row, full=True)


@router.delete(
    "/runs/{run_id}",
    operation_id="cancelRun",
    status_code=202,
    response_model=RunView,
    responses=_READ | problems(413, 415),
    summary="Cancel a run",
)
async def cancel_run(run_id: RunId, asked: Reader) -> dict[str, Any]:
    """Stop a run; the best plan so far is kept. A finished run stays as it is."""
    await threaded(find_run, asked, run_id)
    await threaded(_cancel, asked, run_id)
    row = await threaded(find_run, asked, run_id)
    return await threaded(run_view, asked, row, full=True)


def _cancel(asked: Asked, run_id: str) -> None:
    parts, tenant = asked.state.desk.parts, asked.caller.tenant_id
    runs = parts.runs(tenant)
    with parts.unit(tenant):
        if not runs.update(run_id, {"cancel": 1}, unless=FINAL):
            return
        if parts.queue(tenant).cancel(run_id) == "removed":
            runs.update(run_id, {"status": "cancelled", "finished_at": parts.clock.now()}, unless=FINAL)
            parts.ledger(tenant, asked.tier.budgets()).refund(run_id)
            runs.event(run_id, "cancelled", {})
        else:
            runs.event(run_id, "cancelling", {})


@router.get(
    "/runs/{run_id}/events",
    operation_id="runEvents",
    responses={
        200: {"content": {"text/event-stream": {"schema": _EVENT}}, "description": "server-sent events until the run ends"},
        **_READ,
    },
    response_class=Response,
    summary="Listen to a run",
)
async def run_events(
    request: Request, run_id: RunId, asked: Reader, last_event_id: Annotated[str | None, Header(max_length=20)] = None
) -> StreamingResponse:
    """Stream the run's events; `Last-Event-ID` resumes after that event."""
    await threaded(find_run, asked, run_id)
    after = int(last_event_id) if last_event_id is not None and last_event_id.isdigit() else 0
    return StreamingResponse(
        _stream(request, asked, run_id, after), media_type="text/event-stream", headers={**asked.headers, "Cache-Control": "no-store"}
    )


async def _stream(request: Request, asked: Asked, run_id: str, after: int) -> AsyncIterator[bytes]:
    runs = asked.state.desk.parts.runs(asked.caller.tenant_id)
    begin = beat = time.monotonic()
    while not asked.state.closing and time.monotonic() - begin < _LONGEST_S:
        for seq, at, what, data in await threaded(runs.events, run_id, after):
            after = seq
            yield f'id: {seq}\nevent: {what}\ndata: {{"at": "{at}", "data": {data}}}\n\n'.encode()
            if what in FINAL:
                return
        row = await threaded(runs.read, run_id)
        if row is None or (row.status in FINAL and not await threaded(runs.events, run_id, after)):
            return
        if await request.is_disconnected():
            return
        if time.monotonic() - beat > _BEAT_S:
            beat = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(_POLL_S)


@router.get(
    "/runs/{run_id}/artifacts/{name:path}",
    operation_id="runArtifact",
    responses={200: {"content": {kind: {} for kind in (*_KINDS.values(), _BYTES)}, "description": "the file"}, **_READ},
    response_class=Response,
    summary="Fetch a file of a run",
)
async def run_artifact(run_id: RunId, name: Annotated[str, Path(min_length=1, max_length=200)], asked: Reader) -> Response:
    """Return one of the files that the run's view names, such as `report.html` or `plan.csv`."""
    row = await threaded(find_run, asked, run_id)
    if name not in await threaded(artifact_names, asked, row):
        raise AccessError("DY3112", "the run has no artifact of this name", hints="GET the run for the names", http_status=404)
    try:
        data = await threaded(run_files(asked.state.desk.config, asked.caller.tenant_id).read, kernel_run_of(row), name)
    except StoreError as error:
        raise AccessError("DY3112", "the artifact is not stored any more", http_status=404) from error
    kind = _KINDS.get(PurePosixPath(name).suffix, _BYTES)
    headers = {
        **asked.headers,
        "Content-Security-Policy": _ARTIFACT_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=3600",
    }
    return Response(data, media_type=kind, headers=headers)

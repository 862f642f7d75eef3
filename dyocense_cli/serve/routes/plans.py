"""POST /plans: the whole pipeline."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.tenancy.quotas import Ask
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.context import Reader, Writer, own_tenant, threaded
from dyocense_cli.serve.goals import goals_of
from dyocense_cli.serve.routes.taking import PROBLEMS, Key, Prefer, Trace, problems, take
from dyocense_cli.serve.schemas import Accepted, GoalList, PlanRequest, RunView
from dyocense_cli.serve.submit import Work

__all__ = ["router"]

router = APIRouter(tags=["plans"])


def _view(_row: RunRow, view: dict[str, Any]) -> dict[str, Any]:
    return view


@router.get(
    "/goals",
    operation_id="listGoals",
    response_model=GoalList,
    responses=problems(401, 403, 429, 503),
    summary="List the goals that may be planned by id",
)
async def list_goals(asked: Reader) -> dict[str, Any]:
    """Return the goals of the server's project: id and title."""
    return {"goals": await threaded(goals_of, asked.state.desk.config.project)}


@router.post(
    "/plans",
    operation_id="createPlan",
    status_code=202,
    response_model=Accepted,
    responses={200: {"model": RunView, "description": "Done within the wait"}, **PROBLEMS},
    summary="Plan a goal",
)
async def create_plan(
    body: PlanRequest, asked: Writer, idempotency_key: Key, prefer: Prefer = None, traceparent: Trace = None
) -> JSONResponse:
    """Take a goal on: forecast, compile, solve, stress, explain, evidence."""
    own_tenant(asked, body.tenant_id, body.tier)
    if (body.goal_id is None) == (body.goal_dsl is None):
        raise InputError("DY1051", "a plan needs exactly one of goal_id and goal_dsl", hints="goal_id names a goal of the server")
    if body.context is not None and body.context_ref is not None:
        raise InputError("DY1051", "a plan takes context or context_ref, not both", hints="leave one out")
    goal_id = body.goal_id or str((body.goal_dsl or {}).get("id", ""))[:100]
    work = Work(
        "plan",
        body.model_dump(exclude_none=True),
        Ask(body.scenarios, body.time_limit_s),
        goal_id=goal_id,
        variant=body.variant or "",
        seed=body.seed,
    )
    return await take(asked, work, key=idempotency_key, prefer=prefer, trace=traceparent, shape=_view)

"""The four calls of the kernel: forecast, compile, solve, evidence; their shapes hold to the design's OpenAPI excerpt."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from dyocense_cli.kernel.tenancy.estimate import Size
from dyocense_cli.kernel.tenancy.quotas import Ask
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import number
from dyocense_cli.serve.context import Asked, Writer, own_tenant, threaded
from dyocense_cli.serve.evidence import write_evidence
from dyocense_cli.serve.routes.taking import PROBLEMS, Key, Prefer, Trace, take
from dyocense_cli.serve.schemas import (
    Accepted,
    CompileAnswer,
    CompileRequest,
    EvidenceRef,
    EvidenceRequest,
    ForecastRequest,
    ScenarioSet,
    Solution,
    SolveRequest,
)
from dyocense_cli.serve.submit import Work

__all__ = ["router"]

router = APIRouter(tags=["kernel"])


def _result(row: RunRow, _view: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(row.result)
    answer["run_id"] = row.run_id
    return answer


async def _call(asked: Asked, work: Work, key: str, prefer: str | None, trace: str | None) -> JSONResponse:
    return await take(asked, work, key=key, prefer=prefer, slo_s=number("serve.slo_wait_s"), trace=trace, shape=_result)


_LATER: dict[int | str, dict[str, Any]] = {202: {"model": Accepted, "description": "Takes longer; ask the run"}}


@router.post(
    "/forecast/scenarios",
    operation_id="forecastScenarios",
    summary="Generate demand/lead-time scenarios",
    response_model=ScenarioSet,
    response_description="Scenario set",
    responses={**_LATER, **PROBLEMS},
)
async def forecast_scenarios(
    body: ForecastRequest, asked: Writer, idempotency_key: Key, prefer: Prefer = None, traceparent: Trace = None
) -> JSONResponse:
    """Forecast the SKUs of a context and draw joint scenarios."""
    own_tenant(asked, body.tenant_id, body.tier)
    work = Work("forecast", body.model_dump(exclude_none=True), Ask(scenarios=body.num_scenarios), seed=body.seed)
    return await _call(asked, work, idempotency_key, prefer, traceparent)


@router.post(
    "/optiguide/compile",
    operation_id="optiguideCompile",
    summary="Compile GoalDSL to OptiModel IR",
    response_model=CompileAnswer,
    response_description="OptiModel and hints",
    responses={**_LATER, **PROBLEMS},
)
async def optiguide_compile(
    body: CompileRequest, asked: Writer, idempotency_key: Key, prefer: Prefer = None, traceparent: Trace = None
) -> JSONResponse:
    """Compile a goal over its context and scenarios into a model."""
    own_tenant(asked, body.tenant_id, body.tier)
    given = len(body.scenarios.scenarios or ())
    work = Work("compile", body.model_dump(exclude_none=True), Ask(scenarios=given or None), goal_id=str(body.goal_dsl.get("id", ""))[:100])
    return await _call(asked, work, idempotency_key, prefer, traceparent)


@router.post(
    "/optimizer/solve",
    operation_id="optimizerSolve",
    summary="Solve OptiModel",
    response_model=Solution,
    response_description="Solution",
    responses={**_LATER, **PROBLEMS},
)
async def optimizer_solve(
    body: SolveRequest, asked: Writer, idempotency_key: Key, prefer: Prefer = None, traceparent: Trace = None
) -> JSONResponse:
    """Solve a model."""
    own_tenant(asked, body.tenant_id, body.tier)
    limit = float(body.time_limit_sec) if "time_limit_sec" in body.model_fields_set else min(20.0, asked.tier.time_limit_s)
    families = len(body.optimodel.vars or ())
    work = Work(
        "solve",
        body.model_dump(exclude_none=True),
        Ask(time_limit_s=limit),
        seed=body.seed,
        size=Size(max(1, families) * 1000, max(1, len(body.optimodel.constraints or ())) * 1000, 1),
    )
    return await _call(asked, work, idempotency_key, prefer, traceparent)


@router.post(
    "/evidence/write",
    operation_id="evidenceWrite",
    summary="Persist evidence graph & snapshot",
    response_model=EvidenceRef,
    response_description="Evidence reference",
    responses=PROBLEMS,
)
async def evidence_write(body: EvidenceRequest, asked: Writer, idempotency_key: Key) -> JSONResponse:
    """Keep a plan's solution as a snapshot, and queue its evidence for the graph."""
    own_tenant(asked, body.tenant_id, body.tier)
    answer, replayed = await threaded(write_evidence, asked, body.model_dump(exclude_none=True), idempotency_key)
    headers = dict(asked.headers)
    return JSONResponse(answer, headers={**headers, "Idempotency-Replayed": "true"} if replayed else headers)

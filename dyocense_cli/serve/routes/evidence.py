"""What a run's evidence says round one order line, and which earlier plans are like its own."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from dyocense_cli.artifacts.evidence import EvidenceGraph, Node
from dyocense_cli.errors import AccessError, StoreError
from dyocense_cli.runner.similar import similar_runs
from dyocense_cli.serve.answers import find_run
from dyocense_cli.serve.context import Asked, Reader, threaded
from dyocense_cli.serve.routes.runs import RunId
from dyocense_cli.serve.routes.taking import problems
from dyocense_cli.serve.store import kernel_run_of, read_evidence, run_files, tenant_settings
from dyocense_cli.wiring import vector_index

__all__ = ["around", "router"]

router = APIRouter(tags=["runs"])
_MOST_NODES: Final = 40


class NodeView(BaseModel):
    """A node, how many steps it is from the line, what to call it and what it says."""

    key: str
    label: str
    prov: str
    title: str
    detail: str
    depth: int


class EdgeView(BaseModel):
    """A relation between two nodes."""

    source: str
    target: str
    type: str


class GraphView(BaseModel):
    """The evidence round an order line, nearest first."""

    nodes: list[NodeView]
    edges: list[EdgeView]


@router.get(
    "/runs/{run_id}/evidence",
    operation_id="runEvidence",
    response_model=GraphView,
    responses=problems(400, 401, 403, 404, 422, 429, 503),
    summary="Evidence round an order line",
)
async def run_evidence(
    run_id: RunId,
    asked: Reader,
    line: Annotated[str, Query(min_length=1, max_length=100, description="name of an order line, such as PO-0001")],
    depth: Annotated[int, Query(ge=1, le=5)] = 3,
) -> dict[str, Any]:
    """Return the nodes that led to an order line, as far as `depth` steps."""
    return await threaded(_read, asked, run_id, line, depth)


class LikePlan(BaseModel):
    """An earlier plan like this one; the smaller the distance the more alike, 0 for the same features."""

    run_id: str
    distance: float
    goal: str
    status: str


class LikePlans(BaseModel):
    """The nearest earlier plans, closest first."""

    similar: list[LikePlan]


@router.get(
    "/runs/{run_id}/similar",
    operation_id="similarRuns",
    response_model=LikePlans,
    responses=problems(400, 401, 403, 404, 422, 429, 503),
    summary="Earlier plans like this one",
)
async def similar(run_id: RunId, asked: Reader, count: Annotated[int, Query(ge=1, le=50)] = 5) -> dict[str, Any]:
    """Return the caller's own plans whose features (plan DNA: shapes, rules, status; no data) are nearest to this run's."""
    return await threaded(_like, asked, run_id, count)


def _like(asked: Asked, run_id: str, count: int) -> dict[str, Any]:
    config, tenant = asked.state.desk.config, asked.caller.tenant_id
    kernel_run = kernel_run_of(find_run(asked, run_id))
    if not kernel_run:
        raise AccessError("DY3112", "the run has no plan", http_status=404)
    index = vector_index(tenant_settings(config, tenant, asked.tier.name))
    try:
        found = similar_runs(run_files(config, tenant), index, kernel_run, count)
    except StoreError as error:
        raise AccessError("DY3112", "the run keeps no model", http_status=404) from error
    told = ({"run_id": n.key, "distance": n.distance, **{k: str(n.payload.get(k, "")) for k in ("goal", "status")}} for n in found)
    return {"similar": list(told)}


def _read(asked: Asked, run_id: str, line: str, depth: int) -> dict[str, Any]:
    row = find_run(asked, run_id)
    kernel_run = kernel_run_of(row)
    graph = read_evidence(run_files(asked.state.desk.config, asked.caller.tenant_id), kernel_run) if kernel_run else None
    if graph is None:
        raise AccessError("DY3112", "the run keeps no evidence", http_status=404)
    found = around(graph, line, depth)
    if not found["nodes"]:
        raise AccessError("DY3112", f"the run has no line `{line[:100]}`", hints="GET the run for its steps", http_status=404)
    return found


def around(graph: EvidenceGraph, line: str, depth: int) -> dict[str, Any]:
    """Return what a line comes from within `depth` steps, nearest first and at most 40 nodes, and the edges between them.

    Edges lead from what was made to what it was made of; followed that way they never lead to another line of the plan.
    """
    by_key = {n.key: n for n in graph.nodes}
    begin = next((n.key for n in graph.nodes if line in (n.key, n.props.get("line"), n.props.get("name"), n.props.get("id"))), None)
    if begin is None:
        return {"nodes": [], "edges": []}
    beside: dict[str, list[str]] = {}
    for edge in graph.edges:
        beside.setdefault(edge.source, []).append(edge.target)
    steps, queue = {begin: 0}, deque([begin])
    while queue and len(steps) < _MOST_NODES:
        here = queue.popleft()
        if steps[here] == depth:
            continue
        for key in sorted(beside.get(here, ())):
            if key in by_key and key not in steps and len(steps) < _MOST_NODES:
                steps[key] = steps[here] + 1
                queue.append(key)
    nodes = [_view(by_key[k], d) for k, d in steps.items()]
    edges = [{"source": e.source, "target": e.target, "type": e.type} for e in graph.edges if e.source in steps and e.target in steps]
    return {"nodes": nodes, "edges": edges}


def _view(node: Node, depth: int) -> dict[str, Any]:
    return {
        "key": node.key,
        "label": node.label,
        "prov": node.prov,
        "title": _title(node),
        "detail": _detail(node)[:200],
        "depth": depth,
    }


def _title(node: Node) -> str:
    props: Mapping[str, Any] = node.props
    if node.label == "DataRow":
        return f"{props.get('name', '')} row {int(float(props.get('row', 0))) + 1}"
    for name in ("title", "sentence", "line", "name", "goal_id", "sku", "id"):
        if isinstance(props.get(name), str) and props[name]:
            return _short(str(props[name]))
    return _short(node.key.rpartition("/")[2])


def _detail(node: Node) -> str:
    """Return what a node says in a few words; empty where its name says it all."""
    props: Mapping[str, Any] = node.props
    if node.label == "DataRow":
        row = json.loads(str(props.get("value", "{}")))
        return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in sorted(row.items()) if v is not None)
    if node.label == "Series":
        return f"mean {float(props['mean']):.4g}, 95 % below {float(props['p95']):.4g}, by {props['method']}"
    if node.label == "Line":
        what = " from ".join(str(props[k]) for k in ("sku", "supplier") if props.get(k))
        return f"{float(props['qty']):g} {what}: {props.get('reason', '')}"
    if node.label == "DataTable":
        return f"{float(props['n_rows']):g} rows"
    return str(props.get("intent") or props.get("status") or "")


def _short(text: str) -> str:
    """Return a name that fits; of a fingerprint the first twelve digits."""
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else text[:120]

"""Shapes of requests and answers; the four kernel calls hold to the design's OpenAPI excerpt."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Accepted",
    "CompileAnswer",
    "CompileRequest",
    "EvidenceRef",
    "EvidenceRequest",
    "ExplainabilityHints",
    "ForecastRequest",
    "GoalList",
    "OptiModel",
    "PlanRequest",
    "Problem",
    "RunList",
    "RunView",
    "ScenarioSet",
    "SecretRequest",
    "Solution",
    "SolveRequest",
    "Usage",
    "WebhookList",
    "WebhookRequest",
    "WebhookSecret",
    "WebhookView",
]

TierName = Literal["free", "standard", "pro", "enterprise"]
#: Text that names something: no control characters, bounded.
Name = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Scenario(_Open):
    """One future: demand by period (``t1``) or by ``SKU:t1`` where there are several SKUs."""

    id: int
    demand: dict[str, float]
    lead_time_days: float | None = None


class ScenarioSet(_Open):
    """Joint futures and their statistics per SKU."""

    horizon: int | None = None
    num_scenarios: int | None = None
    skus: list[str] | None = None
    scenarios: list[Scenario] | None = None
    stats: dict[str, dict[str, Any]] | None = None


class OptiModel(_Open):
    """The model in its public form."""

    vars: dict[str, Any] | None = None
    obj: dict[str, Any] | None = None
    constraints: list[dict[str, Any]] | None = None
    robust: dict[str, Any] | None = None


class ExplainabilityHints(_Open):
    """What explanations track and which sensitivities are re-solved."""

    track: list[str] | None = None
    sensitivities: list[str] | None = None


class Step(_Open):
    """One order."""

    sku: str | None = None
    supplier: str | None = None
    qty: float | None = None
    price: float | None = None
    period: str | None = None


class Solution(_Open):
    """A plan and its figures."""

    status: Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNBOUNDED", "ERROR"] | None = None
    gap: float | None = None
    kpis: dict[str, Any] | None = None
    steps: list[Step] | None = None
    binding_constraints: list[str] | None = None
    activities: dict[str, Any] | None = None
    shadow_prices: dict[str, Any] | None = None


class EvidenceRef(_Open):
    """Where the evidence is and the hash of the snapshot."""

    evidence_ref: str
    snapshot_hash: str


class ForecastRequest(_Strict):
    """What to forecast. The history comes from `context` (inline) or `context_ref` (a context file of the server)."""

    tenant_id: str = Name
    tier: TierName
    skus: list[str] = Field(max_length=10_000)
    horizon: int = Field(ge=1, le=520)
    num_scenarios: int = Field(ge=1, le=500)
    model: str = Field(default="auto", max_length=64)
    seed: int = Field(default=424242, ge=0, le=2**31 - 1)
    context: dict[str, Any] | None = None
    context_ref: str | None = Field(default=None, max_length=200)


class CompileRequest(_Strict):
    """A goal, its context and its scenarios; empty scenarios are forecast from the context."""

    tenant_id: str = Name
    tier: str = Name
    goal_dsl: dict[str, Any]
    context: dict[str, Any]
    scenarios: ScenarioSet
    policy_snapshot: dict[str, Any] | None = None
    context_ref: str | None = Field(default=None, max_length=200)


class CompileAnswer(_Open):
    """A model and what to track."""

    optimodel: OptiModel | None = None
    hints: ExplainabilityHints | None = None


class SolveRequest(_Strict):
    """A model in its public form and how long to solve it."""

    tenant_id: str = Name
    tier: str = Name
    optimodel: OptiModel
    warm_start: dict[str, Any] | None = None
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    time_limit_sec: int = Field(default=20, ge=1, le=3600)
    mip_gap: float = Field(default=0.02, ge=0, le=1)


class EvidenceRequest(_Strict):
    """What to keep about a plan."""

    tenant_id: str = Name
    plan_id: str = Name
    solution: Solution
    constraints: list[dict[str, Any]] | None = None
    diagnostics: dict[str, Any] | None = None
    tier: str | None = None


class PlanRequest(_Strict):
    """A goal by id or inline, with its context by reference or inline."""

    goal_id: str | None = Field(default=None, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    goal_dsl: dict[str, Any] | None = None
    variant: str | None = Field(default=None, max_length=100)
    context: dict[str, Any] | None = None
    context_ref: str | None = Field(default=None, max_length=200)
    overrides: dict[str, str | float | bool] = Field(default_factory=dict, max_length=100)
    scenarios: int | None = Field(default=None, ge=1, le=100_000)
    time_limit_s: float | None = Field(default=None, gt=0, le=86_400)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    tenant_id: str | None = Field(default=None, max_length=200)
    tier: TierName | None = None


class GoalEntry(BaseModel):
    """A goal that the server has."""

    goal_id: str
    title: str


class GoalList(BaseModel):
    """The goals that may be planned by id."""

    goals: list[GoalEntry]


class Accepted(BaseModel):
    """A run that was taken on."""

    run_id: str
    status: str
    position: int = Field(description="runs ahead of it")
    reason: str = Field(description="why it waits: share, cap, budget, no_worker, parts or nothing")
    estimate_s: float = Field(description="predicted solver seconds, reserved from the budget")
    deduplicated: bool = False
    warnings: list[str] = Field(default_factory=list)


class PartView(BaseModel):
    """A part of a run that any slot may do: SKUs to forecast, or programs to solve."""

    run_id: str
    kind: str = Field(description="skus or programs")
    status: str
    solver_s: float


class RunView(_Open):
    """A run as its tenant sees it."""

    run_id: str
    kind: str
    status: str
    goal_id: str
    variant: str
    position: int
    reason: str
    estimate_s: float
    solver_s: float
    created_at: str
    began_at: str
    finished_at: str
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    artifacts: list[str] = Field(default_factory=list)
    parts: list[PartView] = Field(default_factory=list, description="what of it other slots do")


class RunList(BaseModel):
    """Runs, newest first; `next` is the `before` of the next page."""

    runs: list[RunView]
    next: str | None = None


class Budget(BaseModel):
    """One budget of the month."""

    limit: float
    reserved: float
    used: float
    left: float
    warning: bool


class Usage(BaseModel):
    """Budgets and limits of the tenant."""

    tenant_id: str
    tier: str
    month: str
    budgets: dict[str, Budget]
    limits: dict[str, float]


class WebhookRequest(_Strict):
    """Where to tell; a secret is made if none is given."""

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s\x00-\x1f]+$")
    secret: str | None = Field(default=None, min_length=16, max_length=200)


class SecretRequest(_Strict):
    """A new secret, made if none is given, and for how many hours the old one signs too."""

    secret: str | None = Field(default=None, min_length=16, max_length=200)
    overlap_h: float = Field(default=24.0, ge=0, le=168)


class WebhookSecret(BaseModel):
    """The new secret, shown once."""

    webhook_id: str
    secret: str
    previous_until: str = Field(description="until then the old secret signs too")


class WebhookEntry(BaseModel):
    """A webhook as it is listed."""

    webhook_id: str
    url: str
    created_at: str


class WebhookList(BaseModel):
    """The caller's webhooks, oldest first."""

    webhooks: list[WebhookEntry]


class WebhookView(BaseModel):
    """A webhook; the secret is shown once."""

    webhook_id: str
    url: str
    secret: str


class Problem(_Open):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    hints: list[str]

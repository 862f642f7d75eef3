"""A goal, parsed: what is wanted, with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from dyocense_cli.artifacts.codec import META
from dyocense_cli.errors import Span

__all__ = [
    "ExplainOptions", "ForecastOptions", "Goal", "Horizon", "Quantity", "ReduceOptions", "RuleSpec", "Setting", "SolverOptions",
]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the unit it was written in; `unit` is None for a bare number, which takes its place's unit."""

    value: float
    unit: str | None = None


#: A limit's setting: a number, a word, a switch, a list of words or a nested map.
Setting: TypeAlias = "Quantity | str | bool | tuple[str, ...] | Mapping[str, Quantity | str | bool] | None"


@dataclass(frozen=True, slots=True)
class Horizon:
    """`periods` steps of `every` (``day``, ``week``, ``month``, or ``2 weeks``) from ISO date `start`."""

    periods: int
    every: str
    start: str | None


@dataclass(frozen=True, slots=True)
class ReduceOptions:
    """Scenario reduction: target count and method (``none stratified k-medoids forward``)."""

    to: int
    method: str


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """How demand and lead times are forecast and sampled."""

    model: str
    num_scenarios: int
    seed: int
    reduce: ReduceOptions | None = None
    regressors: tuple[str, ...] = ()
    scenarios: str | None = None  # a scenario file or context table given by the user; then nothing is forecast
    fresh: int = 0  # fresh scenarios drawn for the out-of-sample stress test, 0 = as many as num_scenarios
    pool: int = 0  # scenarios drawn before reduction, 0 = num_scenarios


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """A constraint that a goal adds, in the model language."""

    name: str
    expression: str
    dims: tuple[str, ...] | None = None
    where: str | None = None
    hold: str = "always"
    intent: str = ""
    relax: float | None = 1.0  # cost of relaxing it; None = never suggested


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What explanations track and which sensitivities are re-solved."""

    track: tuple[str, ...]
    sensitivities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SolverOptions:
    """Backend and limits. `time_limit_s` in seconds; `mip_gap` relative; `threads` 0 = as many as allowed."""

    kind: ClassVar[str] = "solver_options"
    schema_version: ClassVar[int] = 1

    backend: str
    time_limit_s: float
    mip_gap: float
    threads: int
    seed: int
    nodes: int | None = None
    work: float | None = None
    method: str = "auto"  # auto | monolith | decompose


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal file with defaults filled in; `spans` maps JSON pointers (``/limits/budget/max``) to places."""

    kind: ClassVar[str] = "goal"
    schema_version: ClassVar[int] = 1

    id: str
    variant: str
    title: str
    owner: str
    model: str
    context: str
    horizon: Horizon
    forecast: ForecastOptions
    objective: Mapping[str, Quantity]
    limits: Mapping[str, Mapping[str, Setting]]
    constraints: tuple[RuleSpec, ...]
    aggregation: str  # mean | worst | p<q> | cvar<q>
    explain: ExplainOptions
    solver: SolverOptions
    policies: tuple[str, ...]
    settings: Mapping[str, Setting] = field(default_factory=dict)  # model switches such as unmet, z
    freeze: int = 0  # first periods whose orders are kept from the earlier plan
    max_churn: float | None = None
    pin: str = ""  # fingerprint that the bound context must have, empty = any
    spans: Mapping[str, Span] = field(default_factory=dict, metadata=META)
    file: str = field(default="", metadata=META)

"""The decision, its risk and its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["BindingRule", "Conflict", "Explanation", "Plan", "Reached", "Relaxation", "Sensitivity", "Step", "StressReport", "Way"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a plan. `line` is its name (``PO-0007``); `keys` the labels of the steps' dims (sku, supplier, location, period).

    `qty` in the SKU's unit, `price` and `cost` in the plan's currency; `date` and `arrives` ISO dates or None.
    """

    line: str
    keys: Mapping[str, str]
    qty: float
    price: float | None = None
    cost: float | None = None
    period: str | None = None
    date: str | None = None
    arrives: str | None = None
    reason: str = ""
    lots: float | None = None
    rounding: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit in the goal's own terms: `value` is the strictest setting that the plan meets, `asked` the goal's, `op` ``<=`` or ``>=``."""

    value: float
    asked: float
    op: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and figures; empty when nothing is held."""

    kind: ClassVar[str] = "plan"
    schema_version: ClassVar[int] = 1

    status: str
    termination: str
    objective: float | None
    bound: float | None
    gap: float | None
    steps: tuple[Step, ...] = ()
    terms: Mapping[str, float] = field(default_factory=dict)
    kpis: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)  # unit of each KPI and term
    activities: Mapping[str, float] = field(default_factory=dict)  # per rule: activity of its tightest row
    limits: Mapping[str, float] = field(default_factory=dict)
    slacks: Mapping[str, float] = field(default_factory=dict)
    binding: tuple[str, ...] = ()
    shadow_prices: Mapping[str, float] = field(default_factory=dict)
    approximations: tuple[str, ...] = ()
    currency: str = ""
    draft: str = ""  # why the plan is a draft; empty when policy was evaluated
    reached: Mapping[str, Reached] = field(default_factory=dict)  # per limit that has a number


@dataclass(frozen=True, slots=True)
class StressReport:
    """The plan under the full scenario set and a fresh one: stage 1 fixed, recourse re-optimised per scenario.

    `sets` maps set name (``in_sample``, ``full``, ``fresh``) to figures (cost_mean, cost_p5, cost_p95, cost_cvar95, cost_worst,
    service_mean, service_p5, …); `costs` keeps each set's cost and service per scenario; `shocks` the named battery.
    """

    kind: ClassVar[str] = "stress_report"
    schema_version: ClassVar[int] = 1

    sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    costs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    stockout_probability: Mapping[str, float] = field(default_factory=dict)
    vss: float | None = None
    evpi: float | None = None
    evpi_interval: tuple[float, float] | None = None
    gap_interval: tuple[float, float] | None = None  # out-of-sample minus in-sample mean cost, 95 %
    shocks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    #: whether no clock cut a part of it
    reproducible: bool = True


@dataclass(frozen=True, slots=True)
class BindingRule:
    """A rule at its limit: tightest row, price per unit of its right-hand side, ranging, sentence, where it was written."""

    name: str
    activity: float
    limit: float
    slack: float
    price: float
    unit: str | None
    sentence: str
    source: str  # goal:/limits/budget or model:/constraints/balance
    low: float | None = None  # range of the right-hand side over which the price holds
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rules that cannot all hold; irreducible when `proven`."""

    rules: tuple[str, ...]
    sentences: tuple[str, ...]
    sources: tuple[str, ...]
    rows: tuple[str, ...] = ()
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Loosen one rule: from, to, in `unit`; `setting` is what `--set` takes to do it."""

    rule: str
    from_: float
    to: float
    unit: str | None
    setting: str = ""
    allowed: bool | None = None  # policy's verdict, None when it was not asked
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A set of relaxations that together make the model feasible, verified by solving; `cost` by the rules' relax cost."""

    relaxations: tuple[Relaxation, ...]
    cost: float
    verified: bool
    objective: float | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a change would do: parameter or rule, change, objective change.

    When `resolved`, `delta` is that of a plan found after the change with its whole numbers, and the best one lies between `low` and
    `high`; otherwise it is the difference of two linear relaxations.
    """

    name: str
    change: str
    delta: float
    resolved: bool
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why this plan, or why none."""

    kind: ClassVar[str] = "explanation"
    schema_version: ClassVar[int] = 1

    binding: tuple[BindingRule, ...] = ()
    reduced_costs: Mapping[str, float] = field(default_factory=dict)
    sensitivities: tuple[Sensitivity, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    ways: tuple[Way, ...] = ()  # cheapest first
    #: per line: the next-cheapest alternative and its cost difference, in words
    alternatives: Mapping[str, str] = field(default_factory=dict)
    unbounded_ray: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    #: whether no clock cut a part of it
    reproducible: bool = True

"""What a solver answered, and what the independent check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np

from dyocense_cli.artifacts.codec import META

__all__ = ["CheckReport", "Solution", "Status", "Termination", "Violation", "relative_gap"]


class Status(StrEnum):
    """What we hold."""

    OPTIMAL = "OPTIMAL"
    FEASIBLE = "FEASIBLE"
    INFEASIBLE = "INFEASIBLE"
    UNBOUNDED = "UNBOUNDED"
    ERROR = "ERROR"


class Termination(StrEnum):
    """Why it stopped."""

    PROVED = "proved"
    GAP_REACHED = "gap_reached"
    TIME_LIMIT = "time_limit"
    NODE_LIMIT = "node_limit"
    WORK_LIMIT = "work_limit"
    MEMORY_LIMIT = "memory_limit"
    INTERRUPTED = "interrupted"
    NUMERICAL = "numerical"


@dataclass(frozen=True, slots=True)
class Solution:
    """Values of all columns in the order of the GroundModel; `x` is None when nothing is held.

    `gap` is that of `relative_gap`, None without a bound. `row_dual` is the change of the objective per unit of a row's right-hand side,
    `col_dual` that per unit of a column; both come from the LP with integers fixed (None for backends that give none).
    OPTIMAL means proved to a relative gap of 1e-6; a plan within the asked gap but not nearer is FEASIBLE with termination gap_reached.
    Stopped at a limit with no plan is ERROR with that limit as termination. A solve that a wall clock stopped is not reproducible.
    """

    kind: ClassVar[str] = "solution"
    schema_version: ClassVar[int] = 1

    status: Status
    termination: Termination
    objective: float | None
    bound: float | None
    gap: float | None
    x: np.ndarray | None
    row_dual: np.ndarray | None = None
    col_dual: np.ndarray | None = None
    backend: str = "highs"
    backend_version: str = ""
    method: str = "monolith"  # monolith | decompose
    seed: int = 0
    threads: int = 1
    reproducible: bool = True
    raw_status: str = ""
    approximations: tuple[str, ...] = ()
    certificate: Mapping[str, np.ndarray] = field(default_factory=dict)
    #: float64[n_cols] without a plan: values that keep all rules but a few, which would have to be loosened for them
    nearest: np.ndarray | None = None
    #: solver's counters and times (nodes, iterations, seconds): in no fingerprint
    diagnostics: Mapping[str, float | str] = field(default_factory=dict, metadata=META)


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not hold: `what` is bound, integrality, row, kpi, objective or gap; `name` the family and labels."""

    what: str
    name: str
    amount: float
    allowed: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Recomputed from the OptiModel, sharing nothing with grounding; `ok` when `violations` is empty."""

    kind: ClassVar[str] = "check_report"
    schema_version: ClassVar[int] = 1

    ok: bool
    objective: float | None
    worst: float
    violations: tuple[Violation, ...] = ()
    terms: Mapping[str, float] = field(default_factory=dict)
    kpis: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    rows_checked: int = 0


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return |objective − bound| / max(|objective|, 1e-10), 0 where they differ by less than 1e-6, None where one is unknown."""
    if objective is None or bound is None:
        return None
    distance = abs(objective - bound)
    return 0.0 if distance <= 1e-6 else distance / max(abs(objective), 1e-10)

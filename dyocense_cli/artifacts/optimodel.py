"""The intermediate representation: symbolic, complete, small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dyocense_cli.artifacts.codec import META

__all__ = ["Hints", "Kpi", "OptiModel", "Param", "Robust", "Rule", "Steps", "Term", "Var"]


@dataclass(frozen=True, slots=True)
class Param:
    """Data over dims.

    Dense: `data` has the shape of `dims` and `index` is None. Sparse: `index` is int32[n_dims, nnz] into the dims' labels, sorted
    in C order, and `data` is [nnz]; absent members have no value (0 as a coefficient, false in `where`).
    `mask` is for dense data with holes: bool of the same shape, true where a value exists; None = everywhere.
    """

    dims: tuple[str, ...]
    data: np.ndarray
    unit: str | None = None
    dtype: str = "f8"  # f8 | i8 | bool
    index: np.ndarray | None = None
    mask: np.ndarray | None = None
    #: where it was bound from, for parameters with the scenario dim: ``scenarios.demand``, ``scenarios.lead_periods``, or an expression
    #: over other parameters after ``=`` (``= demand * growth``); stress tests bind other scenarios the same way
    source: str = field(default="", metadata=META)


@dataclass(frozen=True, slots=True)
class Var:
    """A variable family; bounds are numbers or parameter expressions; `where` a condition; stage 1 here and now, 2 recourse."""

    name: str
    dims: tuple[str, ...]
    type: str = "float"  # float | int | bool
    lb: float | str | None = 0.0
    ub: float | str | None = None
    stage: int = 1
    where: str | None = None
    unit: str | None = None
    #: what a pass made it for: ``hold`` (binaries of chance rules), ``risk`` (of the objective), ``piecewise``; empty = the model's own.
    #: Those of ``hold`` and ``risk`` are stage 2 even without the scenario dim: they follow from the decision.
    origin: str = field(default="", metadata=META)


@dataclass(frozen=True, slots=True)
class Term:
    """A named objective term, already reduced over scenarios; objective = sum of weight · expr."""

    name: str
    expr: str
    weight: float = 1.0
    unit: str | None = None
    #: the expression before reduction (may have the scenario dim), empty when it is `expr`: cost per scenario = sum of weight · raw.
    #: A term that a pass made of others has raw ``0``.
    raw: str = field(default="", metadata=META)


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint family. `hold` is ``always`` after lowering unless a backend treats it; `source` is a JSON pointer
    into the goal (``goal:/limits/budget``) or the model file (``model:/constraints/balance``)."""

    name: str
    dims: tuple[str, ...]
    expr: str
    unit: str | None = None
    hold: str = "always"
    where: str | None = None
    intent: str = ""
    relax: float | None = 1.0
    fingerprint: str = ""
    limit: str | None = None
    source: str = ""
    #: rule that the planner wrote, for rows that a lowering made; equal to `name` otherwise
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A reported figure; scenario-dependent ones are reduced as their expression says."""

    name: str
    expr: str
    unit: str | None = None
    dims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Robust:
    """Risk attitude of the objective."""

    scenarios: int
    aggregation: str


@dataclass(frozen=True, slots=True)
class Steps:
    """What a plan lists."""

    quantity: str
    dims: tuple[str, ...]
    price: str | None = None
    arrives: str | None = None
    lot: str | None = None
    cost: str | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """What explanations track and which sensitivities to re-solve."""

    kind: ClassVar[str] = "hints"
    schema_version: ClassVar[int] = 1

    track: tuple[str, ...]
    sensitivities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptiModel:
    """A model ready to be ground. Expressions are canonical text of the grammar in `optimodel.expr`."""

    kind: ClassVar[str] = "optimodel"
    schema_version: ClassVar[int] = 1

    dims: Mapping[str, tuple[str, ...]]  # labels; scenario labels are "0", "1", ...
    ordered: tuple[str, ...]
    params: Mapping[str, Param]
    vars: tuple[Var, ...]
    exprs: Mapping[str, str]
    sense: str  # min | max
    terms: tuple[Term, ...]
    rules: tuple[Rule, ...]
    robust: Robust
    probability: np.ndarray
    kpis: tuple[Kpi, ...] = ()
    steps: Steps | None = None
    currency: str = ""
    #: ISO start of each period, for dates in plans
    period_starts: tuple[str, ...] = ()
    hints: Hints = field(default=Hints((), ()), metadata=META)
    meta: Mapping[str, str] = field(default_factory=dict, metadata=META)

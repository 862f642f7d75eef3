"""A model file, parsed: the mathematics, before any data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dyocense_cli.artifacts.codec import META
from dyocense_cli.errors import Span

__all__ = [
    "ConstraintDecl",
    "DimDecl",
    "ExprDecl",
    "KpiDecl",
    "ModelSpec",
    "ParamDecl",
    "PiecewiseDecl",
    "StepsDecl",
    "TermDecl",
    "VarDecl",
]


@dataclass(frozen=True, slots=True)
class DimDecl:
    """A dimension: labels from a table column, the horizon, the scenarios, or stated values."""

    name: str
    source: str | None = None  # table.column
    horizon: bool = False
    scenarios: bool = False
    ordered: bool = False
    values: tuple[str, ...] | None = None
    optional: str | None = None  # single label used when the source column is absent, e.g. main


@dataclass(frozen=True, slots=True)
class ParamDecl:
    """A parameter over dims, bound from a table column, a context parameter or a constant."""

    name: str
    dims: tuple[str, ...] = ()
    source: str | None = None
    unit: str | None = None
    dtype: str = "float"  # float | int | bool
    default: float | None = None
    value: float | str | None = None  # a constant, or an expression over other parameters


@dataclass(frozen=True, slots=True)
class VarDecl:
    """A variable family; `lower`/`upper` are numbers or parameter expressions."""

    name: str
    dims: tuple[str, ...] = ()
    where: str | None = None
    integer: bool = False
    binary: bool = False
    lower: str | float | None = 0.0
    upper: str | float | None = None
    stage: int | None = None
    unit: str | None = None
    limit: str | None = None  # exists only when the goal sets this limit


@dataclass(frozen=True, slots=True)
class ExprDecl:
    """A named expression."""

    name: str
    expression: str
    where: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class ConstraintDecl:
    """A rule family."""

    name: str
    expression: str
    dims: tuple[str, ...] | None = None
    where: str | None = None
    limit: str | None = None
    hold: str = "always"
    intent: str = ""
    relax: float | None = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)  # conditions on the limit's settings, e.g. over: horizon


@dataclass(frozen=True, slots=True)
class PiecewiseDecl:
    """A piecewise-linear cost: `output` is a function of `input` through (x, y) breakpoints per member of `dims`."""

    name: str
    input: str
    points: str
    values: str
    dims: tuple[str, ...] = ()
    convex: bool = False


@dataclass(frozen=True, slots=True)
class TermDecl:
    """A named objective term."""

    name: str
    expression: str
    unit: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class KpiDecl:
    """A reported figure; may divide."""

    name: str
    expression: str
    unit: str | None = None
    intent: str = ""


@dataclass(frozen=True, slots=True)
class StepsDecl:
    """What the plan lists: one step per member of `dims` where `quantity` is not zero."""

    quantity: str
    dims: tuple[str, ...]
    price: str | None = None
    arrives: str | None = None
    lot: str | None = None
    cost: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model file, parsed; `settings` are switches with defaults that a goal may override."""

    kind: ClassVar[str] = "model_spec"
    schema_version: ClassVar[int] = 1

    name: str
    dims: tuple[DimDecl, ...]
    params: tuple[ParamDecl, ...]
    vars: tuple[VarDecl, ...]
    exprs: tuple[ExprDecl, ...]
    constraints: tuple[ConstraintDecl, ...]
    sense: str  # minimize | maximize
    terms: tuple[TermDecl, ...]
    kpis: tuple[KpiDecl, ...] = ()
    piecewise: tuple[PiecewiseDecl, ...] = ()
    steps: StepsDecl | None = None
    settings: Mapping[str, str | float | bool] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict, metadata=META)
    file: str = field(default="", metadata=META)

"""What passes hand on: a model on its way from declarations to the OptiModel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.goal import Goal, Quantity
from dyocense_cli.artifacts.model import DimDecl, ModelSpec, ParamDecl, StepsDecl
from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.artifacts.policy import Admission
from dyocense_cli.optimodel.expr.nodes import Node
from dyocense_cli.optimodel.symbols import Scope

__all__ = ["Draft", "Formula", "Inputs", "KpiDraft", "PiecewiseDraft", "RuleDraft", "TermDraft", "VarDraft"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model is compiled from; `context` and `scenarios` are None when only the text is checked."""

    goal: Goal
    spec: ModelSpec
    context: Context | None = None
    scenarios: ScenarioSet | None = None
    admission: Admission | None = None


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression, the text it was written as, and its place: a JSON pointer after ``goal:``, ``model:`` or ``policy:``."""

    node: Node
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class VarDraft:
    """A variable family; bounds are trees over parameters."""

    name: str
    dims: tuple[str, ...]
    type: str
    lower: Formula | None
    upper: Formula | None
    stage: int
    where: Formula | None = None
    unit: str | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A constraint family; `dims` None until they are found."""

    name: str
    formula: Formula
    dims: tuple[str, ...] | None
    where: Formula | None
    hold: str
    intent: str
    relax: float | None
    limit: str | None
    source: str
    origin: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class TermDraft:
    """An objective term with its weight."""

    name: str
    formula: Formula
    weight: float
    weight_unit: str | None = None
    unit: str | None = None
    raw: Formula | None = None  # before reduction over scenarios


@dataclass(frozen=True, slots=True)
class KpiDraft:
    """A reported figure."""

    name: str
    formula: Formula
    unit: str | None
    dims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PiecewiseDraft:
    """A piecewise-linear cost; see `artifacts.model.PiecewiseDecl`."""

    name: str
    input: Formula
    points: str
    values: str
    along: str
    dims: tuple[str, ...]
    convex: bool
    unit: str | None
    source: str


Value: TypeAlias = "Quantity | str | bool | float"


@dataclass(frozen=True, slots=True)
class Draft:
    """A model between two passes. `labels`, `data` and `probability` are empty until data is bound."""

    inputs: Inputs
    currency: str
    units: tuple[tuple[str, float, str], ...]
    dims: tuple[DimDecl, ...]
    params: Mapping[str, ParamDecl]
    values: Mapping[str, Formula]  # derived parameters
    settings: Mapping[str, tuple[float, str | None]]  # numbers that limits and switches give, with their unit
    vars: tuple[VarDraft, ...]
    exprs: Mapping[str, Formula]
    off: frozenset[str]  # names that are switched off: zero
    rules: tuple[RuleDraft, ...]
    terms: tuple[TermDraft, ...]
    kpis: tuple[KpiDraft, ...]
    piecewise: tuple[PiecewiseDraft, ...]
    steps: StepsDecl | None
    scope: Scope
    aggregation: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    data: Mapping[str, Param] = field(default_factory=dict)
    probability: np.ndarray | None = None

    @property
    def scenario(self) -> str | None:
        """Name of the scenario dim, None if the model has none."""
        return self.scope.scenario

    @property
    def sizes(self) -> dict[str, int]:
        """Number of labels per dim."""
        return {name: len(labels) for name, labels in self.labels.items()}

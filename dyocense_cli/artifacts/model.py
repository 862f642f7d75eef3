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
    "LimitDecl",
    "ModelSpec",
    "ParamDecl",
    "PiecewiseDecl",
    "SettingDecl",
    "StepsDecl",
    "TermDecl",
    "VarDecl",
]


@dataclass(frozen=True, slots=True)
class DimDecl:
    """A dimension: labels from a table column, the horizon, the scenarios, or stated values.

    `ranks` (``offers.min_qty``) numbers the rows of a table within each group of equal `within` labels, in ascending order of the
    column: labels ``1 2 …``. `upto` (``skus.shelf_life``) has labels ``0 1 …`` below the column's maximum. `optional` is the single
    label used when the source is absent; a dim with it and one label is dropped from the compiled model.
    """

    name: str
    source: str | None = None  # table.column
    horizon: bool = False
    scenarios: bool = False
    ordered: bool = False
    values: tuple[str, ...] | None = None
    optional: str | None = None
    ranks: str | None = None
    within: tuple[str, ...] = ()
    upto: str | None = None


@dataclass(frozen=True, slots=True)
class ParamDecl:
    """A parameter over dims, bound from a table column, a context parameter or an expression over other parameters.

    `source` is ``table.column``, ``parameters.name``, ``scenarios.table``, ``dim.position``, ``dim.first``, ``dim.last``, ``stats.figure``
    or ``quality.word``; None with `dims` () binds from the context's `parameters:` by name. `aggregate` ``sum`` adds rows of equal keys;
    `date` names the column that is mapped to a period. `dtype` ``text`` is a label, only for comparisons in conditions. Without its
    column an `optional` parameter is zero and what exists only because of it does not. `default` fills rows without a value and an absent
    column; members without a row have it too if `everywhere` (then the parameter is dense).
    """

    name: str
    dims: tuple[str, ...] = ()
    source: str | None = None
    unit: str | None = None
    dtype: str = "float"  # float | int | bool | text
    default: float | None = None
    value: float | str | None = None  # a constant, or an expression over other parameters
    aggregate: str = "one"  # one | sum
    date: str | None = None
    optional: bool = False
    everywhere: bool = False
    when: str | None = None


@dataclass(frozen=True, slots=True)
class VarDecl:
    """A variable family; `lower`/`upper` are numbers or parameter expressions; it exists only when `when` holds."""

    name: str
    dims: tuple[str, ...] = ()
    where: str | None = None
    integer: bool = False
    binary: bool = False
    lower: str | float | None = 0.0
    upper: str | float | None = None
    stage: int | None = None
    unit: str | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True)
class ExprDecl:
    """A named expression; zero when `when` does not hold."""

    name: str
    expression: str
    when: str | None = None


@dataclass(frozen=True, slots=True)
class SettingDecl:
    """A setting of a limit: a number in `unit`, or one of `choices`; `default` is text as a planner would write it, None = required."""

    name: str
    unit: str | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class LimitDecl:
    """A limit that a goal may set under `limits:`; `always` ones hold with their defaults when the goal is silent."""

    name: str
    settings: tuple[SettingDecl, ...] = ()
    always: bool = False
    intent: str = ""


@dataclass(frozen=True, slots=True)
class ConstraintDecl:
    """A rule family; exists when the goal sets `limit` (if named) and `when` holds. `hold` None takes the limit's `hold:` setting."""

    name: str
    expression: str
    dims: tuple[str, ...] | None = None
    where: str | None = None
    limit: str | None = None
    when: str | None = None
    hold: str | None = None
    intent: str = ""
    relax: float | None = 1.0


@dataclass(frozen=True, slots=True)
class PiecewiseDecl:
    """A piecewise-linear cost: variable `name` = f(`input`) through points (`points`, `values`) over `along` per member of `dims`.

    `points` and `values` are parameters over `dims` + (`along`,), points ascending. `convex` (or concave in a maximisation) needs no
    binaries; otherwise each segment gets one.
    """

    name: str
    input: str
    points: str
    values: str
    along: str
    dims: tuple[str, ...] = ()
    convex: bool = False
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class TermDecl:
    """A named objective term."""

    name: str
    expression: str
    unit: str | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True)
class KpiDecl:
    """A reported figure; may divide by variables and compare (a comparison counts 1 where it holds)."""

    name: str
    expression: str
    unit: str | None = None
    intent: str = ""
    when: str | None = None


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
    limits: tuple[LimitDecl, ...] = ()
    settings: Mapping[str, str | float | bool] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict, metadata=META)
    file: str = field(default="", metadata=META)

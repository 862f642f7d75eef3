"""The schema of a model file, and the `ModelSpec` it becomes: a new field is one row here and one in `artifacts/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dyocense_cli.artifacts.model import (
    ConstraintDecl,
    DimDecl,
    ExprDecl,
    KpiDecl,
    LimitDecl,
    ModelSpec,
    ParamDecl,
    PiecewiseDecl,
    SettingDecl,
    StepsDecl,
    TermDecl,
    VarDecl,
)
from dyocense_cli.errors import Span
from dyocense_cli.kernel.goaldsl.checking import Reading, Schema
from dyocense_cli.kernel.goaldsl.nodes import SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.schema import Choice, Field, ListOf, MapOf, Number, Obj, OneOf, Switch, Text
from dyocense_cli.kernel.goaldsl.shapes import HOLD, NAMES, RELAX, TEXT, WORD

__all__ = ["MODEL", "assemble"]

_SOURCE: Final = Text(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", "table.column")
_LABELS: Final = ListOf(Text(number_too=True, want="a label"))
_EXPRESSION: Final = Text(number_too=True, want="an expression")
_WHEN: Final = Field("when", TEXT, doc="Exists only where this holds of the goal's limits and settings.")
_DOC: Final = (Field("title", TEXT, attr=""), Field("description", TEXT, attr=""))


class _Bound:
    """A bound: a number, an expression over parameters, or null for none."""

    want = "a number, an expression or null"

    def accepts(self, node: Node) -> bool:
        return node.kind == SCALAR and not isinstance(node.value, bool)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        if not self.accepts(node):
            return reading.wrong(path, node, self.want)
        return float(node.value) if isinstance(node.value, (int, float)) else node.value

    def describe(self) -> Schema:
        return {"type": ["number", "string", "null"]}


#: Words of mathspec that say nothing more here: a dim's labels come with the data.
_DTYPE_OF_LABELS: Final = Field(
    "dtype", Choice(("str", "int", "float", "datetime", "bool")), attr="", doc="Type of the labels; not needed."
)
_MISSING: Final = Field("missing", OneOf((Number(), Choice(("neutral", "absent", "refused")))), doc="mathspec: a number is the default.")


def _parameter(name: str, missing: float | str | None = None, **values: Any) -> ParamDecl:
    """Return a parameter; mathspec's `missing: 0` is a default, `missing: neutral` and `absent` may be absent."""
    if isinstance(missing, (int, float)):
        values = {"default": float(missing), "everywhere": True, **values}
    return ParamDecl(name=name, **{"optional": missing in ("neutral", "absent"), **values})


def _variable(name: str, domain: str | None = None, **values: Any) -> VarDecl:
    """Return a variable; one with mathspec's `domain` is unbounded on a side that it does not bound."""
    if domain is not None:
        values = {"lower": None, "upper": None, **values, "integer": domain == "integer", "binary": domain == "binary"}
        if domain == "binary":
            values = {**values, "lower": 0.0, "upper": 1.0}
    return VarDecl(name=name, **values)


def _objective(sense: str, terms: tuple[TermDecl, ...] = (), expression: str | None = None) -> dict[str, Any]:
    """Return sense and terms; mathspec's one `expression` is a term named ``objective``."""
    single = () if expression is None else (TermDecl("objective", expression),)
    return {"sense": sense, "terms": (*terms, *single)}


_DIM: Final = Obj(
    (
        Field("from", _SOURCE, attr="source", doc="Labels are the values of this table column."),
        Field("horizon", Switch()),
        Field("scenarios", Switch()),
        Field("ordered", Switch()),
        Field("values", _LABELS, doc="Labels stated here."),
        Field("optional", Text(number_too=True), doc="The single label where the column is absent."),
        Field("ranks", _SOURCE, doc="Numbers the rows of a table within each group of equal `within` labels, ascending in this column."),
        Field("within", NAMES),
        Field("upto", _SOURCE, doc="Labels 0 1 … below this column's maximum."),
        _DTYPE_OF_LABELS,
        *_DOC,
    ),
    into=DimDecl,
    named=True,
)

_PARAM: Final = Obj(
    (
        Field("dims", NAMES),
        Field("from", _SOURCE, attr="source"),
        Field("unit", TEXT),
        Field("dtype", Choice(("float", "int", "bool", "text"))),
        Field("default", Number()),
        Field("value", OneOf((Number(), TEXT)), doc="A constant, or an expression over other parameters."),
        Field("aggregate", Choice(("one", "sum")), doc="sum adds rows of equal keys."),
        Field("date", TEXT, doc="The column that is mapped to a period."),
        Field("everywhere", Switch(), doc="The default also stands for members without a row."),
        _MISSING,
        Field("optional", Switch(), doc="May be absent: then it is zero, and what exists because of it does not."),
        _WHEN,
        *_DOC,
    ),
    into=_parameter,
    named=True,
)

_VAR: Final = Obj(
    (
        Field("dims", NAMES),
        Field("where", TEXT),
        Field("integer", Switch()),
        Field("binary", Switch()),
        Field("bounds", Obj((Field("lower", _Bound()), Field("upper", _Bound()))), spread=True),
        Field("stage", Number(whole=True, low=1, high=2)),
        Field("domain", Choice(("continuous", "integer", "binary")), doc="mathspec's word for integer and binary."),
        Field("missing", Choice(("neutral", "absent")), attr="", doc="mathspec; a variable that does not exist adds nothing."),
        Field("unit", TEXT),
        _WHEN,
        *_DOC,
    ),
    into=_variable,
    named=True,
)

_EXPR: Final = Obj(
    (
        Field("expression", _EXPRESSION, required=True, example="price * order"),
        _WHEN,
        *_DOC,
    ),
    into=ExprDecl,
    named=True,
    short="expression",
)

_CONSTRAINT: Final = Obj(
    (
        Field("expression", _EXPRESSION, required=True, example="sum(spend) <= max"),
        Field("dims", NAMES),
        Field("where", TEXT),
        Field("limit", WORD, doc="Exists only when the goal sets this limit, whose settings are parameters here."),
        _WHEN,
        Field("hold", HOLD),
        Field("intent", TEXT, doc="The rule in one sentence, with {dim} slots."),
        Field("relax", RELAX),
        *_DOC,
    ),
    into=ConstraintDecl,
    named=True,
    short="expression",
)

_TERM: Final = Obj(
    (
        Field("expression", _EXPRESSION, required=True, example="sum(spend)"),
        Field("unit", TEXT),
        _WHEN,
        *_DOC,
    ),
    into=TermDecl,
    named=True,
    short="expression",
)

_KPI: Final = Obj(
    (
        Field("expression", _EXPRESSION, required=True, example="sum(spend)"),
        Field("unit", TEXT),
        Field("intent", TEXT),
        _WHEN,
        *_DOC,
    ),
    into=KpiDecl,
    named=True,
    short="expression",
)

_PIECEWISE: Final = Obj(
    (
        Field("input", TEXT, required=True, example="quantity"),
        Field("points", TEXT, required=True, example="break_qty"),
        Field("values", TEXT, required=True, example="break_cost"),
        Field("along", TEXT, required=True, example="step"),
        Field("dims", NAMES),
        Field("convex", Switch()),
        Field("unit", TEXT),
        *_DOC,
    ),
    into=PiecewiseDecl,
    named=True,
)

_SETTING: Final = Obj(
    (
        Field("unit", TEXT),
        Field("choices", _LABELS),
        Field("default", Text(number_too=True, want="a value as a goal would write it")),
        Field("optional", Switch()),
        *_DOC,
    ),
    into=SettingDecl,
    named=True,
)

_LIMIT: Final = Obj(
    (
        Field("settings", MapOf(_SETTING, as_tuple=True)),
        Field("always", Switch(), doc="Holds with its defaults when the goal is silent."),
        Field("intent", TEXT),
        *_DOC,
    ),
    into=LimitDecl,
    named=True,
)

_STEPS: Final = Obj(
    (
        Field("quantity", TEXT, required=True, example="order"),
        Field("dims", NAMES, required=True, example="[sku, supplier, period]"),
        Field("price", TEXT),
        Field("arrives", TEXT),
        Field("lot", TEXT),
        Field("cost", TEXT),
    ),
    into=StepsDecl,
)

_OBJECTIVE: Final = Obj(
    (
        Field("sense", Choice(("minimize", "maximize")), required=True, example="minimize"),
        Field("terms", MapOf(_TERM, as_tuple=True, least=1), doc="Named terms, which a goal weighs."),
        Field("expression", _EXPRESSION, doc="One expression in place of terms, as in mathspec; it is the term `objective`."),
    ),
    into=_objective,
)

#: The sections of a model file; each is a map of declarations, and becomes a tuple sorted by name.
MODEL: Final = Obj(
    (
        Field("dsl", Choice(("model/v1",)), required=True, attr="", example="model/v1"),
        Field("name", WORD),
        *_DOC,
        Field("dimensions", MapOf(_DIM, as_tuple=True), attr="dims"),
        Field("parameters", MapOf(_PARAM, as_tuple=True), attr="params"),
        Field("variables", MapOf(_VAR, as_tuple=True, least=1), attr="vars", required=True, example="{x: {}}"),
        Field("expressions", MapOf(_EXPR, as_tuple=True), attr="exprs"),
        Field("constraints", MapOf(_CONSTRAINT, as_tuple=True)),
        Field("objective", _OBJECTIVE, required=True, spread=True, example="{sense: minimize, terms: {cost: sum(spend)}}"),
        Field("kpis", MapOf(_KPI, as_tuple=True)),
        Field("piecewise", MapOf(_PIECEWISE, as_tuple=True)),
        Field("steps", _STEPS, doc="What a plan lists: one step per member of dims where the quantity is not zero."),
        Field("limits", MapOf(_LIMIT, as_tuple=True), doc="Limits that a goal may set."),
        Field(
            "settings",
            MapOf(OneOf((Switch(), Number(), TEXT), words="a number, a word, true or false")),
            doc="Switches with their defaults, which a goal may override.",
        ),
    ),
    doc="A model: the mathematics, before any data.",
)

_EMPTY: Final[dict[str, Any]] = {"dims": (), "params": (), "exprs": (), "constraints": ()}


def assemble(values: Mapping[str, Any], *, spans: Mapping[str, Span], file: str) -> ModelSpec:
    """Return the model of checked values; without a `name` it is named after its file."""
    stem = file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0] or "model"
    return ModelSpec(**{"name": stem, **_EMPTY, **values}, spans=spans, file=file)

"""The schema of a context file, and the `ContextSpec` it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.artifacts.context import ContextSpec, Rate, TableSpec
from dyocense_cli.errors import Span
from dyocense_cli.kernel.goaldsl.checking import INVALID, Reading, Schema
from dyocense_cli.kernel.goaldsl.currencies import CURRENCIES
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.scalars import quantity
from dyocense_cli.kernel.goaldsl.schema import Choice, Field, ListOf, MapOf, Number, Obj, OneOf, Switch, Text
from dyocense_cli.kernel.goaldsl.shapes import AMOUNT, DATE, TEXT

__all__ = ["CONTEXT", "assemble"]

_COLUMN: Final = r"[A-Za-z_][\w.-]*"
_UNIT: Final = Text(r"[%\w€$£¥µ°/*^. -]{1,80}", "a unit, such as EUR/each")
_CURRENCY: Final = Text(want="a three-letter ISO 4217 code", rule="DYO-S010", convert=lambda text: text if text in CURRENCIES else None)


@dataclass(frozen=True, slots=True)
class Rows:
    """Inline rows: a list of flat maps. Cells stay as written; the binder checks them like any table's."""

    want: str = "a list of rows"

    def accepts(self, node: Node) -> bool:
        """See `schema.Type`."""
        return node.kind == LIST

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `schema.Type`."""
        if node.kind != LIST:
            return reading.wrong(path, node, self.want)
        bad = [i for i, row in enumerate(node.items) if row.kind != MAP or any(cell.kind != SCALAR for cell in row.fields.values())]
        for i in bad:
            self._complain(node.items[i], (*path, i), reading)
        if bad:
            return INVALID
        return tuple(
            {name: cell.text if isinstance(cell.value, str) else cell.value for name, cell in row.fields.items()} for row in node.items
        )

    def _complain(self, row: Node, path: Path, reading: Reading) -> None:
        if row.kind != MAP:
            reading.wrong(path, row, "a row: a map from column to value")
            return
        for name, cell in row.fields.items():
            if cell.kind != SCALAR:
                reading.wrong((*path, name), cell, "a single value")

    def describe(self) -> Schema:
        """See `schema.Type`."""
        cell = {"type": ["string", "number", "boolean", "null"]}
        return {"type": "array", "items": {"type": "object", "additionalProperties": cell}}


_TABLE: Final = Obj(
    (
        Field("file", TEXT, doc="CSV, Parquet, JSON or XLSX file beside the context."),
        Field("sheet", TEXT, doc="Sheet of an XLSX file; the first if absent."),
        Field("sql", TEXT, doc="A read-only DuckDB query over files beside the context."),
        Field("rows", Rows(), doc="Rows written here."),
        Field("columns", MapOf(TEXT, key=_COLUMN), doc="Our column name -> theirs."),
        Field("units", MapOf(_UNIT, key=_COLUMN), doc="Column -> unit."),
    ),
    into=TableSpec,
)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with exactly one source."""

    want: str = "a map with one of file, rows, sql"

    def accepts(self, node: Node) -> bool:
        return node.kind == MAP

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        table = _TABLE.read(node, path, reading)
        if node.kind != MAP:
            return table
        sources = [name for name in ("file", "rows", "sql") if name in node.fields]
        if not sources:
            return reading.bad(
                "DYO-S004", (*path, "file"), node, f"table `{path[-1]}` has no source", exact=False, field="file", example=f"{path[-1]}.csv"
            )
        if len(sources) > 1:
            return reading.bad(
                "DYO-S002",
                (*path, sources[1]),
                node.keys[sources[1]],
                f"table `{path[-1]}` has two sources, `{sources[0]}` and `{sources[1]}`",
                fix="Keep one of the two.",
            )
        if "sheet" in node.fields and sources[0] != "file":
            return reading.bad("DYO-S002", (*path, "sheet"), node.keys["sheet"], "`sheet` needs an XLSX `file`", fix="Remove it.")
        return table

    def describe(self) -> Schema:
        out = _TABLE.describe()
        out["oneOf"] = [{"required": [name]} for name in ("file", "rows", "sql")]
        return out


_RATE: Final = Obj(
    (
        Field("from", TEXT, required=True, attr="source", example="USD"),
        Field("to", TEXT, required=True, attr="target", example="EUR"),
        Field("rate", Number(low=0.0, rule="DYO-S006"), required=True, example="0.92"),
        Field("date", DATE, required=True, example="2026-11-30"),
    ),
    into=Rate,
)

_CONVERSION: Final = Obj(
    (
        Field("from", TEXT, required=True, attr="source", example="case"),
        Field("to", TEXT, required=True, attr="target", example="each"),
        Field("rate", Number(low=0.0, rule="DYO-S006"), required=True, example="12"),
        Field("date", DATE),
    ),
    into=lambda source, target, rate, date="": Rate(source, target, rate, date),
)


def _equation(text: str) -> Rate | None:
    """Return ``1 case = 12 each`` as a conversion."""
    left, equals, right = text.partition("=")
    one, many = quantity(left), quantity(right)
    if not equals or one is None or many is None or not one.unit or not many.unit or one.value <= 0 or many.value <= 0:
        return None
    return Rate(one.unit, many.unit, many.value / one.value, "")


_EQUATION: Final = Text(want="an equation such as `1 case = 12 each`", convert=_equation)

CONTEXT: Final = Obj(
    (
        Field("dsl", Choice(("context/v1",)), required=True, attr="", example="context/v1"),
        Field("currency", _CURRENCY, required=True, example="EUR", doc="ISO 4217 code of every amount without a currency."),
        Field("as_of", DATE, doc="Date at which prices and stock were true."),
        Field("title", TEXT, attr=""),
        Field(
            "tables",
            MapOf(_Table(), key=r"[a-z_][a-z0-9_]*", key_want="a name of small letters, digits and _"),
            doc="Table name -> where its rows are.",
        ),
        Field("parameters", MapOf(OneOf((Switch(), AMOUNT, TEXT), words="a number, a text, true or false"))),
        Field("rates", ListOf(_RATE), doc="Dated currency rates: one `from` is `rate` `to`."),
        Field("conversions", ListOf(OneOf((_EQUATION, _CONVERSION))), doc="Units of measure: `1 case = 12 each`."),
        Field(
            "privacy",
            Obj((Field("pii", ListOf(Text(r"[\w-]+\.[\w-]+", "table.column"))),)),
            spread=True,
            doc="Columns that are personal data.",
        ),
        Field("scenarios", Obj((Field("table", TEXT, required=True, example="outcomes"),)), doc="The table that states the scenarios."),
    ),
    doc="A context: the world of a goal, as tables and numbers with units.",
)


def assemble(values: Mapping[str, Any], *, spans: Mapping[str, Span], file: str) -> ContextSpec:
    """Return the context of checked values."""
    return ContextSpec(
        currency=values["currency"],
        tables=values.get("tables", {}),
        parameters=values.get("parameters", {}),
        rates=values.get("rates", ()),
        conversions=values.get("conversions", ()),
        pii=tuple(sorted(values.get("pii", ()))),
        scenarios=values.get("scenarios", {}),
        as_of=values.get("as_of"),
        spans=spans,
        file=file,
    )

"""The world of a goal: bound, typed tables, and what a context file asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dyocense_cli.artifacts.codec import META
from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.errors import Span

__all__ = ["CellEdit", "Column", "Context", "ContextSpec", "Rate", "RawTable", "Table", "TableSpec", "Tables"]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Where a table comes from: exactly one of `file`, `rows`, `sql`; `columns` renames (ours -> theirs)."""

    file: str | None = None
    sheet: str | None = None
    sql: str | None = None
    rows: tuple[Mapping[str, str | float | bool | None], ...] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """A dated conversion: one `source` is `rate` `target`, as of ISO `date`."""

    source: str
    target: str
    rate: float
    date: str


@dataclass(frozen=True, slots=True)
class ContextSpec:
    """A context file, parsed."""

    kind: ClassVar[str] = "context_spec"
    schema_version: ClassVar[int] = 1

    currency: str
    tables: Mapping[str, TableSpec]
    parameters: Mapping[str, Quantity | str | bool] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
    conversions: tuple[Rate, ...] = ()  # units of measure, e.g. 1 case = 12 each; `date` may be empty
    pii: tuple[str, ...] = ()
    scenarios: Mapping[str, str] = field(default_factory=dict)  # {"table": name} when the context states them
    as_of: str | None = None  # ISO date at which prices and stock were true
    edits: Mapping[str, str] = field(default_factory=dict)  # cells that the command line changes: supplier.V2.price -> +15%
    spans: Mapping[str, Span] = field(default_factory=dict, metadata=META)
    file: str = field(default="", metadata=META)


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as read: text or plain values by column, in file order; `rows` numbers start at 1 after the header."""

    name: str
    file: str
    columns: Mapping[str, tuple[str | float | int | bool | None, ...]]
    sha: str  # SHA-256 of the source bytes
    rows: tuple[int, ...] | None = None  # source row numbers, None = 1..n


@dataclass(frozen=True, slots=True)
class Tables:
    """All raw tables of a context."""

    kind: ClassVar[str] = "tables"
    schema_version: ClassVar[int] = 1

    tables: Mapping[str, RawTable]


@dataclass(frozen=True, slots=True)
class Column:
    """A bound column.

    `values` is float64, int64 or bool with `labels` None; or int32 codes into sorted `labels` (-1 = missing) for text.
    Dates are text labels in ISO form. A missing number is NaN. `written` is the unit that the context states, empty where it states
    none, and `factor` what numbers were multiplied by to be in `unit`.
    """

    values: np.ndarray
    unit: str | None = None
    labels: tuple[str, ...] | None = None
    written: str = field(default="", metadata=META)
    factor: float = field(default=1.0, metadata=META)

    def text(self) -> list[str | None]:
        """Return a text column's values as strings, None where missing."""
        assert self.labels is not None
        labels: list[str | None] = [*self.labels, None]
        return [labels[i] for i in self.values.tolist()]


@dataclass(frozen=True, slots=True)
class Table:
    """A bound table: rows in canonical order (independent of file order), one length for all columns."""

    columns: Mapping[str, Column]
    n_rows: int
    rows: np.ndarray | None = field(default=None, metadata=META)  # source row numbers, int32[n_rows]
    file: str = field(default="", metadata=META)


@dataclass(frozen=True, slots=True)
class CellEdit:
    """Cells that the command line changed: `rows` are source row numbers, `given` the change as typed (``supplier.V2.price=+15%``),
    `keys` the labels that it names."""

    table: str
    column: str
    rows: tuple[int, ...]
    given: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """SKUs, suppliers, offers, stock, history, in declared units, on one calendar."""

    kind: ClassVar[str] = "context"
    schema_version: ClassVar[int] = 1

    currency: str
    tables: Mapping[str, Table]
    parameters: Mapping[str, Quantity | str | bool]
    rates: tuple[Rate, ...]  # those in force when the plan starts, one per pair
    conversions: tuple[Rate, ...]  # each to its last unit
    periods: tuple[str, ...]  # t1 .. tN
    period_starts: tuple[str, ...]  # ISO dates
    period_days: float
    pii: tuple[str, ...] = ()
    scenarios_table: str | None = None
    as_of: str | None = None  # ISO date at which prices and stock were true
    spans: Mapping[str, Span] = field(default_factory=dict, metadata=META)
    file: str = field(default="", metadata=META)
    edits: tuple[CellEdit, ...] = field(default=(), metadata=META)  # their values count, not who changed them

    def edit_of(self, table: str, column: str, row: int) -> str:
        """Return the change that made a cell (by source row number) what it is, empty for a cell as it was read."""
        return next((e.given for e in self.edits if (e.table, e.column) == (table, column) and row in e.rows), "")

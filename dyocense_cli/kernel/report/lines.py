"""The plan as rows: one table that the CSV, the workbook and the page share."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from dyocense_cli.artifacts.plan import Plan

__all__ = ["Rows", "plan_csv", "plan_rows"]

Cell = str | float | None

#: Columns after the step's own keys.
_AFTER = ("quantity", "lots", "price", "cost", "period", "order_date", "arrives", "rounding", "reason")


@dataclass(frozen=True, slots=True)
class Rows:
    """Column names and rows; quantities in the SKU's unit, price and cost in the plan's currency, dates in ISO form."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def plan_rows(plan: Plan) -> Rows:
    """Return the plan's lines; key columns (sku, supplier, …) come in the order the steps name them."""
    keys: list[str] = []
    for step in plan.steps:
        keys += [k for k in step.keys if k not in keys and k != "period"]
    rows = tuple(
        (
            step.line, *(step.keys.get(k, "") for k in keys), step.qty, step.lots, step.price, step.cost, step.period, step.date,
            step.arrives, step.rounding, step.reason,
        )
        for step in plan.steps
    )  # fmt: skip
    return Rows(("line", *keys, *_AFTER), rows)


def safe(cell: Cell) -> Cell:
    """Return a cell that a spreadsheet reads as text, not as a formula, when a label starts like one (CSV injection, OWASP)."""
    return "'" + cell if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def plan_csv(plan: Plan) -> str:
    """Return the plan as CSV: header row, ``\\n`` line ends, shortest exact numbers."""
    table = plan_rows(plan)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(["" if c is None else (_exact(c) if isinstance(c, float) else safe(c)) for c in row])
    return out.getvalue()


def _exact(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

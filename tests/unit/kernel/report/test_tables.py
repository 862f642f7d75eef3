"""The plan as CSV and as a workbook."""

from __future__ import annotations

import csv
import dataclasses
import io

from openpyxl import load_workbook

from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.lines import plan_csv, plan_rows
from dyocense_cli.kernel.report.numbers import figure, label, number
from dyocense_cli.kernel.report.xlsx import plan_xlsx
from tests.synthetic_run import synthetic


def test_csv_gives_every_line_back() -> None:
    case = synthetic(9)
    plan = case.held["plan"]
    rows = list(csv.DictReader(io.StringIO(plan_csv(plan))))
    assert [r["line"] for r in rows] == [s.line for s in plan.steps]
    assert [float(r["quantity"]) for r in rows] == [s.qty for s in plan.steps]
    assert [float(r["cost"]) for r in rows] == [s.cost for s in plan.steps]
    assert "period" in rows[0]
    assert "order_date" in rows[0]


def test_a_label_never_becomes_a_formula() -> None:
    plan = synthetic(1).held["plan"]
    step = dataclasses.replace(plan.steps[0], keys={"sku": "=1+1", "supplier": "@S"})
    text = plan_csv(dataclasses.replace(plan, steps=(step,)))
    assert "'=1+1" in text
    assert "'@S" in text


def test_the_workbook_reads_back_and_is_the_same_bytes_twice() -> None:
    case = synthetic(9)
    data = plan_xlsx(Facts.of(case.held))
    assert data == plan_xlsx(Facts.of(case.held))
    book = load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Plan", "Figures", "Rules", "Stress"]
    rows = list(book["Plan"].values)
    assert rows[0] == plan_rows(case.held["plan"]).columns
    assert len(rows) == 10


def test_numbers_read_as_a_planner_writes_them() -> None:
    assert number(7821.4) == "7,821.4"
    assert number(-0.001) == "−0.001"
    assert number(float("nan")) == "–"
    assert number(1e6) == "1,000,000"
    assert figure(0.975, "1", name="service") == "97.5 %"
    assert figure(12.0, "EUR") == "12.00 EUR"
    assert figure(12.0, "kg") == "12 kg"
    assert label("fill_rate_by_sku") == "Fill rate by SKU"

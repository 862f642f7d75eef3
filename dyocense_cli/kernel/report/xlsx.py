"""The plan as a workbook: lines, figures, rules, stress. Same plan, same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.lines import Cell, plan_rows, safe

__all__ = ["plan_xlsx"]

#: Stamped on every member, so that a workbook is a function of its plan.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def plan_xlsx(facts: Facts) -> bytes:
    """Return the workbook's bytes: sheets Plan, Figures, Rules and, where the plan was stressed, Stress."""
    book = Workbook()
    book.properties.created = book.properties.modified = datetime(*_EPOCH)  # noqa: DTZ001  # openpyxl wants it naive
    book.properties.creator = "dyocense"
    rows = plan_rows(facts.plan)
    book.remove(book.worksheets[0])
    _fill(book.create_sheet("Plan"), rows.columns, rows.rows)
    _fill(book.create_sheet("Figures"), ("figure", "of", "value", "unit"), _figures(facts))
    _fill(book.create_sheet("Rules"), ("rule", "activity", "limit", "slack", "price", "unit", "sentence"), _rules(facts))
    if facts.stress_report is not None and facts.stress_report.sets:
        names = sorted({k for figures in facts.stress_report.sets.values() for k in figures})
        table = [(name, *(figures.get(k) for k in names)) for name, figures in facts.stress_report.sets.items()]
        _fill(book.create_sheet("Stress"), ("scenarios", *names), table)
    out = io.BytesIO()
    book.save(out)
    return _stamped(out.getvalue())


def _fill(sheet: Worksheet, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    sheet.append(list(columns))
    widths = [len(c) for c in columns]
    for row in rows:
        cells = [safe(c) for c in row]
        sheet.append(cells)
        widths = [max(w, min(60, len(str(c)))) if c is not None else w for w, c in zip(widths, cells, strict=True)]
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for i, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = width + 2
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _figures(facts: Facts) -> list[tuple[Cell, ...]]:
    plan = facts.plan
    out: list[tuple[Cell, ...]] = [("status", "", str(plan.status), ""), ("objective", "", plan.objective, plan.currency)]
    out += [("bound", "", plan.bound, plan.currency), ("gap", "", plan.gap, "")]
    for name, value in {**plan.kpis, **plan.terms}.items():
        unit = plan.units.get(name, "")
        if isinstance(value, (int, float)):
            out.append((name, "", float(value), unit))
        else:
            out += [(name, key, part, unit) for key, part in value.items()]
    return out


def _rules(facts: Facts) -> list[tuple[Cell, ...]]:
    if facts.explanation is None:
        return []
    return [(r.name, r.activity, r.limit, r.slack, r.price, r.unit or "", r.sentence) for r in facts.explanation.binding]


def _stamped(data: bytes) -> bytes:
    """Return the same archive with fixed member times: openpyxl stamps the clock."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            body = source.read(name)
            if name == "docProps/core.xml":
                body = _fixed_times(body)
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, body)
    return out.getvalue()


def _fixed_times(core: bytes) -> bytes:
    head, mark, rest = core.partition(b"<dcterms:modified")
    if not mark:
        return core
    start, end = rest.index(b">") + 1, rest.index(b"</dcterms:modified>")
    return head + mark + rest[:start] + b"1980-01-01T00:00:00Z" + rest[end:]

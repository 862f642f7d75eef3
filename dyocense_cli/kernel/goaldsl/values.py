"""Checks of values that a schema cannot say: service levels, negative amounts, repeated ids, odd horizons."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from dyocense_cli.kernel.goaldsl.checking import Reading
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.scalars import quantity

__all__ = ["check_context", "check_goal"]

#: Columns that are never negative in any table.
_NOT_NEGATIVE: Final = frozenset(
    {
        "price",
        "moq",
        "lot_size",
        "capacity",
        "lead_days",
        "lead_sd",
        "quantity",
        "order_cost",
        "min_order_value",
        "holding_cost",
        "shortage_cost",
        "storage_capacity",
        "volume",
        "min_qty",
        "co2",
        "shelf_life",
        "waste_cost",
    }
)
#: Column that names a row of a table, where one does.
_ID_OF: Final = {"skus": "sku", "suppliers": "supplier", "locations": "location"}


#: A number as people write it elsewhere: 8,000 EUR or 0,5 or 8 000.50
_SEPARATED: Final = re.compile(r"[+-]?(?:\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+,\d+)(?:\s*[%A-Za-z€$£].*)?")


def _separated(node: Node, path: Path, reading: Reading) -> None:
    """Note a text that is meant as a number but written with separators, which no reader takes for one."""
    if node.kind == SCALAR and isinstance(node.value, str) and quantity(node.value) is None and _SEPARATED.fullmatch(node.value.strip()):
        want = "digits with a decimal point and no separators, such as 8000.5 EUR"
        reading.bad("DYO-S003", path, node, f"`{path[-1]}` is {node.says()}, which is no number", want=want, have=node.says())


def _at(node: Node, *names: str) -> Node | None:
    for name in names:
        found = node.fields.get(name) if node.kind == MAP else None
        if found is None:
            return None
        node = found
    return node


def _number(node: Node) -> tuple[float, str | None] | None:
    if node.kind != SCALAR or isinstance(node.value, bool):
        return None
    if isinstance(node.value, (int, float)):
        return float(node.value), None
    found = quantity(node.value) if isinstance(node.value, str) else None
    return (found.value, found.unit) if found else None


def _levels(node: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    if node.kind == MAP:
        for name, child in node.fields.items():
            yield (name,), child
    else:
        yield (), node


def _service(root: Node, reading: Reading) -> None:
    least = _at(root, "limits", "service", "min")
    for more, node in _levels(least) if least is not None else ():
        found = _number(node)
        if found is None:
            continue
        value = found[0] / 100 if found[1] == "%" else found[0]
        path = ("limits", "service", "min", *more)
        if not 0 < value <= 1:
            reading.bad("DYO-S007", path, node, f"service level {node.text} is not over 0 and at most 1")
        elif value == 1:
            reading.bad("DYO-S008", path, node, f"service level {node.text} asks for every unit in every scenario")


def _limits(root: Node, reading: Reading) -> None:
    limits = _at(root, "limits")
    if limits is None or limits.kind != MAP:
        return
    for name, settings in limits.fields.items():
        for setting, node in settings.fields.items() if settings.kind == MAP else ():
            _separated(node, ("limits", name, setting), reading)
            if name == "service" and setting == "min":
                continue
            found = _number(node)
            if found is not None and found[0] < 0:
                reading.bad("DYO-S006", ("limits", name, setting), node, f"`{name}.{setting}` is {node.text}")


def _horizon(root: Node, reading: Reading) -> None:
    start, periods = _at(root, "horizon", "start"), _at(root, "horizon", "periods")
    if periods is not None and isinstance(periods.value, int) and not isinstance(periods.value, bool) and periods.value > 1000:
        reading.bad("DYO-S012", ("horizon", "periods"), periods, f"a horizon of {periods.value} periods is longer than 1000")
    if start is None or not isinstance(start.value, str):
        return
    try:
        year = dt.date.fromisoformat(start.value).year
    except ValueError:
        return  # the schema says so already
    if not 1900 <= year <= 2200:
        reading.bad("DYO-S012", ("horizon", "start"), start, f"the horizon starts in the year {year}")


def check_goal(root: Node, reading: Reading) -> None:
    """Note what is wrong with the values of a goal's tree."""
    _service(root, reading)
    _limits(root, reading)
    _horizon(root, reading)


def check_context(root: Node, reading: Reading) -> None:
    """Note what is wrong with the parameters and inline rows of a context's tree."""
    parameters = _at(root, "parameters")
    for name, node in parameters.fields.items() if parameters is not None and parameters.kind == MAP else ():
        found = _number(node)
        _separated(node, ("parameters", name), reading)
        if name in _NOT_NEGATIVE and found is not None and found[0] < 0:
            reading.bad("DYO-S006", ("parameters", name), node, f"`{name}` is {node.text}")
    tables = _at(root, "tables")
    for table, spec in tables.fields.items() if tables is not None and tables.kind == MAP else ():
        rows = _at(spec, "rows")
        if rows is not None and rows.kind == LIST:
            _rows(table, rows, reading)


def _rows(table: str, rows: Node, reading: Reading) -> None:
    key = _ID_OF.get(table)
    seen: dict[str, Node] = {}
    for i, row in enumerate(rows.items):
        for name, cell in row.fields.items() if row.kind == MAP else ():
            if name in _NOT_NEGATIVE and isinstance(cell.value, (int, float)) and cell.value < 0:
                reading.bad("DYO-S006", ("tables", table, "rows", i, name), cell, f"`{name}` is {cell.text}")
            if name == key and cell.kind == SCALAR:
                first = seen.setdefault(cell.text, cell)
                if first is not cell:
                    reading.bad(
                        "DYO-S009",
                        ("tables", table, "rows", i, name),
                        cell,
                        f"{key} `{cell.text[:60]}` is given twice, first on line {first.line}",
                    )

"""One column: its kind, its unit, its range, its missing values."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.context import Column
from dyocense_cli.artifacts.rules import coded, finding
from dyocense_cli.errors import Finding, Where
from dyocense_cli.kernel.context.columns import ColumnRule
from dyocense_cli.kernel.context.faults import Faults, Source
from dyocense_cli.kernel.context.measure import Measures, NoConversion
from dyocense_cli.kernel.context.typed import Cells, Numbers, is_numeric, to_dates, to_flags, to_labels, to_numbers

__all__ = ["read_column"]

_DATE_HINT = "write dates as 2026-03-02"


def read_column(
    source: Source,
    name: str,
    cells: Cells,
    faults: Faults,
    *,
    rule: ColumnRule | None,
    unit: str | None,
    measures: Measures,
    period_days: float,
) -> Column | None:
    """Return a bound column, or None after noting why its unit does not fit."""
    kind = rule.kind if rule is not None else ("number" if unit or is_numeric(cells) else "label")
    if kind == "label":
        return _labels(source, name, cells, faults, required=rule is not None and rule.required)
    if kind == "date":
        return _dates(source, name, cells, faults, required=rule is not None and rule.required)
    found = to_flags(cells) if kind == "flag" else to_numbers(cells)
    _bad_numbers(source, name, cells, found, faults, flag=kind == "flag")
    if rule is not None:
        _range(source, name, cells, found, rule=rule, faults=faults)
    wanted = rule.unit if rule is not None and rule.unit else None
    try:
        factor, shown = _unit(unit, wanted, measures, period_days)
    except NoConversion:
        for a, b in measures.gaps(str(unit), wanted or ""):
            faults.add(_gap(source, name, str(unit), (a, b), measures.currency))
        return None
    return Column(found.values if factor == 1.0 else found.values * factor, shown, None, unit or "", factor)


def _gap(source: Source, name: str, unit: str, pair: tuple[str, str], currency: str) -> Finding:
    """Return the finding of a conversion that nothing states, with the place of both its ends."""
    a, b = pair
    rule_id = "DYO-X004" if b == currency else "DYO-X003"
    message = f"`{source.name}.{name}` is in `{unit}`, and nothing says what `{a}` is in `{b}`"
    if b == "a known unit":
        message = f"`{source.name}.{name}` is in `{unit}`, and `{a}` is no known unit"
    other = ("the context", source.spec.spans.get("/currency")) if b == currency else _holder(source, name, b)
    message += f"; {other[0]} is in `{b}` ({other[1]})" if other is not None and other[1] is not None else ""
    return finding(rule_id, message, where=source.key(f"units/{name}"), a=a, b=b)


def _holder(source: Source, name: str, unit: str) -> tuple[str, Where] | None:
    """Return a column that is stated in a unit, demand before others, and where it says so."""
    tables = source.spec.tables
    named = [t for t in ("history", source.name, *tables) if t in tables]
    stated = [(t, c) for t in named for c, u in tables[t].units.items() if unit in u.split("/")]
    found = next(((t, c) for t, c in stated if (t, c) != (source.name, name)), None)
    return (f"`{found[0]}.{found[1]}`", source.spec.spans.get(f"/tables/{found[0]}/units/{found[1]}")) if found is not None else None


def _unit(unit: str | None, wanted: str | None, measures: Measures, period_days: float) -> tuple[float, str | None]:
    """Return the factor to the unit of the column, and that unit; a column of periods may be given in days or weeks."""
    if wanted is None:
        if unit is not None:
            measures.parse(unit)
        return 1.0, measures.text(unit) if unit is not None else None
    shown = measures.text(wanted)
    if unit is None:
        return 1.0, shown
    if wanted == "period" and any(base == "day" for base, _ in measures.parse(unit).powers):
        return measures.factor(unit, "day") / period_days, shown
    return measures.factor(unit, wanted), shown


def _missing(source: Source, name: str, rows: np.ndarray, faults: Faults) -> None:
    faults.rows(
        source,
        name,
        [int(i) for i in rows],
        lambda _, where: coded("DY2307", f"`{source.name}.{name}` is empty", where=where, remediation="fill it in, or remove the row"),
    )


def _without(rows: np.ndarray, bad: tuple[int, ...]) -> np.ndarray:
    """Return the rows that are not bad already."""
    return np.setdiff1d(rows, np.array(bad, dtype=np.int64)) if bad else rows


def _labels(source: Source, name: str, cells: Cells, faults: Faults, *, required: bool) -> Column:
    found = to_labels(cells)
    if required:
        _missing(source, name, np.flatnonzero(found.codes < 0), faults)
    return Column(found.codes, None, found.labels)


def _dates(source: Source, name: str, cells: Cells, faults: Faults, *, required: bool) -> Column:
    found = to_dates(cells)
    faults.rows(
        source,
        name,
        found.bad,
        lambda i, where: coded("DY2311", f"`{source.name}.{name}` is {cells[i]!r}, not a date", where=where, remediation=_DATE_HINT),
    )
    if required:
        gone = np.flatnonzero(found.codes < 0)
        _missing(source, name, _without(gone, found.bad), faults)
    return Column(found.codes, None, found.labels)


def _bad_numbers(source: Source, name: str, cells: Cells, found: Numbers, faults: Faults, *, flag: bool) -> None:
    want = "true or false" if flag else "a number"
    hint = "write true or false" if flag else "write digits with a decimal point; units stand under `units:`"
    faults.rows(
        source,
        name,
        found.bad,
        lambda i, where: coded("DY2304", f"`{source.name}.{name}` is {str(cells[i])[:60]!r}, not {want}", where=where, remediation=hint),
    )


def _range(source: Source, name: str, cells: Cells, found: Numbers, *, rule: ColumnRule, faults: Faults) -> None:
    missing = np.isnan(found.values)
    if rule.required:
        _missing(source, name, _without(np.flatnonzero(missing), found.bad), faults)
    if rule.low is None:
        return
    wrong = found.values <= rule.low if rule.over else found.values < rule.low
    faults.rows(
        source,
        name,
        [int(i) for i in np.flatnonzero(wrong & ~missing)],
        lambda i, where: (
            coded(
                "DY2308", f"`{source.name}.{name}` is {cells[i]}, not over {rule.low:g}", where=where, remediation="give a positive number"
            )
            if rule.over and found.values[i] == rule.low
            else finding("DYO-S006", f"`{source.name}.{name}` is {cells[i]}", where=where)
        ),
    )

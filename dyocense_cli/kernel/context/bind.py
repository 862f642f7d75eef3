"""Raw tables → Context: typed columns in declared units, checked keys, one calendar, rows in canonical order."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.context import CellEdit, Column, Context, ContextSpec, RawTable, Table, Tables
from dyocense_cli.artifacts.goal import Goal, Quantity
from dyocense_cli.artifacts.rules import finding, near
from dyocense_cli.errors import Findings
from dyocense_cli.kernel.context.calendar import Calendar, period_calendar
from dyocense_cli.kernel.context.columns import COLUMNS, column_rule
from dyocense_cli.kernel.context.edits import edited
from dyocense_cli.kernel.context.faults import Faults, Source
from dyocense_cli.kernel.context.keys import check_keys, check_links
from dyocense_cli.kernel.context.measure import Measures, NoConversion, flattened, in_force
from dyocense_cli.kernel.context.read_column import read_column
from dyocense_cli.kernel.context.typed import Cells, to_dates

__all__ = ["bind"]


def bind(goal: Goal, spec: ContextSpec, tables: Tables) -> Context:
    """Return the world of a goal.

    Known columns are bound in one unit each (`columns.COLUMNS`), converted by the context's rates and conversions; others keep theirs.
    Rows are sorted by their values, so that their order in a file does not matter; `Table.rows` keeps their source numbers.

    Raises
    ------
    Findings
        DY2000 with everything that is wrong with columns, units, values, dates, keys and links, each with row and value.
    UsageError
        DY1011, DY1012 if a change of the command line names no cells or is no value for them.
    """
    faults = Faults()
    calendar = period_calendar(goal.horizon, _day_after(spec, tables) if goal.horizon.start is None else None)
    measures = Measures.of(spec.currency, spec.rates, spec.conversions, calendar.starts[0] if calendar.starts else None)
    sources = {name: Source(name, raw, spec) for name, raw in sorted(tables.tables.items())}
    bound = {name: _table(source, measures, calendar, faults) for name, source in sources.items()}
    bound, edits = edited(bound, spec.edits, measures) if spec.edits and not faults.findings else (bound, ())
    for name, source in sources.items():
        check_keys(source, bound[name], faults)
    check_links(sources, bound, faults)
    _parameters(spec, measures, faults)
    stated = _stated(goal, spec, faults)
    if any(f.severity == "error" for f in faults.findings):
        raise Findings(tuple(faults.findings))
    return _context(spec, calendar, {name: _canonical(table) for name, table in bound.items()}, stated, edits)


def _stated(goal: Goal, spec: ContextSpec, faults: Faults) -> str | None:
    """Return the table that states the scenarios: the goal's own choice, else the context's."""
    chosen = goal.forecast.scenarios
    named, pointer = (chosen, "/forecast/scenarios") if chosen else (spec.scenarios.get("table"), "")
    if chosen and set(chosen) & {".", "/"}:
        return spec.scenarios.get("table")  # a file of scenarios, which the runner reads
    if named is not None and named not in spec.tables:
        where = goal.spans.get(pointer) if pointer else spec.spans.get("/scenarios/table")
        meant = near(named, spec.tables)
        hint = f"did you mean `{meant}`?" if meant else "name one of " + ", ".join(sorted(spec.tables))
        faults.code("DY2312", f"the scenarios are to come from `{named}`, which is no table of the context", where, hint)
    return named


def _context(spec: ContextSpec, calendar: Calendar, tables: dict[str, Table], stated: str | None, edits: tuple[CellEdit, ...]) -> Context:
    spans = {f"/tables/{name}": spec.spans[f"/tables/{name}"] for name in tables if f"/tables/{name}" in spec.spans}
    spans |= {key: spec.spans[key] for key in ("/currency", *(f"/parameters/{name}" for name in spec.parameters)) if key in spec.spans}
    return Context(
        currency=spec.currency,
        tables=tables,
        parameters=dict(sorted(spec.parameters.items())),
        rates=in_force(spec.rates, calendar.starts[0] if calendar.starts else None),
        conversions=flattened(spec.conversions),
        periods=calendar.periods,
        period_starts=calendar.starts,
        period_days=calendar.period_days,
        pii=spec.pii,
        scenarios_table=stated,
        as_of=spec.as_of,
        spans=spans,
        file=spec.file,
        edits=edits,
    )


def _cells(source: Source, column: str) -> Cells | None:
    theirs = source.spec.tables[source.name].columns.get(column, column)
    return source.raw.columns.get(theirs)


def _day_after(spec: ContextSpec, tables: Tables) -> str | None:
    """Return the first day that the history does not cover: its last date and the usual step between dates."""
    raw = tables.tables.get("history")
    cells = _cells(Source("history", raw, spec), "date") if raw is not None else None
    if cells is None:
        return spec.as_of
    days = [dt.date.fromisoformat(label) for label in to_dates(cells).labels]
    if not days:
        return spec.as_of
    steps = sorted((b - a).days for a, b in itertools.pairwise(days))
    return (days[-1] + dt.timedelta(days=steps[len(steps) // 2] if steps else 1)).isoformat()


def _names(source: Source, faults: Faults) -> list[str]:
    """Return our names of the table's columns, noting those that are renamed, given a unit or required but not there."""
    raw: RawTable = source.raw
    spec = source.spec.tables[source.name]
    renamed = {theirs: ours for ours, theirs in sorted(spec.columns.items())}
    names = [renamed.get(theirs, theirs) for theirs in raw.columns if renamed.get(theirs) or theirs not in spec.columns]
    wanted = {theirs: f"columns/{ours}" for ours, theirs in spec.columns.items() if theirs not in raw.columns}
    for ours in spec.units:
        if ours not in names and spec.columns.get(ours) not in wanted:
            wanted[ours] = f"units/{ours}"
    for ours, rule in COLUMNS.get(source.name, {}).items():
        if rule.required and ours not in names and ours not in spec.columns and ours not in wanted:
            wanted[ours] = "file"
    for name, part in sorted(wanted.items()):
        meant = near(name, raw.columns)
        hint = (
            f"did you mean `{meant}`? Otherwise name it under `columns:`" if meant else f"it has {', '.join(raw.columns) or 'no columns'}"
        )
        faults.code("DY2301", f"table `{source.name}` has no column `{name}`", source.key(part), hint)
    return sorted(set(names))


def _table(source: Source, measures: Measures, calendar: Calendar, faults: Faults) -> Table:
    n = max((len(cells) for cells in source.raw.columns.values()), default=0)
    units = source.spec.tables[source.name].units
    columns: dict[str, Column] = {}
    for name in _names(source, faults):
        cells = _cells(source, name)
        if cells is None:
            continue
        rule = column_rule(source.name, name)
        found = read_column(
            source, name, cells, faults, rule=rule, unit=units.get(name), measures=measures, period_days=calendar.period_days
        )
        if found is not None:
            columns[name] = found
    numbers = np.array(source.raw.rows if source.raw.rows is not None else range(1, n + 1), dtype=np.int32)
    return Table(columns, n, numbers, source.raw.file)


def _canonical(table: Table) -> Table:
    """Sort rows by their labels, then by their numbers, columns in order of name."""
    columns = [table.columns[name] for name in sorted(table.columns)]
    keys = [c.values for c in columns if c.labels is not None] + [c.values for c in columns if c.labels is None]
    order = np.lexsort(keys[::-1]) if keys and table.n_rows else np.arange(table.n_rows)
    if np.array_equal(order, np.arange(table.n_rows)):
        return table
    sorted_columns = {name: replace(c, values=c.values[order]) for name, c in sorted(table.columns.items())}
    return Table(sorted_columns, table.n_rows, None if table.rows is None else table.rows[order], table.file)


def _parameters(spec: ContextSpec, measures: Measures, faults: Faults) -> None:
    for i, conversion in enumerate(spec.conversions):
        if any(c.source == c.target == conversion.source for c in flattened(spec.conversions)):
            message = f"the conversions of `{conversion.source}` go in a circle"
            where = spec.spans.get(f"/conversions/{i}")
            faults.add(finding("DYO-X003", message, where=where, a=conversion.source, b="a unit that is not converted itself"))
    for name, value in spec.parameters.items():
        if isinstance(value, Quantity) and value.unit:
            try:
                measures.parse(value.unit)
            except NoConversion as error:
                where = spec.spans.get(f"/parameters/{name}")
                faults.add(finding("DYO-X003", f"`{name}` is in `{error.a}`, which is no unit", where=where, a=error.a, b="a known unit"))

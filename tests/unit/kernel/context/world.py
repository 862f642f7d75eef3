"""A small world in code: raw tables, goal and context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dyocense_cli.artifacts.context import Context, RawTable, Tables
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal

Cells = Sequence[str | float | int | bool | None]

SKUS: Mapping[str, Cells] = {"sku": ["B", "A"], "volume": ["0.5", "2"]}
SUPPLIERS: Mapping[str, Cells] = {"supplier": ["S1", "S2"], "lead_days": ["2", ""]}
OFFERS: Mapping[str, Cells] = {"sku": ["A", "B", "A"], "supplier": ["S1", "S1", "S2"], "price": ["1.5", "2", "1.25"]}


def world(
    tables: Mapping[str, Mapping[str, Cells]],
    *,
    goal: str = "horizon: {periods: 3, every: week, start: 2026-11-30}\n",
    more: str = "",
    table_options: Mapping[str, str] | None = None,
    rows: Sequence[int] | None = None,
    edits: Mapping[str, str] | None = None,
) -> Context:
    """Bind tables of columns; `more` is put into the context file, `table_options` into its tables, `edits` come from ``--set``."""
    options = table_options or {}
    lines = "".join(f"  {name}: {{file: {name}.csv{options.get(name, '')}}}\n" for name in tables)
    spec = parse_context(f"dsl: context/v1\ncurrency: EUR\n{'tables:' if tables else ''}\n{lines}{more}", file="c.yaml")
    spec = replace(spec, edits=edits or {})
    raw = {
        name: RawTable(
            name,
            f"{name}.csv",
            {c: tuple(v if v != "" else None for v in cells) for c, cells in columns.items()},
            "0" * 64,
            tuple(rows) if rows is not None else None,
        )
        for name, columns in tables.items()
    }
    return bind(parse_goal("dsl: goal/v1\nid: g\nmodel: m\ncontext: c.yaml\n" + goal, file="g.yaml"), spec, Tables(raw))

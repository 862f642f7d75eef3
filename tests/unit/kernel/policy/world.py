"""A goal and its world from text, for tests of what is asked of policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dyocense_cli.artifacts.context import Context, RawTable, Tables
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal

__all__ = ["CONTEXT", "GOAL", "context_of", "goal_of", "pack_engine"]

GOAL = """dsl: goal/v1
id: weekly
owner: ana
model: replenishment
context: context.yaml
horizon: {periods: 2, every: week, start: 2026-11-30}
objective: {cost: 1.0}
limits:
  budget: {max: 4000 EUR, over: horizon}
constraints:
  keep_v4:
    expression: sum(spend where supplier == 'V4') >= 10
    relax: false
"""

CONTEXT = """dsl: context/v1
currency: EUR
tables:
  skus:
    rows:
      - {sku: MILK, category: dairy}
      - {sku: RYE, category: bakery}
  suppliers:
    rows:
      - {supplier: V1, region: local, lead_days: 2}
      - {supplier: V2, region: local, lead_days: 5}
      - {supplier: V4, region: overseas, lead_days: 3}
      - {supplier: V9, region: overseas, lead_days: 3}
  offers:
    rows:
      - {sku: MILK, supplier: V1, price: 1.2}
      - {sku: MILK, supplier: V2, price: 1.3}
      - {sku: MILK, supplier: V4, price: 1.0}
      - {sku: RYE, supplier: V4, price: 2.0}
rates:
  - {from: USD, to: EUR, rate: 0.5, date: 2026-11-01}
"""


def goal_of(text: str = GOAL) -> Goal:
    """Parse a goal."""
    return parse_goal(text, file="goals/weekly.yaml")


def context_of(goal: Goal | None = None, text: str = CONTEXT) -> Context:
    """Parse a context whose tables are inline and bind it."""
    spec = parse_context(text, file="context.yaml")
    tables = {}
    for name, table in spec.tables.items():
        rows: tuple[Mapping[str, Any], ...] = table.rows or ()
        names = list(dict.fromkeys(k for row in rows for k in row))
        tables[name] = RawTable(name, "context.yaml", {n: tuple(row.get(n) for row in rows) for n in names}, "")
    return bind(goal or goal_of(), spec, Tables(tables))


def pack_engine(tmp_path: Any, data: dict[str, Any] | None = None) -> Any:
    """Return the embedded engine with an organisation's data."""
    import json

    from dyocense_cli.adapters.policy.choose import OpaWasm
    from dyocense_cli.adapters.policy.pack import load_pack

    folder = tmp_path / "policies"
    folder.mkdir(exist_ok=True)
    (folder / "data.json").write_text(json.dumps(data or {}), encoding="utf-8")
    return OpaWasm(load_pack(str(folder)), cache=str(tmp_path.parent / "policy-cache"))

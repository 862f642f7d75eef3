"""What a change would do, and what one aim costs in terms of another: `plan --what-if`, `plan --pareto`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import overrides, print_json
from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.artifacts.plan import Plan
    from dyocense_cli.runner.order import Order
    from dyocense_cli.runner.run import Kernel

__all__ = ["front", "selected", "what_if"]


def what_if(kernel: Kernel, order: Order, changes: Sequence[str], *, store: str | None, as_json: bool) -> int:
    """Plan as ordered and with the changes, and print how the two differ."""
    from dyocense_cli.cli.diff import diff

    before = kernel.plan(order)
    after = kernel.plan(dataclasses.replace(order, overrides={**order.overrides, **overrides(list(changes))}))
    if before.run_id != after.run_id:
        diff(before.run_id, after.run_id, store=store, as_json=as_json)
    elif as_json:
        print_json({"old": {"run_id": before.run_id}, "new": {"run_id": after.run_id}, "inputs": {}, "lines": []})
    else:
        from dyocense_cli.cli.page import Page

        Page().line("nothing changes: both are the same run")
    return exits.of_status(*after.status)


def front(kernel: Kernel, order: Order, terms: str, *, as_json: bool) -> int:
    """Print the front between two objective terms: what less of one costs in the other."""
    names = tuple(t.strip() for t in terms.split(","))
    if len(names) != 2 or not all(names):
        raise UsageError("DY1020", f"--pareto takes two objective terms, not `{terms}`", hints="such as --pareto cost,co2")
    from dyocense_cli.runner.nouns import resolve

    execution = kernel.run(order, until="compile")
    ports = execution.ports
    model: Any = execution.held["optimodel"].value
    points = resolve("kernel.optimizer.pareto:pareto")(model, names, execution.held["solver_options"].value, lent=ports.lent())
    rows: list[dict[str, Any]] = resolve("kernel.optimizer.pareto:pareto_json")(points)
    if as_json:
        print_json({"terms": list(names), "front": rows})
        return exits.DONE if rows else exits.NO_PLAN
    from dyocense_cli.cli.page import Column, Page

    page = Page()
    page.line(f"{len(rows)} plans, none better in both {names[0]} and {names[1]}")
    columns = [Column(name, [_cell(r["values"][name]) for r in rows], right=True) for name in names]
    page.table([*columns, Column("gap", [_cell(r["gap"]) for r in rows], right=True), Column("status", [str(r["status"]) for r in rows])])
    return exits.DONE if rows else exits.NO_PLAN


def _cell(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else "–" if value is None else str(value)


def selected(plan: Plan, selectors: Sequence[str]) -> Plan:
    """Return a plan with the lines that every selector (``sku:A*``, ``supplier:S1``) matches; selectors of one key are alternatives.

    Raises
    ------
    UsageError
        DY1022 for a selector of another form or of an unknown key, or if no line matches.
    """
    wanted: dict[str, list[str]] = {}
    for selector in [part for text in selectors for part in text.split()]:
        key, mark, pattern = selector.partition(":")
        known = list(plan.steps[0].keys) if plan.steps else [key]
        if not mark or key not in (*known, "line"):
            raise UsageError("DY1022", f"no selector `{selector}`", hints="use " + ", ".join(f"{k}:PATTERN" for k in ("line", *known)))
        wanted.setdefault(key, []).append(pattern)
    steps = tuple(
        s for s in plan.steps if all(any(fnmatchcase(s.line if k == "line" else s.keys[k], p) for p in ps) for k, ps in wanted.items())
    )
    if plan.steps and not steps:
        labels = sorted({s.keys[k] for k in wanted if k != "line" for s in plan.steps})
        raise UsageError("DY1022", f"no line matches {' '.join(selectors)}", hints="there is " + ", ".join(labels[:12]) if labels else ())
    return dataclasses.replace(plan, steps=steps)

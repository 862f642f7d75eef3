"""Demand as far as it is known before a forecast: stated scenarios, or the mean of the history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dyocense_cli.artifacts.context import Table
from dyocense_cli.kernel.lint.case import Case

__all__ = ["history_mean", "history_span", "stated_demand"]


def _table(case: Case, name: str) -> Table | None:
    return case.context.tables.get(name) if case.context is not None else None


def history_span(case: Case) -> tuple[str, str, int] | None:
    """Return the first and last date of the history and how many periods of the goal it covers; None without a history."""
    if "span" not in case.shared:
        case.shared["span"] = _span(case)
    found = case.shared["span"]
    return found if isinstance(found, tuple) else None


def _span(case: Case) -> tuple[str, str, int] | None:
    table = _table(case, "history")
    dates = table.columns.get("date") if table is not None else None
    if dates is None or not dates.labels or case.context is None:
        return None
    first, last = dates.labels[0], dates.labels[-1]
    days = int((np.datetime64(last) - np.datetime64(first)).astype(int))
    step = _usual_step(dates.labels)
    return first, last, int((days + step) / case.context.period_days + 1e-9)


def _usual_step(labels: tuple[str, ...]) -> int:
    days = np.array(labels, dtype="datetime64[D]").astype(np.int64)
    steps = np.sort(np.diff(days))
    return int(steps[len(steps) // 2]) if len(steps) else 1


def history_mean(case: Case, at: Mapping[str, int]) -> np.ndarray:
    """Return the mean demand per period of each SKU over the whole history, NaN where it has none."""
    out = np.full(len(at), np.nan)
    table, span = _table(case, "history"), history_span(case)
    if table is None or span is None or "quantity" not in table.columns or "sku" not in table.columns:
        return out
    sku = table.columns["sku"]
    where = np.array([*(at.get(name, -1) for name in sku.labels or ()), -1], dtype=np.int64)[sku.values]
    quantity = np.nan_to_num(table.columns["quantity"].values)
    total = np.bincount(where[where >= 0], weights=quantity[where >= 0], minlength=len(at))
    seen = np.bincount(where[where >= 0], minlength=len(at)) > 0
    out[seen] = total[seen] / max(1, span[2])
    return out


def stated_demand(case: Case, skus: tuple[str, ...]) -> np.ndarray | None:
    """Return the demand that the context states, shape (n_skus, periods, n_scenarios); None where it states none."""
    context = case.context
    if context is None or context.scenarios_table is None:
        return None
    for table in context.tables.values():
        if {"sku", "period", "scenario", "demand"} <= set(table.columns):
            return _cube(table, skus, context.periods)
    return None


def _cube(table: Table, skus: tuple[str, ...], periods: tuple[str, ...]) -> np.ndarray:
    scenario = table.columns["scenario"]
    out = np.zeros((len(skus), len(periods), len(scenario.labels or ())))
    index = []
    for column, labels in (("sku", skus), ("period", periods)):
        found = table.columns[column]
        at = {name: i for i, name in enumerate(labels)}
        index.append(np.array([*(at.get(name, -1) for name in found.labels or ()), -1], dtype=np.int64)[found.values])
    ok = (index[0] >= 0) & (index[1] >= 0) & (scenario.values >= 0)
    np.add.at(out, (index[0][ok], index[1][ok], scenario.values[ok]), np.nan_to_num(table.columns["demand"].values[ok]))
    return out

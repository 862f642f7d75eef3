"""Scenarios that a context states: every table with a column `scenario` becomes arrays over its labels and the scenarios."""

from __future__ import annotations

from typing import Final

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioTable
from dyocense_cli.errors import InputError, Ref

__all__ = ["stated_probability", "stated_tables"]

_FIRST: Final = ("sku", "supplier", "location", "period")
_OWN: Final = {"demand": ("sku", "period"), "lead_days": ("supplier",)}


def _scenarios(context: Context) -> tuple[str, ...]:
    """Return the labels of the scenarios, numbers in their own order."""
    name = context.scenarios_table
    table = context.tables.get(name) if name is not None else None
    if table is None:
        raise InputError("DY2312", f"`scenarios` names the table `{name}`, which the context does not have", hints="name one of its tables")
    column = table.columns.get("scenario")
    if column is None or not column.labels:
        raise InputError("DY2312", f"table `{name}` has no column `scenario`", where=Ref(str(name)), hints="number its scenarios from 0")
    labels = column.labels
    return tuple(sorted(labels, key=lambda s: (int(s), s))) if all(s.isdigit() for s in labels) else labels


def _dims(table: Table) -> list[str]:
    """Return the label columns that tell the rows of a scenario apart, adding whole-number columns until they do."""
    texts = [name for name in table.columns if table.columns[name].labels is not None and name not in {"scenario", "probability"}]
    dims = sorted(texts, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    numbers = sorted(name for name, c in table.columns.items() if c.labels is None and name != "probability" and _whole(c.values))
    while numbers and _repeats(table, [*dims, "scenario"]):
        dims.append(numbers.pop(0))
    return dims


def _whole(values: np.ndarray) -> bool:
    return bool(np.all(values == np.floor(values)))


def _repeats(table: Table, names: list[str]) -> bool:
    keys = np.stack([table.columns[name].values.astype(np.float64) for name in names])
    return bool(np.unique(keys, axis=1).shape[1] < table.n_rows)


def _coded(column: Column) -> tuple[np.ndarray, tuple[str, ...]]:
    if column.labels is not None:
        return column.values, column.labels
    values, codes = np.unique(column.values, return_inverse=True)
    return codes, tuple(str(int(v)) for v in values)


def stated_tables(context: Context) -> dict[str, ScenarioTable]:
    """Return the stated arrays by ``table.column``; demand by SKU and period, and lead_days by supplier, by those names alone.

    A combination without a row is NaN, in `demand` 0.

    Raises
    ------
    InputError
        DY2312 if the table is missing or two rows give one value.
    """
    if context.scenarios_table is None:
        return {}
    scenarios = _scenarios(context)
    out: dict[str, ScenarioTable] = {}
    for name, table in sorted(context.tables.items()):
        if "scenario" in table.columns:
            out |= _arrays(name, table, scenarios)
    return out


def _arrays(name: str, table: Table, scenarios: tuple[str, ...]) -> dict[str, ScenarioTable]:
    dims = _dims(table)
    if _repeats(table, [*dims, "scenario"]):
        raise InputError(
            "DY2312",
            f"table `{name}` gives a scenario two values for the same {', '.join(dims) or 'place'}",
            where=Ref(name),
            hints="give each combination one row per scenario",
        )
    coded = {dim: _coded(table.columns[dim]) for dim in dims}
    own = table.columns["scenario"]
    at = np.array([scenarios.index(s) if s in scenarios else -1 for s in own.labels or ()], dtype=np.int64)
    if (at < 0).any() or (own.values < 0).any():
        raise InputError(
            "DY2312",
            f"table `{name}` has a scenario that the scenarios' table does not list",
            where=Ref(name),
            hints="use the same scenarios in every table",
        )
    index = (*(coded[dim][0] for dim in dims), at[own.values])
    shape = (*(len(coded[dim][1]) for dim in dims), len(scenarios))
    out: dict[str, ScenarioTable] = {}
    for column, found in sorted(table.columns.items()):
        if column in dims or column in {"scenario", "probability"} or found.labels is not None:
            continue
        plain = column in _OWN and all(dim in dims for dim in _OWN[column])
        values = np.full(shape, 0.0 if plain and column == "demand" else np.nan)
        values[index] = found.values
        labels = {dim: coded[dim][1] for dim in dims}
        out[column if plain else f"{name}.{column}"] = ScenarioTable((*dims, "scenario"), labels, values, found.unit)
    return out


def stated_probability(context: Context) -> tuple[float, ...]:
    """Return the probability of each scenario as stated, in order of scenarios; empty for equal ones.

    Raises
    ------
    InputError
        DY2312 if a scenario has two probabilities.
    """
    scenarios = _scenarios(context)
    table = context.tables[str(context.scenarios_table)]
    if "probability" not in table.columns:
        return ()
    own = table.columns["scenario"]
    values = table.columns["probability"].values
    out = []
    for label in scenarios:
        found = np.unique(values[own.values == (own.labels or ()).index(label)])
        if len(found) != 1 or not np.isfinite(found[0]):
            raise InputError(
                "DY2312",
                f"scenario {label} has {len(found)} probabilities",
                where=Ref(str(context.scenarios_table)),
                hints="give every row of a scenario the same probability",
            )
        out.append(float(found[0]))
    return tuple(out)

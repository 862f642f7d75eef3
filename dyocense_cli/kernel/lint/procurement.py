"""Facts of a procurement context as arrays: offers, capacities, stock, demand; what F rules are bounds on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.context import Context, Table
from dyocense_cli.artifacts.forecast import ScenarioTable
from dyocense_cli.defaults import default
from dyocense_cli.kernel.lint.case import Case
from dyocense_cli.kernel.lint.demand import history_mean, stated_demand

__all__ = ["Offers", "Supply", "supply_of"]


@dataclass(frozen=True, slots=True)
class Offers:
    """Offers as arrays, one entry per row: index of SKU and supplier, price, MOQ, lot, and capacity per period (inf if none)."""

    sku: np.ndarray
    supplier: np.ndarray
    price: np.ndarray
    moq: np.ndarray
    lot: np.ndarray
    capacity: np.ndarray


@dataclass(frozen=True, slots=True)
class Supply:
    """A procurement context.

    `stock`, `due` (open orders) and `volume` are per SKU; `lead` is the least lead time per supplier in whole periods. `demand` has
    shape (n_skus, periods, n_scenarios) where the scenarios are known, else None; `mean` is the history's mean per period, NaN unknown.
    """

    skus: tuple[str, ...]
    suppliers: tuple[str, ...]
    offers: Offers
    supplier_capacity: np.ndarray
    lead: np.ndarray
    stock: np.ndarray
    due: np.ndarray
    volume: np.ndarray
    mean: np.ndarray
    demand: np.ndarray | None
    periods: int


def supply_of(case: Case) -> Supply | None:
    """Return the facts of the case's context, None where it has no SKUs and offers."""
    if "supply" not in case.shared:
        case.shared["supply"] = _read(case) if case.context is not None else None
    found = case.shared["supply"]
    return found if isinstance(found, Supply) else None


def _labels(context: Context, table: str, column: str) -> tuple[str, ...]:
    found = context.tables[table].columns.get(column) if table in context.tables else None
    return (found.labels or ()) if found is not None else ()


def _read(case: Case) -> Supply | None:
    context = case.context
    assert context is not None
    offers = context.tables.get("offers")
    if offers is None or not {"sku", "supplier", "price"} <= set(offers.columns):
        return None
    skus = _labels(context, "skus", "sku") or _labels(context, "offers", "sku")
    suppliers = _labels(context, "suppliers", "supplier") or _labels(context, "offers", "supplier")
    at = {name: i for i, name in enumerate(skus)}
    read = Offers(
        codes(offers, "sku", skus),
        codes(offers, "supplier", suppliers),
        numbers(offers, "price", np.nan),
        numbers(offers, "moq", 0.0),
        numbers(offers, "lot_size", 1.0),
        numbers(offers, "capacity", np.inf),
    )
    return Supply(
        skus,
        suppliers,
        read,
        _per(context, "suppliers", "supplier", "capacity", labels=suppliers, missing=np.inf),
        _leads(context, suppliers),
        _summed(context, "stock", "on_hand", skus),
        _summed(context, "orders", "quantity", skus),
        _per(context, "skus", "sku", "volume", labels=skus, missing=0.0),
        history_mean(case, at),
        _demand(case, skus),
        len(context.periods),
    )


def codes(table: Table, column: str, labels: tuple[str, ...]) -> np.ndarray:
    """Return the index of each row's label in `labels`, -1 where it has none."""
    found = table.columns[column]
    at = {name: i for i, name in enumerate(labels)}
    index = np.array([*(at.get(name, -1) for name in found.labels or ()), -1], dtype=np.int64)
    return np.asarray(index[found.values])


def numbers(table: Table, column: str, missing: float) -> np.ndarray:
    """Return a column of numbers, `missing` where there is none."""
    found = table.columns.get(column)
    if found is None or found.labels is not None:
        return np.full(table.n_rows, missing)
    return np.where(np.isnan(found.values), missing, found.values)


def _per(context: Context, table: str, key: str, column: str, *, labels: tuple[str, ...], missing: float) -> np.ndarray:
    out = np.full(len(labels), missing)
    found = context.tables.get(table)
    if found is not None and key in found.columns:
        at = codes(found, key, labels)
        out[at[at >= 0]] = numbers(found, column, missing)[at >= 0]
    return out


def _summed(context: Context, table: str, column: str, skus: tuple[str, ...]) -> np.ndarray:
    found = context.tables.get(table)
    if found is None or "sku" not in found.columns:
        return np.zeros(len(skus))
    at = codes(found, "sku", skus)
    return np.bincount(at[at >= 0], weights=numbers(found, column, 0.0)[at >= 0], minlength=len(skus))


def _leads(context: Context, suppliers: tuple[str, ...]) -> np.ndarray:
    """Return the least lead time that a scenario may draw of each supplier, in whole periods.

    With enough deliveries, draws reach past the shortest by 1/m of its distance from the median of m; else the supplier's own figure
    counts, and 0 if it has a spread or there is none.
    """
    days = _per(context, "suppliers", "supplier", "lead_days", labels=suppliers, missing=0.0)
    spread = _per(context, "suppliers", "supplier", "lead_sd", labels=suppliers, missing=0.0)
    least = np.where(spread > 0, 0.0, days)
    found = context.tables.get("deliveries")
    if found is not None and found.n_rows and {"supplier", "ordered_on", "received_on"} <= set(found.columns):
        at = codes(found, "supplier", suppliers)
        took = _days(found, "received_on") - _days(found, "ordered_on")
        for i in range(len(suppliers)):
            seen = np.sort(took[(at == i) & (took >= 0)])
            if len(seen) >= int(str(default("forecast.min_deliveries"))):
                least[i] = max(0.0, seen[0] - (seen[len(seen) // 2] - seen[0]) / len(seen))
    return np.ceil(least / context.period_days - 1e-9)


def _days(table: Table, column: str) -> np.ndarray:
    found = table.columns[column]
    days = np.array([*(found.labels or ()), "1970-01-01"], dtype="datetime64[D]").astype(np.int64)
    return np.where(found.values < 0, -(10**9), days[found.values])


def _demand(case: Case, skus: tuple[str, ...]) -> np.ndarray | None:
    found: ScenarioTable | None = case.scenarios.tables.get("demand") if case.scenarios is not None else None
    if found is None or "sku" not in found.labels:
        return stated_demand(case, skus)
    axes = [found.dims.index(dim) for dim in ("sku", "period", "scenario")]
    rest = tuple(i for i in range(len(found.dims)) if i not in axes)
    values = found.values.sum(axis=rest) if rest else found.values
    kept = [i for i in range(len(found.dims)) if i not in rest]
    values = values.transpose([kept.index(a) for a in axes])
    at = {name: i for i, name in enumerate(found.labels["sku"])}
    out = np.zeros((len(skus), *values.shape[1:]))
    for i, name in enumerate(skus):
        if name in at:
            out[i] = values[at[name]]
    return out

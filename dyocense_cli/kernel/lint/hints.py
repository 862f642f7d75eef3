"""F rules that warn: storage, shelf life, the span of coefficients, a budget without effect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.lint.case import Case, check, number_in
from dyocense_cli.kernel.lint.procurement import numbers, supply_of

__all__ = ["SPAN"]

#: Ratio of the largest to the smallest coefficient above which double precision shows.
SPAN = 1e9


@check("DYO-F010")
def storage_below_stock(case: Case) -> Iterator[Finding]:
    """Find a storage limit that opening stock and one lot already exceed."""
    supply = supply_of(case)
    if supply is None or case.context is None or "storage" not in case.goal.limits:
        return
    most, pointer = case.limit_number("storage", "max", "m3"), "/limits/storage/max"
    if most is None:
        given = case.context.parameters.get("storage_capacity")
        most, pointer = number_in(case, given, "m3") if isinstance(given, Quantity) else None, "/limits/storage"
    if most is None:
        return
    held = float((supply.volume * supply.stock).sum())
    lots = supply.volume[supply.offers.sku] * supply.offers.lot
    one = float(lots[lots > 0].min()) if (lots > 0).any() else 0.0
    if held + one > most:
        message = f"opening stock fills {held:.3g} m3 and the smallest lot {one:.3g} m3, over the storage of {most:g} m3"
        yield case.found("DYO-F010", pointer, message)


@check("DYO-F011")
def shelf_life_too_short(case: Case) -> Iterator[Finding]:
    """Find items that spoil before an order after the next can arrive: shelf life below the least lead time and one review period."""
    supply = supply_of(case)
    skus = case.context.tables.get("skus") if case.context is not None else None
    if supply is None or skus is None or "shelf_life" not in skus.columns:
        return
    lead = np.full(len(supply.skus), np.inf)
    np.minimum.at(lead, supply.offers.sku, supply.lead[supply.offers.supplier])
    names = skus.columns["sku"].text()
    life = numbers(skus, "shelf_life", np.inf)
    at = {name: i for i, name in enumerate(supply.skus)}
    for row, name in enumerate(names):
        i = at.get(name or "", -1)
        if i >= 0 and np.isfinite(lead[i]) and life[row] < lead[i] + 1:
            message = f"{name} keeps {life[row]:g} periods, and an order takes {lead[i]:g} after a review of 1"
            yield case.in_table("DYO-F011", "skus", row, "shelf_life", message)


@check("DYO-F012")
def coefficients_span(case: Case) -> Iterator[Finding]:
    """Find columns whose numbers span more than `SPAN`."""
    for name, table in case.context.tables.items() if case.context is not None else ():
        if name in {"history", "deliveries"}:
            continue
        for column, found in table.columns.items():
            if found.labels is not None or not found.unit:
                continue
            size = np.abs(found.values[np.isfinite(found.values) & (found.values != 0)])
            if size.size and size.max() > SPAN * size.min():
                row = int(np.flatnonzero(np.abs(found.values) == size.max())[0])
                message = f"`{name}.{column}` spans {size.min():g} to {size.max():g} {found.unit}"
                yield case.in_table("DYO-F012", name, row, column, message)


@check("DYO-F013")
def budget_never_binds(case: Case) -> Iterator[Finding]:
    """Find a budget over what can be spent: all that the dearest offers could ask in the hungriest scenario, and every order cost."""
    supply = supply_of(case)
    budget = case.limit_number("budget", "max", "currency")
    if supply is None or supply.demand is None or budget is None or case.context is None:
        return
    need = supply.demand.sum(axis=1).max(axis=1)[supply.offers.sku]
    most = np.maximum(need + supply.offers.lot, supply.offers.moq) * np.nan_to_num(supply.offers.price)
    dearest = np.zeros(len(supply.skus))
    np.maximum.at(dearest, supply.offers.sku, most)
    suppliers = case.context.tables.get("suppliers")
    fixed = float(numbers(suppliers, "order_cost", 0.0).sum()) * supply.periods if suppliers is not None else 0.0
    total = float(dearest.sum()) + fixed
    if total and budget > 2 * total:
        message = f"the budget {budget:g} is over twice {total:.0f}, the dearest that the whole demand could cost"
        yield case.found("DYO-F013", "/limits/budget/max", message)

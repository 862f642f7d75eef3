"""F rules: what cannot hold whatever is ordered. An error is a proof; silence is no promise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.lint.case import Case, check, number_in
from dyocense_cli.kernel.lint.procurement import Supply, supply_of

__all__ = ["best_fill", "cheapest_spend"]

_SHOWN = 20


def _has(case: Case, *limits: str) -> bool:
    return all(name in case.goal.limits for name in limits)


def _offer_capacity(supply: Supply) -> np.ndarray:
    """Return what one offer can deliver per period: its own capacity or its supplier's."""
    return np.asarray(np.minimum(supply.offers.capacity, supply.supplier_capacity[supply.offers.supplier]))


def _name(supply: Supply, row: int) -> str:
    return f"{supply.skus[supply.offers.sku[row]]} from {supply.suppliers[supply.offers.supplier[row]]}"


@check("DYO-F001")
def moq_over_capacity(case: Case) -> Iterator[Finding]:
    """Find offers whose MOQ no period's capacity allows."""
    supply = supply_of(case)
    if supply is None or not _has(case, "moq", "capacity"):
        return
    capacity = _offer_capacity(supply)
    for row in np.flatnonzero(supply.offers.moq > capacity)[:_SHOWN].tolist():
        message = f"{_name(supply, row)}: the MOQ {supply.offers.moq[row]:g} is over the capacity {capacity[row]:g} of a period"
        yield case.in_table("DYO-F001", "offers", row, "moq", message, cap=f"{capacity[row]:g}")


@check("DYO-F002")
def moq_over_demand(case: Case) -> Iterator[Finding]:
    """Find offers whose MOQ is more than the item's demand of the whole horizon."""
    supply = supply_of(case)
    if supply is None or not _has(case, "moq"):
        return
    most = supply.mean * supply.periods if supply.demand is None else supply.demand.sum(axis=1).max(axis=1)
    need = np.maximum(np.ceil(most - 1e-9), 1.0)[supply.offers.sku]  # of a slow mover one piece may be ordered
    for row in np.flatnonzero(supply.offers.moq > need)[:_SHOWN].tolist():
        over = supply.offers.moq[row] - need[row]
        message = f"{_name(supply, row)}: the MOQ {supply.offers.moq[row]:g} is over the horizon's demand of about {need[row]:.0f}"
        yield case.in_table("DYO-F002", "offers", row, "moq", message, n=f"about {over:.0f}")


@check("DYO-F009")
def no_lot_fits(case: Case) -> Iterator[Finding]:
    """Find offers where no multiple of the lot size lies between MOQ and capacity."""
    supply = supply_of(case)
    if supply is None or not _has(case, "moq", "capacity"):
        return
    lot, moq, capacity = supply.offers.lot, supply.offers.moq, _offer_capacity(supply)
    least = np.maximum(np.ceil(moq / lot - 1e-9), 1.0) * lot
    for row in np.flatnonzero((least > capacity * (1 + 1e-12)) & (moq <= capacity))[:_SHOWN].tolist():
        message = f"{_name(supply, row)}: no multiple of {lot[row]:g} lies in {moq[row]:g}..{capacity[row]:g}"
        yield case.in_table("DYO-F009", "offers", row, "lot_size", message)


def _service(case: Case) -> tuple[float, bool] | None:
    """Return the service level as a fraction and whether it holds per SKU; None if it is not set as one number."""
    level = case.limit_number("service", "min", "")
    return None if level is None else (level, case.limit("service", "per") == "sku")


def cheapest_spend(supply: Supply, level: float, *, per_sku: bool) -> float:
    """Return a lower bound on the spend of the horizon, in the context's currency; infinite if nothing is enough.

    The scenario that asks least is served to `level` from stock, open orders and each SKU's cheapest offer; with a common level the
    cheapest units come first.
    """
    assert supply.demand is not None
    total = supply.demand.sum(axis=1)
    free = (supply.stock + supply.due)[:, None]
    price = np.full(len(supply.skus), np.inf)
    np.minimum.at(price, supply.offers.sku, np.nan_to_num(supply.offers.price, nan=np.inf))
    if per_sku:
        need = np.maximum(level * total - free, 0.0)
        return float(np.where(need > 0, need * price[:, None], 0.0).sum(axis=0).min())
    order = np.argsort(price, kind="stable")
    room = np.maximum(total - free, 0.0)[order]
    need = np.maximum(level * total.sum(axis=0) - np.minimum(total, free).sum(axis=0), 0.0)
    before = np.cumsum(room, axis=0) - room
    bought = np.clip(need - before, 0.0, room)
    return float(np.where(bought > 0, bought * price[order][:, None], 0.0).sum(axis=0).min())


@check("DYO-F003")
def budget_below_spend(case: Case) -> Iterator[Finding]:
    """Find a budget of the horizon below the cheapest spend that reaches the service level."""
    supply, service = supply_of(case), _service(case)
    budget = case.limit_number("budget", "max", "currency")
    if supply is None or supply.demand is None or service is None or budget is None or case.limit("budget", "over") == "period":
        return
    least = cheapest_spend(supply, service[0], per_sku=service[1])
    if budget < least * (1 - 1e-9):
        message = f"the budget {budget:g} is below {least:.2f}, the cheapest spend that reaches the service level"
        yield case.found("DYO-F003", "/limits/budget/max", message, min=f"{np.ceil(least):.0f}")


@check("DYO-F004")
def capacity_below_demand(case: Case) -> Iterator[Finding]:
    """Find a service level that all capacity of the horizon together cannot reach."""
    supply, service = supply_of(case), _service(case)
    if supply is None or supply.demand is None or service is None or not _has(case, "capacity"):
        return
    total = supply.demand.sum(axis=1)
    offered = np.zeros(len(supply.skus))
    np.add.at(offered, supply.offers.sku, _offer_capacity(supply) * supply.periods)
    most = np.minimum(total, (supply.stock + supply.due + offered)[:, None])
    if service[1]:
        short = (service[0] * total - most).min(axis=1)
        for i in np.flatnonzero(short > 1e-6 * (1 + total.max()))[:_SHOWN].tolist():
            yield _short(case, f"{supply.skus[i]} can be had {most[i].max():.0f} times in the horizon", short[i])
        return
    short_all = float((service[0] * total.sum(axis=0) - most.sum(axis=0)).min())
    if short_all > 1e-6 * (1 + total.sum(axis=0).max()):
        yield _short(case, f"all capacity, stock and open orders give {most.sum(axis=0).max():.0f} units in the horizon", short_all)


def _short(case: Case, what: str, short: float) -> Finding:
    message = f"{what}, {short:.0f} too few for the service level"
    return case.found("DYO-F004", "/limits/service/min", message, n=f"{np.ceil(short):.0f}", period="the horizon")


@check("DYO-F005")
def lead_time_too_long(case: Case) -> Iterator[Finding]:
    """Find items that run out and that nothing ordered now reaches within the horizon."""
    supply, service = supply_of(case), _service(case)
    if supply is None or service is None or case.context is None:
        return
    lead = np.full(len(supply.skus), np.inf)
    np.minimum.at(lead, supply.offers.sku, supply.lead[supply.offers.supplier])
    need = supply.mean * supply.periods if supply.demand is None else supply.demand.sum(axis=1).min(axis=1)
    late = np.isfinite(lead) & (lead >= supply.periods) & (supply.stock + supply.due < service[0] * need)
    proven = service[1] and supply.demand is not None
    for i in np.flatnonzero(late)[:_SHOWN].tolist():
        row = int(np.flatnonzero((supply.offers.sku == i) & (supply.lead[supply.offers.supplier] == lead[i]))[0])
        date = _arrival(case, int(lead[i]))
        message = f"{supply.skus[i]} runs out, and nothing ordered now arrives within the horizon of {supply.periods} periods"
        severity = None if proven else "warning"
        yield case.in_table("DYO-F005", "offers", row, "supplier", message, severity=severity, date=date)


def _arrival(case: Case, periods: int) -> str:
    assert case.context is not None
    starts = case.context.period_starts
    if not starts:
        return f"period {periods + 1}"
    return str(np.datetime64(starts[0]) + np.timedelta64(round(periods * case.context.period_days), "D"))


def best_fill(supply: Supply) -> tuple[float, int]:
    """Return an upper bound on the fill rate of the best scenario, and the period in which most is short.

    Every offer delivers its whole capacity in each period from its least lead time on; what is short by then is lost.
    """
    assert supply.demand is not None
    capacity = _offer_capacity(supply)
    supplied = np.zeros((len(supply.skus), supply.periods))
    for t in range(supply.periods):
        here = supply.lead[supply.offers.supplier] <= t
        np.add.at(supplied[:, t], supply.offers.sku[here], capacity[here])
    have = np.cumsum(supplied, axis=1) + (supply.stock + supply.due)[:, None]
    gap = np.maximum(np.cumsum(supply.demand, axis=1) - have[:, :, None], 0.0)
    short = gap.max(axis=1).sum(axis=0)
    total = supply.demand.sum(axis=(0, 1))
    fill = np.where(total > 0, 1 - short / np.maximum(total, 1e-300), 1.0)
    best = int(fill.argmax())
    return float(fill[best]), int(gap[:, :, best].sum(axis=0).argmax())


@check("DYO-F008")
def service_unreachable(case: Case) -> Iterator[Finding]:
    """Find a service level that stock, lead times and capacity rule out in every scenario."""
    supply, service = supply_of(case), _service(case)
    if supply is None or supply.demand is None or service is None or not _has(case, "capacity"):
        return
    best, period = best_fill(supply)
    if best < service[0] - 1e-9:
        message = f"service level {service[0]:g} cannot be reached: at best {best:.3f}, with most missing in t{period + 1}"
        yield case.found("DYO-F008", "/limits/service/min", message, p=f"t{period + 1}", best=f"{best:.3f}")


@check("DYO-F006")
def bounds_crossed(case: Case) -> Iterator[Finding]:
    """Find limits whose min is over their max."""
    for name, settings in case.goal.limits.items():
        low, high = settings.get("min"), settings.get("max")
        if not isinstance(low, Quantity) or not isinstance(high, Quantity):
            continue
        top = high.value if high.unit == low.unit else number_in(case, high, low.unit or "")
        if top is not None and low.value > top:
            message = f"`{name}`: the least {low.value:g} is over the most {high.value:g}"
            yield case.found("DYO-F006", f"/limits/{name}/min", message, lo=f"{low.value:g}", hi=f"{high.value:g}")


@check("DYO-F007")
def shares_leave_no_room(case: Case) -> Iterator[Finding]:
    """Find shares that cannot sum to 1: maxima that sum to less, minima that sum to more."""
    supply = supply_of(case)
    for name, settings in case.goal.limits.items():
        if not name.endswith("_share"):
            continue
        for setting in ("max", "min"):
            given = settings.get(setting)
            total = _share_sum(case, given, len(supply.suppliers) if supply is not None and name == "supplier_share" else None)
            if total is None:
                continue
            wrong = total < 1 - 1e-9 if setting == "max" else total > 1 + 1e-9
            if wrong:
                message = f"`{name}.{setting}` sums to {total:g} over all, {'below' if setting == 'max' else 'over'} 1"
                yield case.found("DYO-F007", f"/limits/{name}/{setting}", message, sum=f"{total:g}")


def _share_sum(case: Case, given: object, count: int | None) -> float | None:
    """Return what shares sum to: of a map over its entries, of one number over `count` suppliers."""
    if isinstance(given, dict):
        parts = [number_in(case, value, "") for value in given.values()]
        complete = count is None or len(parts) >= count
        return sum(p for p in parts if p is not None) if None not in parts and complete else None
    one = number_in(case, given, "")
    return None if one is None or count is None or count == 0 else one * count

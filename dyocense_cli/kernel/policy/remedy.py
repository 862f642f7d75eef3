"""Say what else one could buy from, and what that changes per unit and in days."""

from __future__ import annotations

import datetime as dt

import numpy as np

from dyocense_cli.artifacts.context import Context, Table

__all__ = ["alternative"]


def alternative(context: Context, supplier: str, denied: frozenset[str]) -> str:
    """Return a sentence naming the supplier that is allowed, offers most of the same SKUs and is cheapest for them.

    The price is the mean difference per unit over the SKUs that both offer (each SKU at its lowest price), in the context's
    currency, and, where there is a history, times the mean demand of the horizon; empty where `supplier` offers nothing.
    """
    offers = context.tables.get("offers")
    if offers is None or not {"sku", "supplier", "price"} <= set(offers.columns):
        return ""
    prices = _lowest(offers)
    own = prices.pop(supplier, {})
    ranked = []
    for other, theirs in prices.items():
        common = sorted(set(own) & set(theirs))
        if common and other not in denied:
            ranked.append((-len(common), float(np.mean([theirs[s] - own[s] for s in common])), other, common))
    if not ranked:
        return "Nobody else who is allowed offers its SKUs." if own else ""
    _, change, other, common = min(ranked)
    parts = [f"{change:+.2f} {context.currency} a unit"]
    needed = _needed(context)
    if needed:
        total = sum((prices[other][s] - own[s]) * needed.get(s, 0.0) for s in common)
        parts.append(f"about {total:+,.0f} {context.currency} over the horizon")
    days = _lead_change(context, supplier, other)
    if days is not None:
        parts.append(f"lead time {days:+.0f} days")
    return f"Use {other}, which offers {len(common)} of its {len(own)} SKUs: {', '.join(parts)}."


def _needed(context: Context) -> dict[str, float]:
    """Return the mean demand of each SKU over the horizon, in units; empty without a history."""
    history = context.tables.get("history")
    if history is None or not {"sku", "date", "quantity"} <= set(history.columns) or not history.n_rows:
        return {}
    dates = history.columns["date"].labels
    if not dates:
        return {}
    days = (dt.date.fromisoformat(dates[-1][:10]) - dt.date.fromisoformat(dates[0][:10])).days + 1
    sold: dict[str, float] = {}
    for sku, quantity in zip(history.columns["sku"].text(), history.columns["quantity"].values.tolist(), strict=True):
        if sku is not None and np.isfinite(quantity):
            sold[sku] = sold.get(sku, 0.0) + quantity
    horizon = context.period_days * len(context.periods)
    return {sku: total / days * horizon for sku, total in sold.items()}


def _lowest(offers: Table) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    rows = zip(offers.columns["sku"].text(), offers.columns["supplier"].text(), offers.columns["price"].values.tolist(), strict=True)
    for sku, supplier, price in rows:
        if sku is not None and supplier is not None and np.isfinite(price):
            mine = found.setdefault(supplier, {})
            mine[sku] = min(price, mine.get(sku, price))
    return found


def _lead_change(context: Context, old: str, new: str) -> float | None:
    suppliers = context.tables.get("suppliers")
    if suppliers is None or not {"supplier", "lead_days"} <= set(suppliers.columns):
        return None
    leads = dict(zip(suppliers.columns["supplier"].text(), suppliers.columns["lead_days"].values.tolist(), strict=True))
    change = leads.get(new, float("nan")) - leads.get(old, float("nan"))
    return float(change) if np.isfinite(change) else None

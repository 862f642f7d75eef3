"""Say what else one could buy from, and what that changes per unit and in days."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.context import Context, Table

__all__ = ["alternative"]


def alternative(context: Context, supplier: str, denied: frozenset[str]) -> str:
    """Return a sentence naming the supplier that is allowed, offers most of the same SKUs and is cheapest for them.

    The price is the mean difference per unit over the SKUs that both offer (each SKU at its lowest price), in the context's
    currency; empty where nobody else offers any of them.
    """
    offers = context.tables.get("offers")
    if offers is None or not {"sku", "supplier", "price"} <= set(offers.columns):
        return ""
    prices = _lowest(offers)
    own = prices.get(supplier, {})
    best: tuple[int, float, str] | None = None
    for other, theirs in sorted(prices.items()):
        common = sorted(set(own) & set(theirs))
        if other == supplier or other in denied or not common:
            continue
        change = float(np.mean([theirs[s] - own[s] for s in common]))
        if best is None or (-len(common), change) < best[:2]:
            best = (-len(common), change, other)
    if best is None:
        return "Nobody else offers its SKUs." if own else ""
    count, change, other = -best[0], best[1], best[2]
    text = f"Use {other} ({count} of {len(own)} SKUs): {change:+.2f} {context.currency} a unit"
    days = _lead_change(context, supplier, other)
    return f"{text}, lead time {days:+.0f} days." if days is not None else f"{text}."


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

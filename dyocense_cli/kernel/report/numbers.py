"""Numbers, money and shares as a planner reads them."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["amount", "figure", "is_share", "label", "money", "number"]

#: Units of a KPI or limit that print as a share.
_SHARES = frozenset({"1", "", "share", "%", "dimensionless"})


#: Words that are written in capitals.
_CAPITALS: Final = {"sku": "SKU", "kpi": "KPI", "co2": "CO₂", "vss": "VSS", "evpi": "EVPI", "cvar95": "CVaR95"}


def money(value: float | None, currency: str) -> str:
    """Return an amount with two decimals and its currency."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:,.2f} {currency}".replace("-", "−").rstrip()


def number(value: float | None, *, digits: int = 2) -> str:
    """Return a number with thousands separators and at most `digits` decimals, none where it is whole; ``–`` for None and NaN."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    places = digits if abs(value) >= 0.01 or value == 0 else max(digits, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(places, 9)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text in {"-0", ""} else text
    return "−" + text[1:] if text.startswith("-") else text


def figure(value: float | None, unit: str | None, *, name: str = "") -> str:
    """Return a number with its unit; a unitless value of a service-like figure in [0, 1] as a percentage."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "fraction":
        return number(100 * value) + " %"
    if is_share(value, unit, name):
        return number(100 * value, digits=1) + " %"
    if unit and len(unit) == 3 and unit.isascii() and unit.isupper():
        return money(value, unit)
    return f"{number(value)} {unit}" if unit and unit not in _SHARES else number(value)


def is_share(value: float, unit: str | None, name: str) -> bool:
    """Say whether a figure reads as a percentage: without a unit, in [0, 1], and named like a share."""
    return (unit or "") in _SHARES and 0 <= value <= 1 and any(w in name.lower() for w in ("service", "rate", "share", "probability"))


def amount(value: float, currency: str) -> str:
    """Return what one unit is worth: two decimals, four significant digits where it is less than ten."""
    places = 2 if abs(value) >= 10 or value == 0 else min(9, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if places > 2 else text} {currency}".rstrip()


def label(name: str) -> str:
    """Return a machine name as words: ``total_cost`` becomes ``Total cost``, ``sku`` becomes ``SKU``."""
    words = " ".join(_CAPITALS.get(w, w) for w in name.replace("_", " ").split())
    return words[:1].upper() + words[1:]

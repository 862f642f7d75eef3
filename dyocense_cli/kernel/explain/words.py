"""Sentences about rules: the model's own intent, with its slots filled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dyocense_cli.artifacts.optimodel import Rule

__all__ = ["amount", "quantity", "sentence"]

_SLOT: Final = re.compile(r"\{(\w+)\}")


def amount(value: float) -> str:
    """Return a number for reading: whole numbers whole, others with up to four significant digits and thousands separated."""
    if abs(value - round(value)) < 1e-6 * max(1.0, abs(value)):
        return f"{round(value):,}"
    return f"{value:,.2f}" if abs(value) >= 100.0 else f"{value:.4g}"


def quantity(value: float, unit: str | None) -> str:
    """Return a number with its unit; a share as per cent."""
    if unit in ("%", "fraction"):
        return f"{amount(value * 100.0)} %"
    return f"{amount(value)} {unit}" if unit else amount(value)


def sentence(rule: Rule, labels: Mapping[str, str] | None = None, numbers: Mapping[str, float] | None = None, *, currency: str = "") -> str:
    """Return the rule's intent with ``{dim} {activity} {limit} {slack} {price}`` filled in; its name where it has none.

    A slot whose label is not known says ``each <dim>``; a number that is not known is left as ``…``.
    """
    if not rule.intent:
        return f"Rule {rule.origin or rule.name} holds"

    def filled(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot in ("activity", "limit", "slack", "price"):
            value = (numbers or {}).get(slot)
            unit = currency if slot == "price" else rule.unit
            return "…" if value is None else quantity(value, unit)
        return (labels or {}).get(slot, f"each {slot}")

    return _SLOT.sub(filled, rule.intent)

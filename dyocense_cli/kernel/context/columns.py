"""The tables and columns of procurement that the binder knows: kind, unit, range, keys and links.

Tables and columns beyond these are taken as they are: a column whose cells are all numbers is one of numbers, any other is of labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["COLUMNS", "KEYS", "LABELS", "LINKS", "ColumnRule", "column_rule"]


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a column holds.

    `kind` is ``label``, ``number``, ``whole``, ``date`` or ``flag``; `unit` the unit values are bound in; `low` their least value,
    excluded if `over`.
    """

    kind: str
    unit: str = ""
    required: bool = False
    low: float | None = None
    over: bool = False


_LABEL: Final = ColumnRule("label")
_KEY: Final = ColumnRule("label", required=True)
_DATE: Final = ColumnRule("date")
_DAY: Final = ColumnRule("date", required=True)
_FLAG: Final = ColumnRule("flag")


def _amount(unit: str, *, required: bool = False, over: bool = False) -> ColumnRule:
    return ColumnRule("number", unit, required, 0.0, over)


COLUMNS: Final[dict[str, dict[str, ColumnRule]]] = {
    "skus": {
        "sku": _KEY,
        "name": _LABEL,
        "category": _LABEL,
        "unit": _LABEL,
        "volume": _amount("m3/each"),
        "holding_cost": _amount("currency/each"),
        "shortage_cost": _amount("currency/each"),
        "shelf_life": _amount("period"),
        "salvage": ColumnRule("number", "currency/each"),
        "waste_cost": _amount("currency/each"),
    },
    "suppliers": {
        "supplier": _KEY,
        "name": _LABEL,
        "region": _LABEL,
        "order_cost": _amount("currency"),
        "min_order_value": _amount("currency"),
        "lead_days": _amount("day"),
        "lead_sd": _amount("day"),
        "capacity": _amount("each"),
        "contact_email": _LABEL,
        "contact_phone": _LABEL,
    },
    "offers": {
        "sku": _KEY,
        "supplier": _KEY,
        "location": _LABEL,
        "price": _amount("currency/each", required=True),
        "moq": _amount("each"),
        "lot_size": _amount("each", over=True),
        "capacity": _amount("each"),
        "co2": _amount("kg/each"),
        "min_qty": _amount("each"),
    },
    "stock": {"sku": _KEY, "location": _LABEL, "on_hand": _amount("each", required=True)},
    "orders": {"sku": _KEY, "location": _LABEL, "supplier": _LABEL, "quantity": _amount("each", required=True), "due": _DAY},
    "locations": {"location": _KEY, "name": _LABEL, "storage_capacity": _amount("m3")},
    "history": {
        "sku": _KEY,
        "location": _LABEL,
        "date": _DAY,
        "quantity": ColumnRule("number", "each"),
        "price": _amount("currency/each"),
        "promo": _FLAG,
        "on_hand": ColumnRule("number", "each"),
        "stocked_out": _FLAG,
    },
    "deliveries": {"supplier": _KEY, "ordered_on": _DAY, "received_on": _DAY},
}

#: Columns that are labels in any table, even if all their cells are numbers.
LABELS: Final = frozenset({"sku", "supplier", "location", "category", "region", "scenario", "period"})

#: The columns that tell the rows of a table apart; those that the table lacks do not count.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "skus": ("sku",),
    "suppliers": ("supplier",),
    "locations": ("location",),
    "stock": ("sku", "location"),
    "offers": ("sku", "supplier", "location", "min_qty"),
    "history": ("sku", "location", "date"),
}

#: Label column → the table whose labels it must use, where that table is there.
LINKS: Final = {"sku": "skus", "supplier": "suppliers", "location": "locations"}


def column_rule(table: str, column: str) -> ColumnRule | None:
    """Return what is known of a column, None if nothing is."""
    found = COLUMNS.get(table, {}).get(column)
    return _LABEL if found is None and column in LABELS else found

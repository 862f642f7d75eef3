"""Cells changed from the command line: which, by how much, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.context import Context
from dyocense_cli.errors import UsageError
from tests.unit.kernel.context.world import OFFERS, SKUS, SUPPLIERS, world

TABLES = {"skus": SKUS, "suppliers": SUPPLIERS, "offers": OFFERS}
DELIVERIES = {"supplier": ["S1", "S1", "S2"], "ordered_on": ["2026-01-01", "2026-01-10", "2026-01-05"], "received_on": ["2026-01-03", "2026-01-14", "2026-01-09"]}


def column(context: Context, table: str, name: str) -> dict[str, object]:
    """Return a column's cells by sku and supplier."""
    found = context.tables[table]
    keys = zip(*(found.columns[k].text() for k in ("sku", "supplier") if k in found.columns), strict=True)
    return dict(zip(("".join(map(str, k)) for k in keys), found.columns[name].values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("edits", "prices"),
    [
        ({"supplier.S1.price": "+10%"}, {"AS1": 1.65, "BS1": 2.2, "AS2": 1.25}),
        ({"vendor.S1.price": "-0.5"}, {"AS1": 1.0, "BS1": 1.5, "AS2": 1.25}),
        ({"sku.A.price": "3 EUR/each"}, {"AS1": 3.0, "BS1": 2.0, "AS2": 3.0}),
        ({"sku.A.supplier.S2.price": "+50 %"}, {"AS1": 1.5, "BS1": 2.0, "AS2": 1.875}),
        ({"tables.offers.price": "-20%"}, {"AS1": 1.2, "BS1": 1.6, "AS2": 1.0}),
        ({"tables.offers.sku.B.price": "+1 USD/each"}, {"AS1": 1.5, "BS1": 2.5, "AS2": 1.25}),
    ],
)
def test_cells_change_by_a_share_an_amount_or_to_a_value(edits: dict[str, str], prices: dict[str, float]) -> None:
    rate = "rates:\n  - {from: USD, to: EUR, rate: 0.5, date: 2026-01-01}\n"
    assert column(world(TABLES, edits=edits, more=rate), "offers", "price") == pytest.approx(prices)


def test_a_change_counts_as_the_same_change_of_the_file_does() -> None:
    dearer = {**TABLES, "offers": {**OFFERS, "price": ["1.5", "2", "2.5"]}}
    changed = world(TABLES, edits={"supplier.S2.price": "+100%"})
    assert fingerprint(changed) == fingerprint(world(dearer)) != fingerprint(world(TABLES))
    assert changed.edit_of("offers", "price", 3) == "supplier.S2.price=+100%"
    assert changed.edit_of("offers", "price", 1) == ""


@pytest.mark.parametrize(
    ("value", "lead", "received"),
    [
        ("+10d", 12.0, ["2026-01-13", "2026-01-24", "2026-01-09"]),
        ("+50%", 3.0, ["2026-01-04", "2026-01-16", "2026-01-09"]),
        ("1 week", 7.0, ["2026-01-07", "2026-01-18", "2026-01-09"]),
        ("-30", None, []),
    ],
)
def test_a_lead_time_moves_the_recorded_deliveries_along(value: str, lead: float | None, received: list[str]) -> None:
    def made() -> Context:
        return world({**TABLES, "deliveries": DELIVERIES}, edits={"supplier.S1.lead_time": value})

    if lead is None:
        with pytest.raises(UsageError, match="lead_days would be -28"):
            made()
        return
    context = made()
    assert context.tables["suppliers"].columns["lead_days"].values[0] == lead
    rows = np.argsort(context.tables["deliveries"].rows)
    assert np.array(context.tables["deliveries"].columns["received_on"].text())[rows].tolist() == received
    assert context.tables["deliveries"].columns["received_on"].labels == tuple(sorted(set(received)))


@pytest.mark.parametrize(
    ("edits", "code", "says"),
    [
        ({"supplier.S9.price": "1"}, "DY1012", "no row has supplier `S9`"),
        ({"sku.B.supplier.S2.price": "1"}, "DY1012", "no row has all"),
        ({"supplier.S1.prize": "1"}, "DY1012", "no table has the columns"),
        ({"supplier.S1": "1"}, "DY1012", "names no cells"),
        ({"tables.offers": "1"}, "DY1012", "names no cells"),
        ({"sku.A..price": "1"}, "DY1012", "names no cells"),
        ({"supplier.S1.price": "dear"}, "DY1011", "not a number"),
        ({"supplier.S1.price": "1,5"}, "DY1011", "not a number|cannot be converted"),
        ({"supplier.S1.price": "2 kg"}, "DY1011", "cannot be converted"),
        ({"supplier.S1.price": "-200%"}, "DY1011", "price would be -2"),
        ({"supplier.S1.offers.sku": "3"}, "DY1011", "holds no numbers"),
    ],
)
def test_what_names_no_cells_or_is_no_value_is_refused(edits: dict[str, str], code: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        world(TABLES, edits=edits)
    assert caught.value.code == code


def test_a_column_of_two_tables_asks_for_the_table() -> None:
    more = {**TABLES, "stock": {"sku": ["A", "B"], "on_hand": ["3", "4"]}, "history": {"sku": ["A"], "date": ["2026-01-01"], "quantity": ["1"], "on_hand": ["9"]}}
    with pytest.raises(UsageError, match="means history or stock") as caught:
        world(more, edits={"sku.A.on_hand": "+1"})
    assert "sku.A.history.on_hand" in caught.value.hints[0]
    assert world(more, edits={"sku.A.stock.on_hand": "+1"}).tables["stock"].columns["on_hand"].values.tolist() == [4.0, 4.0]

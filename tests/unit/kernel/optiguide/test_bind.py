"""Data becomes parameters: keys, aggregates, ranks, dates, absent columns."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.artifacts.model import DimDecl
from dyocense_cli.errors import InputError
from tests.compiling import compiled, context, goal

HEAD = """
dsl: model/v1
dimensions:
  item: {from: items.item}
  shop: {from: shops.shop, optional: only}
  period: {horizon: true, ordered: true}
  tier: {ranks: items.from_qty, within: [item], optional: "1"}
  age: {upto: items.keeps}
parameters:
%s
variables: {x: {dims: [item]}}
constraints: {all: {expression: %s}}
objective: {sense: minimize, terms: {cost: sum(x)}}
"""


def model(params: str, rule: str, *, periods: int = 2, **tables: dict[str, list[object]]):  # type: ignore[no-untyped-def]
    cells = {"items": {"item": ["b", "a"], "price": [2.0, 1.0]}, **tables}
    return compiled(goal("objective: {cost: 1}\n"), HEAD % (params, rule), context(cells, periods=periods))


def test_row_order_of_a_table_changes_nothing() -> None:
    one = model("  p: {dims: [item], from: items.price}", "sum(p * x) >= 1")
    other = model("  p: {dims: [item], from: items.price}", "sum(p * x) >= 1", items={"item": ["a", "b"], "price": [1.0, 2.0]})
    assert one.dims["item"] == ("a", "b")
    assert one.params["p"].data.tolist() == other.params["p"].data.tolist() == [1.0, 2.0]


def test_rows_of_equal_keys_disagree_or_add_up() -> None:
    twice = {"item": ["a", "b", "a"], "price": [1.0, 2.0, 5.0]}
    with pytest.raises(InputError, match="rows 1 and 3 give `p` two values"):
        model("  p: {dims: [item], from: items.price}", "sum(p * x) >= 1", items=twice)
    summed = model("  p: {dims: [item], from: items.price, aggregate: sum}", "sum(p * x) >= 1", items=twice)
    assert summed.params["p"].data.tolist() == [6.0, 2.0]


def test_dates_fall_into_periods_early_ones_into_the_first_and_late_ones_out() -> None:
    due = {"item": ["a", "a", "a", "a"], "qty": [1.0, 2.0, 4.0, 8.0], "due": ["2026-11-01", "2026-12-06", "2026-12-07", "2027-02-01"]}
    found = model("  d: {dims: [item, period], from: due.qty, date: due, aggregate: sum}", "sum(x) >= sum(d)", due=due).params["d"]
    dense = np.where(found.mask, found.data, 0.0) if found.mask is not None else found.data
    assert dense.tolist() == [[3.0, 4.0], [0.0, 0.0]]


def test_ranks_number_rows_within_their_group() -> None:
    breaks = {"item": ["a", "a", "b"], "from_qty": [100.0, 1.0, 5.0], "price": [8.0, 10.0, 3.0]}
    found = model("  p: {dims: [item, tier], from: items.price}", "sum(p * x) >= 1", items=breaks)
    assert found.dims["tier"] == ("1", "2")
    assert found.params["p"].data.tolist() == [[10.0, 8.0], [3.0, 0.0]]
    assert found.params["p"].mask is not None


def test_a_dim_of_one_stand_in_label_disappears() -> None:
    found = model("  p: {dims: [item, shop], from: items.price}", "sum(p * x) >= 1")
    assert "shop" not in found.dims
    assert found.params["p"].dims == ("item",)


def test_a_sum_over_a_dim_that_a_column_lacks_counts_it_often() -> None:
    """The table of prices names no shop, so each price holds in both; a sum over the shops has it twice."""
    found = model("  p: {dims: [item, shop], from: items.price}", "sum(x) >= sum(p)", shops={"shop": ["L", "M"]})
    assert found.rules[0].expr == "sum(x) >= 2 * sum(p, over=item)"


def test_an_absent_column_is_its_default_or_nothing_or_an_error() -> None:
    assert model("  w: {dims: [item], from: items.weight, default: 3}", "sum(w * x) >= 1").params["w"].dims == ()
    gone = model("  w: {dims: [item], from: items.weight, optional: true}", "sum(x) >= 1 + sum(w)")
    assert gone.rules[0].expr == "sum(x) >= 1"
    with pytest.raises(InputError, match=r"comes from `items.weight`, which the context has not"):
        model("  w: {dims: [item], from: items.weight}", "sum(w * x) >= 1")


def test_an_unknown_label_is_an_error_with_its_row() -> None:
    with pytest.raises(InputError, match="no item is named `c`") as caught:
        model("  q: {dims: [item], from: more.q}", "sum(q * x) >= 1", more={"item": ["a", "c"], "q": [1.0, 2.0]})
    assert str(caught.value.where) == "more, row 2, column item"


def test_a_unit_of_a_column_is_converted_or_refused() -> None:
    params = "  w: {dims: [item], from: items.weight, unit: kg}"
    cells = {"items": {"item": ["a"], "weight": [500.0]}}
    grams = context(cells, units={"items": {"weight": "g"}})
    assert compiled(goal("objective: {cost: 1}\n"), HEAD % (params, "sum(w * x) >= 1"), grams).params["w"].data.tolist() == [0.5]
    euros = context(cells, units={"items": {"weight": "EUR"}})
    with pytest.raises(InputError, match="`w` is in EUR, the model takes kg"):
        compiled(goal("objective: {cost: 1}\n"), HEAD % (params, "sum(w * x) >= 1"), euros)


def test_a_dim_declaration_knows_what_it_counts() -> None:
    found = model("  k: {dims: [age], from: age.position, dtype: int}", "sum(x) >= sum(k)", items={"item": ["a"], "keeps": [3.0]})
    assert found.dims["age"] == ("0", "1", "2")
    assert DimDecl("age", upto="items.keeps").upto == "items.keeps"

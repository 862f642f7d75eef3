"""Binding: types, units, ranges, keys, links and the calendar; what is wrong comes with its row and value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.errors import Findings, Ref, Span
from dyocense_cli.kernel.context.request import forecast_request, sample_request
from dyocense_cli.kernel.goaldsl.parse import parse_goal
from tests.unit.kernel.context.world import OFFERS, SKUS, SUPPLIERS, Cells, world

GOAL = parse_goal("dsl: goal/v1\nid: g\nmodel: m\ncontext: c.yaml\n", file="g.yaml")


def wrong(tables: Mapping[str, Mapping[str, Cells]], **options: object) -> list[tuple[str, object, str]]:
    with pytest.raises(Findings, match="error") as caught:
        world(tables, **options)  # type: ignore[arg-type]  # options are those of `world`
    return [(f.id, f.where, f.message) for f in caught.value.findings]


def test_columns_are_typed_and_rows_sorted_with_their_numbers() -> None:
    table = world({"skus": SKUS}).tables["skus"]
    assert table.columns["sku"].text() == ["A", "B"]
    assert table.columns["volume"].values.tolist() == [2.0, 0.5]
    assert table.columns["volume"].unit == "m3/each"
    assert table.rows is not None
    assert table.rows.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("unit", "more", "factor"),
    [
        ("EUR/each", "", 1.0),
        ("EUR/case", "conversions: ['1 case = 12 each']\n", 1 / 12),
        ("EUR/pallet", "conversions: ['1 case = 12 each', '1 pallet = 48 case']\n", 1 / 576),
        ("USD/each", "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-11-01}]\n", 0.9),
        ("USD/each", "rates: [{from: EUR, to: USD, rate: 1.25, date: 2026-11-01}]\n", 0.8),
        ("USD/dozen", "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-11-01}]\n", 0.075),
        (
            "USD/each",
            "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-11-01}, {from: USD, to: EUR, rate: 0.5, date: 2026-12-24}]\n",
            0.9,
        ),
    ],
)
def test_units_are_converted_by_what_the_context_declares(unit: str, more: str, factor: float) -> None:
    table = world({"offers": OFFERS}, more=more, table_options={"offers": f", units: {{price: {unit}}}"}).tables["offers"]
    assert table.columns["price"].unit == "EUR/each"
    assert table.columns["price"].values == pytest.approx(np.array([1.5, 1.25, 2.0]) * factor)


@pytest.mark.parametrize(
    ("unit", "more", "rule"),
    [
        ("USD/each", "", "DYO-X004"),
        ("USD/each", "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-12-24}]\n", "DYO-X004"),
        ("USD/each", "rates: [{from: USD, to: GBP, rate: 0.8, date: 2026-01-01}]\n", "DYO-X004"),
        ("EUR/case", "", "DYO-X003"),
        ("EUR/kg", "", "DYO-X003"),
        ("kg", "", "DYO-X003"),
    ],
)
def test_a_unit_that_does_not_convert_is_never_guessed(unit: str, more: str, rule: str) -> None:
    ((found, where, _),) = wrong({"offers": OFFERS}, more=more, table_options={"offers": f", units: {{price: {unit}}}"})
    assert found == rule
    assert isinstance(where, Span)
    assert (where.line, where.column) == (4, 45)


def test_a_shelf_life_in_days_becomes_periods() -> None:
    table = world({"skus": {"sku": ["A"], "shelf_life": [14]}}, table_options={"skus": ", units: {shelf_life: days}"}).tables["skus"]
    assert table.columns["shelf_life"].values.tolist() == [2.0]


def test_all_faults_come_together_each_with_row_and_value() -> None:
    found = wrong({
        "skus": {"sku": ["A", "A", "B"], "volume": ["x", "1_000", "-2"]},
        "suppliers": SUPPLIERS,
        "offers": {"sku": ["A", "C", ""], "supplier": ["S1", "S9", "S2"], "price": ["", "1,5", "3"], "lot_size": ["0", "-1", "2"]},
        "history": {"sku": ["A", "A"], "date": ["2026-01-05", "5 Jan"], "quantity": ["1", "inf"]},
        "orders": {"sku": ["A"], "quantity": [1]},
    })  # fmt: skip
    assert {(rule, str(where)) for rule, where, _ in found} == {
        ("DY2304", "skus.csv, row 1, column volume"),
        ("DY2304", "skus.csv, row 2, column volume"),
        ("DYO-S006", "skus.csv, row 3, column volume"),
        ("DYO-S009", "skus.csv, row 2, column sku"),
        ("DYO-X001", "offers.csv, row 2, column sku"),
        ("DYO-X002", "offers.csv, row 2, column supplier"),
        ("DY2307", "offers.csv, row 3, column sku"),
        ("DY2307", "offers.csv, row 1, column price"),
        ("DY2304", "offers.csv, row 2, column price"),
        ("DY2308", "offers.csv, row 1, column lot_size"),
        ("DYO-S006", "offers.csv, row 2, column lot_size"),
        ("DY2311", "history.csv, row 2, column date"),
        ("DY2304", "history.csv, row 2, column quantity"),
        ("DY2301", "c.yaml:8:18"),
    }
    assert any("'1,5', not a number" in message for _, _, message in found)


def test_two_rows_of_one_key_name_each_other() -> None:
    ((rule, where, message),) = wrong({"history": {"sku": ["A", "B", "A"], "date": ["2026-01-05"] * 3, "quantity": [1, 2, 3]}})
    assert (rule, where) == ("DY2309", Ref("history.csv", 3, "date"))
    assert message == "`history` has two rows for A on 2026-01-05: rows 1 and 3"


def test_source_row_numbers_are_used_where_blank_lines_moved_them() -> None:
    ((_, where, _),) = wrong({"skus": {"sku": ["A"], "volume": ["x"]}}, rows=[7])
    assert where == Ref("skus.csv", 7, "volume")


def test_an_unknown_label_is_one_finding_with_the_nearest_one() -> None:
    with pytest.raises(Findings, match="MILK-2L") as caught:
        world({"skus": {"sku": ["MILK-1L"]}, "stock": {"sku": ["MILK-2L"] * 3, "on_hand": [1, 2, 3], "location": ["a", "b", "c"]}})
    (only,) = caught.value.findings
    assert only.where == Ref("stock.csv", 1, "sku")
    assert "nearest: MILK-1L" in only.remediation


def test_floods_are_cut() -> None:
    found = wrong({"skus": {"sku": [f"S{i}" for i in range(50)], "volume": ["x"] * 50}})
    assert len(found) == 21
    assert found[-1][0] == "DY2300"
    assert "30 more rows" in found[-1][2]


def test_renamed_and_missing_columns() -> None:
    columns = {"sku": ["A"], "week_ending": ["2026-01-05"], "units_sold": [3]}
    table = world({"history": columns}, table_options={"history": ", columns: {date: week_ending, quantity: units_sold}"}).tables["history"]
    assert sorted(table.columns) == ["date", "quantity", "sku"]
    with pytest.raises(Findings, match="no column `units_solt`") as caught:
        world({"history": columns}, table_options={"history": ", columns: {date: week_ending, quantity: units_solt}"})
    assert "units_sold" in caught.value.findings[0].remediation


def test_tables_nobody_knows_are_taken_as_they_are() -> None:
    table = world({"crops": {"crop": ["wheat", "corn"], "yield": ["2.5", "3"], "code": ["07", "x"], "period": ["1", "2"]}}).tables["crops"]
    assert table.columns["yield"].values.tolist() == [2.5, 3.0]
    assert table.columns["code"].text() == ["07", "x"]
    assert table.columns["period"].text() == ["1", "2"]


def test_inline_rows_are_placed_in_the_context_file() -> None:
    from dyocense_cli.artifacts.context import RawTable, Tables
    from dyocense_cli.kernel.context.bind import bind
    from dyocense_cli.kernel.goaldsl.parse import parse_context

    text = "dsl: context/v1\ncurrency: EUR\ntables:\n  skus: {rows: [{sku: A, volume: 1}, {sku: B, volume: lots}]}\n"
    spec = parse_context(text, file="c.yaml")
    with pytest.raises(Findings, match="lots") as caught:
        bind(GOAL, spec, Tables({"skus": RawTable("skus", "c.yaml", {"sku": ("A", "B"), "volume": (1, "lots")}, "0")}))
    where = caught.value.findings[0].where
    assert isinstance(where, Span)
    assert (where.line, where.column) == (4, 55)


@pytest.mark.parametrize(
    ("every", "start", "starts", "days"),
    [
        ("day", "2026-02-27", ("2026-02-27", "2026-02-28", "2026-03-01"), 1.0),
        ("2 weeks", "2026-11-30", ("2026-11-30", "2026-12-14", "2026-12-28"), 14.0),
        ("month", "2026-01-31", ("2026-01-31", "2026-02-28", "2026-03-31"), 89 / 3),
        ("quarter", "2026-11-01", ("2026-11-01", "2027-02-01", "2027-05-01"), 273 / 3),
        ("year", "2028-02-29", ("2028-02-29", "2029-02-28", "2030-02-28"), 1095 / 3),
    ],
)
def test_one_calendar(every: str, start: str, starts: tuple[str, ...], days: float) -> None:
    context = world({}, goal=f"horizon: {{periods: 3, every: {every}, start: {start}}}\n")
    assert context.period_starts == starts
    assert context.period_days == pytest.approx(days)
    assert context.periods == ("t1", "t2", "t3")


def test_without_a_start_the_plan_begins_after_the_history() -> None:
    history = {"sku": ["A"] * 3, "date": ["2026-01-05", "2026-01-12", "2026-01-19"], "quantity": [1, 2, 3]}
    assert world({"history": history}, goal="horizon: {periods: 1}\n").period_starts == ("2026-01-26",)
    assert world({}, goal="horizon: {periods: 1}\n", more="as_of: 2026-02-02\n").period_starts == ("2026-02-02",)
    assert world({}, goal="horizon: {periods: 2}\n").period_starts == ()


def test_a_new_price_asks_nothing_new_of_the_forecaster() -> None:
    tables = {"skus": SKUS, "suppliers": SUPPLIERS, "offers": OFFERS,
              "history": {"sku": ["A"], "date": ["2026-01-05"], "quantity": [3]}}  # fmt: skip
    before, after = world(tables), world(tables | {"offers": {**OFFERS, "price": ["9", "9", "9"]}})
    assert fingerprint(before) != fingerprint(after)
    assert fingerprint(forecast_request(GOAL, before)) == fingerprint(forecast_request(GOAL, after))
    assert fingerprint(sample_request(GOAL, before)) == fingerprint(sample_request(GOAL, after))
    assert forecast_request(GOAL, before).skus == ("A", "B")
    assert sorted(sample_request(GOAL, before).tables) == ["suppliers"]


def test_stated_scenarios_become_arrays_in_order_of_their_numbers() -> None:
    outcomes = {
        "scenario": ["10", "2", "10", "2"],
        "crop": ["b", "b", "a", "a"],
        "yield": [4, 3, 2, 1],
        "probability": [0.75, 0.25, 0.75, 0.25],
    }
    request = sample_request(GOAL, world({"yields": outcomes}, more="scenarios: {table: yields}\n"))
    stated = request.stated["yields.yield"]
    assert stated.dims == ("crop", "scenario")
    assert stated.values.tolist() == [[1, 2], [3, 4]]
    assert request.stated_probability == (0.25, 0.75)
    assert forecast_request(GOAL, world({"yields": outcomes}, more="scenarios: {table: yields}\n")).skus == ()


def test_labels_that_are_numbers_become_dims_where_rows_need_them() -> None:
    outcomes = {"scenario": [0, 0, 1, 1], "plant": [1, 2, 1, 2], "demand": [4.5, 3, 2, 1]}
    stated = sample_request(GOAL, world({"o": outcomes}, more="scenarios: {table: o}\n")).stated["o.demand"]
    assert (stated.dims, stated.labels) == (("plant", "scenario"), {"plant": ("1", "2")})
    assert stated.values.tolist() == [[4.5, 2], [3, 1]]


@pytest.mark.parametrize(
    ("outcomes", "table", "message"),
    [
        ({"s": [0, 1], "d": [1, 2]}, "o", "no column `scenario`"),
        ({"scenario": [0, 0], "d": [1.5, 2.5]}, "o", "two values"),
        ({"scenario": [0, 0], "i": ["a", "b"], "d": [1, 2], "probability": [0.1, 0.2]}, "o", "2 probabilities"),
    ],
)
def test_stated_scenarios_that_do_not_fit(outcomes: Mapping[str, Cells], table: str, message: str) -> None:
    from dyocense_cli.errors import InputError

    context = world({"o": outcomes}, more=f"scenarios: {{table: {table}}}\n")
    with pytest.raises(InputError, match=message) as caught:
        sample_request(GOAL, context)
    assert caught.value.code == "DY2312"


def test_a_goal_may_choose_the_table_that_states_the_scenarios() -> None:
    outcomes = {"scenario": [0, 1], "demand": [1, 2]}
    assert world({"o": outcomes}, goal="forecast: {scenarios: o}\n").scenarios_table == "o"
    with pytest.raises(Findings, match="no table of the context") as caught:
        world({"outcomes": outcomes}, goal="forecast: {scenarios: outcome}\n")
    assert caught.value.findings[0].remediation == "did you mean `outcomes`?"
    assert str(caught.value.findings[0].where) == "g.yaml:5:23"
    with pytest.raises(Findings, match="no table of the context"):
        world({"o": outcomes}, more="scenarios: {table: p}\n")


def test_the_context_keeps_the_rates_in_force() -> None:
    rates = "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-11-01}, {from: USD, to: EUR, rate: 0.8, date: 2026-10-01}, "
    context = world(
        {}, more=rates + "{from: USD, to: EUR, rate: 0.5, date: 2026-12-24}, {from: EUR, to: GBP, rate: 0.8, date: 2026-01-01}]\n"
    )
    assert [(r.source, r.target, r.rate) for r in context.rates] == [("EUR", "GBP", 0.8), ("USD", "EUR", 0.9)]


def test_the_context_keeps_conversions_to_their_last_unit() -> None:
    context = world({}, more="conversions: ['1 pallet = 48 case', '1 case = 12 each']\n")
    assert [(c.source, c.target, c.rate) for c in context.conversions] == [("case", "each", 12.0), ("pallet", "each", 576.0)]


def test_conversions_in_a_circle_are_refused() -> None:
    found = wrong({}, more="conversions: ['1 a = 2 b', '1 b = 3 a', '1 case = 12 each']\n")
    assert [(rule, str(where)) for rule, where, _ in found] == [("DYO-X003", "c.yaml:4:15"), ("DYO-X003", "c.yaml:4:28")]

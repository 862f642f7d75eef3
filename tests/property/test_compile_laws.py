"""What must not matter does not: order of rows and of keys; and what can be known without data is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.errors import Findings
from dyocense_cli.kernel.goaldsl.parse import parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal, passes
from dyocense_cli.kernel.optiguide.draft import Inputs
from dyocense_cli.kernel.optimizer.ground import ground
from tests.compiling import context, scenarios

MODEL = """
dsl: model/v1
dimensions: {item: {from: items.item}, place: {from: places.place}, scenario: {scenarios: true}}
parameters:
  price: {dims: [item, place], from: offers.price, unit: EUR/each}
  need: {dims: [item, scenario], from: needs.need, unit: each}
variables:
  buy: {dims: [item, place], where: price, bounds: {lower: 0}, unit: each}
constraints:
  met: {dims: [item, scenario], expression: "sum(buy, over=place) >= need"}
objective: {sense: minimize, terms: {cost: sum(price * buy)}}
"""
GOAL = "dsl: goal/v1\nid: g\nmodel: m\ncontext: c\nobjective: {cost: 1}\nrobust: {aggregation: mean}\n"
ITEMS, PLACES = ["a", "b", "c"], ["x", "y"]
OFFERS = [("a", "x", 1.0), ("a", "y", 2.0), ("b", "y", 3.0), ("c", "x", 4.0)]
NEEDS = [(item, s, float(3 * i + s)) for i, item in enumerate(ITEMS) for s in range(2)]


def world(offers: list[tuple[str, str, float]], needs: list[tuple[str, int, float]], items: list[str]) -> Context:
    def columns(names: str, rows: list[tuple[object, ...]]) -> dict[str, list[object]]:
        return dict(zip(names.split(), (list(c) for c in zip(*rows, strict=True)), strict=True))

    return context({"items": {"item": items}, "places": {"place": PLACES}, "offers": columns("item place price", list(offers)),
                    "needs": columns("item scenario need", list(needs))})


def build(where: Context, model: str = MODEL) -> OptiModel:
    return compile_goal(parse_goal(GOAL, file="g.yaml"), parse_model(model, file="m.yaml"), where, scenarios(probability=[0.5, 0.5]))


BASE = build(world(OFFERS, NEEDS, ITEMS))


@given(st.permutations(OFFERS), st.permutations(NEEDS), st.permutations(ITEMS))
def test_order_of_rows_changes_no_byte(offers: list[tuple[str, str, float]], needs: list[tuple[str, int, float]], items: list[str]) -> None:
    other = build(world(offers, needs, items))
    assert fingerprint(other) == fingerprint(BASE)
    assert ground(other).value.tobytes() == ground(BASE).value.tobytes()


def test_order_of_sections_changes_no_byte() -> None:
    head, *rest, objective = MODEL.strip().splitlines()
    assert fingerprint(build(world(OFFERS, NEEDS, ITEMS), "\n".join([head, objective, *rest]) + "\n")) == fingerprint(BASE)


@given(st.integers(0, 3), st.floats(0.5, 9, allow_nan=False))
def test_any_number_changes_the_fingerprint(row: int, price: float) -> None:
    offers = [(i, p, price if k == row else v) for k, (i, p, v) in enumerate(OFFERS)]
    assert (fingerprint(build(world(offers, NEEDS, ITEMS))) == fingerprint(BASE)) == (offers == OFFERS)


@pytest.mark.parametrize(("old", "new", "code"), [
    ("sum(buy, over=place) >= need", "buy >= need", "DY2204"),
    ("sum(price * buy)", "sum(buy * buy)", "DY2206"),
    (">= need", ">= need * price", "DY2204"),
    ("unit: EUR/each", "unit: kg", "DY2205"),
    ("sum(price * buy)", "sum(prise * buy)", "DY2203"),
])
def test_dims_units_names_and_degree_are_judged_without_data(old: str, new: str, code: str) -> None:
    text = MODEL.replace(old, new)
    if code == "DY2205":
        text = text.replace("cost: sum(price * buy)", "cost: sum(price * buy) + sum(buy)")
    with pytest.raises(Findings) as caught:
        list(passes(Inputs(parse_goal(GOAL, file="g.yaml"), parse_model(text, file="m.yaml")), static=True))
    assert code in {f.id for f in caught.value.findings}


def test_a_sparse_family_is_ground_without_its_dense_product() -> None:
    """A hundred thousand items in ten thousand places are 1e9 cells, of which a thousand exist."""
    n, m, k = 100_000, 10_000, 1_000
    rng = np.random.default_rng(3)
    items, places = tuple(f"i{i:06d}" for i in range(n)), tuple(f"p{i:05d}" for i in range(m))
    sku = np.sort(rng.choice(n, k, replace=False)).astype(np.int32)
    place = rng.integers(0, m, k).astype(np.int32)
    tables = {
        "items": Table({"item": Column(np.arange(n, dtype=np.int32), None, items)}, n),
        "places": Table({"place": Column(np.arange(m, dtype=np.int32), None, places)}, m),
        "offers": Table({"item": Column(sku, None, items), "place": Column(place, None, places), "price": Column(rng.uniform(1, 9, k))}, k),
        "needs": Table({"item": Column(sku, None, items), "need": Column(np.ones(k))}, k),
    }
    where = dataclasses.replace(world(OFFERS, NEEDS, ITEMS), tables=tables)
    model = build(where, MODEL.replace("dims: [item, scenario], expression", "dims: [item, scenario], where: need, expression"))
    arrays = ground(model)
    assert arrays.n_cols == k
    assert arrays.nnz == 2 * k
    assert model.params["price"].index is not None

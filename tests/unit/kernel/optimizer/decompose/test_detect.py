"""Shapes are found in the symbolic model without hints, and what does not fit is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.artifacts.optimodel import OptiModel, Rule, Var
from dyocense_cli.kernel.optimizer.decompose.detect import block_dims, detect
from dyocense_cli.kernel.optimizer.decompose.extract import extract
from dyocense_cli.kernel.optimizer.decompose.linear import Reader, Unsuitable


def test_procurement_is_split_by_sku() -> None:
    model = instances.procurement(5, J=3, T=6, W=4)
    reader = Reader(model)
    shape = detect(reader)
    assert (shape.block, shape.source, shape.time) == (("sku",), ("supplier",), "period")
    assert (shape.order, shape.switch, shape.held, shape.owed) == ("lots", "place", "stock", "owed")
    assert shape.service is not None
    assert shape.service.name == "service"
    assert [r.name for r in shape.coupling] == ["budget", "capacity", "storage", "tail"]
    assert shape.master == ("excess", "threshold")
    assert block_dims(reader, reader.rules())[0][0] == "sku"


def test_lot_sizing_is_split_by_item() -> None:
    shape = detect(Reader(instances.lot_sizing(4, 6, seed=1)))
    assert (shape.block, shape.order, shape.switch, shape.held, shape.owed) == (("item",), "make", "setup", "stock", "")
    assert [r.name for r in shape.coupling] == ["time"]


def test_service_stock_is_split_by_item() -> None:
    shape = detect(Reader(instances.service_stock(4, 6, 3, seed=1)))
    assert (shape.order, shape.held, shape.owed) == ("qty", "on_hand", "backlog")
    assert [r.name for r in shape.coupling] == ["service", "spending"]


def test_capacity_planning_is_split_by_plant() -> None:
    reader = Reader(instances.capacity(4, 6, 3, seed=1))
    shape = detect(reader)
    assert (shape.block, shape.source, shape.order, shape.level, shape.owed) == (("plant",), ("kind",), "build", "cap", "bought")
    form = extract(reader, shape).form
    need = reader.model.params["need"].data
    have = np.asarray(reader.model.params["have"].data).sum(axis=1)
    module = np.asarray(reader.model.params["module"].data)
    np.testing.assert_allclose(form.net, (need - have[:, None, None]) / module[:, None, None])


def _with(model: OptiModel, **changes: object) -> OptiModel:
    return replace(model, **changes)  # type: ignore[arg-type]


def _balance(model: OptiModel, expr: str) -> OptiModel:
    return _with(model, rules=tuple(replace(r, expr=expr) if r.name == "balance" else r for r in model.rules))


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("stock == shift(stock, along=period, offset=1, edge=0) + opening + arrivals - demand + owed", r"`owed` is not carried over \(unmet demand is lost\)"),
        ("stock - owed == 0.9 * shift(stock - owed, along=period, offset=1, edge=0) + opening + arrivals - demand", "changing rate"),
        ("stock - owed == shift(stock - owed, along=period, offset=1, edge=0) + opening - demand", "no inflow"),
        ("stock - owed == opening + arrivals - demand", "no rule carries a stock"),
    ],
)
def test_what_does_not_fit_is_named(expr: str, reason: str) -> None:
    model = _balance(instances.procurement(3, J=2, T=5, W=3), expr)
    with pytest.raises(Unsuitable, match=reason):
        detect(Reader(model))


def test_a_variable_without_a_role_is_named() -> None:
    model = instances.procurement(3, J=2, T=5, W=3)
    waste = Var("waste", ("sku", "period"))
    extra = Rule("spoils", ("sku", "period"), "waste >= 0.1 * sum(chance * stock, over=scenario)")
    with pytest.raises(Unsuitable, match="variable `waste` is per sku but neither ordered, held nor owed"):
        detect(Reader(_with(model, vars=(*model.vars, waste), rules=(*model.rules, extra))))


def test_delays_spread_too_far_are_named() -> None:
    model = instances.procurement(3, J=2, T=8, W=3)
    params = dict(model.params)
    params["lead"] = replace(params["lead"], data=np.array([[0, 1, 4], [1, 1, 1]]))
    reader = Reader(_with(model, params=params))
    with pytest.raises(Unsuitable, match="spread over more than two"):
        extract(reader, detect(reader))


def _extracted(model: OptiModel) -> None:
    reader = Reader(model)
    extract(reader, detect(reader))


def test_a_switch_that_nothing_turns_on_is_named() -> None:
    model = instances.procurement(3, J=2, T=5, W=3)
    with pytest.raises(Unsuitable, match="no rule turns `place` on when `lots` is ordered"):
        _extracted(_with(model, rules=tuple(r for r in model.rules if r.name != "most")))


def test_a_switch_that_must_be_on_is_named() -> None:
    model = instances.procurement(3, J=2, T=5, W=3)
    held = tuple(replace(v, lb=1.0) if v.name == "place" else v for v in model.vars)
    with pytest.raises(Unsuitable, match="`place` is not free to be off"):
        _extracted(_with(model, vars=held))


def test_a_link_for_some_orders_only_is_named() -> None:
    model = instances.procurement(3, J=2, T=5, W=3)
    rules = tuple(replace(r, where="moq > 30") if r.name == "moq" else r for r in model.rules)
    with pytest.raises(Unsuitable, match="rule `moq` holds for some orders only"):
        _extracted(_with(model, rules=rules))

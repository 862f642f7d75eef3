"""Expressions on arrays, against sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.evaluate import Evaluator, bounds, existing, join_columns, split_columns
from dyocense_cli.optimodel.named import cvar, quantile
from tests.toys import toy


def random_x(model, seed=0):
    size = sum(int(existing(model, v).sum()) for v in model.vars)
    return np.random.default_rng(seed).uniform(0, 5, size)


def test_columns_split_into_families_and_join_again():
    model = toy()
    x = random_x(model)
    values = split_columns(model, x)
    assert np.isnan(values["lots"][1, 1]).all()
    assert not np.isnan(values["lots"][0]).any()
    assert np.array_equal(join_columns(model, values), x)


def test_a_vector_of_the_wrong_length_is_refused():
    with pytest.raises(InputError, match="the solution has 3 values, the model 33 columns"):
        split_columns(toy(), np.zeros(3))


def test_arrivals_follow_the_lead_of_each_supplier_and_scenario():
    model = toy()
    values = split_columns(model, random_x(model))
    lots, lot = np.nan_to_num(values["lots"]), [5.0, 1.0]
    lead = [[1, 0], [0, 1]]
    expected = np.zeros((2, 3, 2))
    for s, t, w in np.ndindex(2, 3, 2):
        expected[s, t, w] = sum(lot[s] * lots[s, j, t - lead[j][w]] for j in range(2) if t - lead[j][w] >= 0)
    assert Evaluator(model, values).array("arrivals", ("sku", "period", "scenario")) == pytest.approx(expected)


def test_a_shift_without_edge_has_no_row_where_it_vacates():
    model = toy()
    found = Evaluator(model, split_columns(model, random_x(model))).value("stock - shift(stock, along=period, offset=1)")
    assert found.exists is not None
    assert found.exists[:, 0].sum() == 0
    assert found.exists[:, 1:].all()


def test_sums_leave_scenarios_alone_and_honour_conditions():
    model = toy()
    values = split_columns(model, random_x(model))
    evaluator = Evaluator(model, values)
    assert evaluator.value("sum(short)").dims == ("scenario",)
    assert evaluator.scalar("sum(lots where sku == 'A')") == pytest.approx(np.nansum(values["lots"][0]))
    assert evaluator.scalar("sum(lots where not price)") == 0.0
    assert evaluator.scalar("sum(1 where price, over=[sku, supplier])") == 3.0


def test_scenario_reductions_weigh_by_probability():
    model = toy()
    evaluator = Evaluator(model, split_columns(model, random_x(model)))
    per_scenario = evaluator.array("sum(short)", ("scenario",))
    assert evaluator.scalar("mean(sum(short))") == pytest.approx(per_scenario.mean())
    assert evaluator.scalar("worst(sum(short))") == per_scenario.max()
    assert evaluator.scalar("quantile(sum(short), 0.5)") == per_scenario.min()
    assert evaluator.scalar("cvar(sum(short), 0.5)") == pytest.approx(per_scenario.max())


def test_cvar_splits_the_scenario_at_the_quantile():
    data, weight = np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.25)
    assert cvar(data, weight, 0.6, axis=0) == pytest.approx((4 * 0.25 + 3 * 0.15) / 0.4)
    assert quantile(data, weight, 0.75, axis=0) == 3.0


def test_nothing_over_nothing_is_nothing():
    assert Evaluator(toy(), {}).scalar("sum(lots) / sum(stock where sku == 'Z', over=[sku, period, scenario])") == 0.0


def test_bounds_may_be_parameters():
    model = toy()
    low, high = bounds(model, model.vars[2])
    assert low.max() == 0.0
    assert np.array_equal(high, model.params["demand"].data)


def test_an_unknown_name_is_an_error_that_names_it():
    with pytest.raises(InputError, match="the model has no `nonsense`"):
        Evaluator(toy(), {}).value("nonsense + 1")

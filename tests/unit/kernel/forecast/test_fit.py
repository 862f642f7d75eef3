"""The built-in forecaster: what leaves it, and that series do not disturb one another."""

from __future__ import annotations

import numpy as np

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.goal import ReduceOptions
from dyocense_cli.kernel.scenarios.sample import sample
from dyocense_cli.kernel.scenarios.shape import scenario_json
from tests.forecasting import request, right_aligned, sample_request, some_series


def test_scenarios_are_whole_non_negative_and_named_by_sku():
    rng = np.random.default_rng(1)
    series = {"B": rng.poisson(20, 40), "A": rng.poisson(3, 30)}
    found = sample(BuiltinForecaster().forecast(request(series)), sample_request(reduce=ReduceOptions(10, "stratified")))
    demand = found.tables["demand"]
    assert demand.labels["sku"] == ("A", "B")
    assert demand.values.shape == (2, 1, 4, 10)
    assert (demand.values >= 0).all()
    assert (demand.values == np.rint(demand.values)).all()
    assert found.probability.sum() == np.float64(1.0) or abs(found.probability.sum() - 1) < 1e-12
    assert found.full is not None
    assert len(found.full.scenario_ids) == 50
    shape = scenario_json(found)
    assert shape["horizon"] == 4
    assert set(shape["scenarios"][0]["demand"]) >= {"A:t1", "B:t4"}
    assert 15 < shape["stats"]["B"]["mean"] < 25


def test_other_skus_change_no_byte_of_a_path():
    series = some_series(40)
    names = list(series)
    everyone = sample(BuiltinForecaster().forecast(right_aligned(series)), sample_request(100))
    rows = {s: everyone.tables["demand"].values[i] for i, s in enumerate(everyone.tables["demand"].labels["sku"])}
    for few in (names[:1], names[5:7], names[::3], list(reversed(names[10:30]))):
        alone = sample(BuiltinForecaster().forecast(right_aligned({s: series[s] for s in few})), sample_request(100))
        for i, sku in enumerate(alone.tables["demand"].labels["sku"]):
            assert alone.tables["demand"].values[i].tobytes() == rows[sku].tobytes(), sku

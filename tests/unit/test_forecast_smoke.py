"""From history rows to scenario sets, end to end within the two kernels."""

from __future__ import annotations

import numpy as np

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.goal import ReduceOptions
from dyocense_cli.artifacts.request import ForecastRequest, SampleRequest
from dyocense_cli.kernel.scenarios.sample import sample
from dyocense_cli.kernel.scenarios.shape import scenario_json


def text(values):
    labels = tuple(sorted(set(values)))
    return Column(np.array([labels.index(v) for v in values], dtype=np.int32), labels=labels)


def history(series, start="2025-01-06"):
    sku, date, qty = [], [], []
    for name, values in series.items():
        for k, v in enumerate(values):
            sku.append(name)
            date.append(str(np.datetime64(start) + 7 * k))
            qty.append(float(v))
    return Table({"sku": text(sku), "date": text(date), "quantity": Column(np.array(qty))}, len(sku))


def request(series, h=4, **kw):
    length = max(len(v) for v in series.values())
    starts = tuple(str(np.datetime64("2025-01-06") + 7 * (length + k)) for k in range(h))
    return ForecastRequest(
        {"history": history(series)},
        tuple(series),
        ("main",),
        tuple(f"t{k + 1}" for k in range(h)),
        starts,
        "week",
        kw.pop("model", "auto"),
        **kw,
    )


def sample_request(n=50, h=4, **kw):
    return SampleRequest(
        n,
        kw.pop("pool", 0),
        kw.pop("fresh", 0),
        kw.pop("seed", 7),
        kw.pop("reduce", None),
        kw.pop("tables", {}),
        7.0,
        tuple(f"t{k + 1}" for k in range(h)),
        **kw,
    )


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


def some_series(count):
    rng = np.random.default_rng(5)
    found = {}
    for k in range(count):
        length = int(rng.integers(20, 130))
        level = float(rng.gamma(1.0, 20))
        found[f"S{k:03d}"] = rng.poisson(level * (1 + 0.3 * np.sin(np.arange(length) / 4)), length) * (1 if k % 3 else rng.random(length))
    return found


def right_aligned(series):
    length = max(len(v) for v in series.values())
    sku, date, qty = [], [], []
    for name, values in series.items():
        for k, v in enumerate(values):
            sku.append(name)
            date.append(str(np.datetime64("2025-06-02") - 7 * (len(values) - k)))
            qty.append(float(v))
    starts = tuple(str(np.datetime64("2025-06-02") + 7 * k) for k in range(4))
    assert length
    return ForecastRequest({"history": Table({"sku": text(sku), "date": text(date), "quantity": Column(np.array(qty))}, len(sku))},
                           tuple(series), ("main",), ("t1", "t2", "t3", "t4"), starts, "week", "auto")


def test_other_skus_change_no_byte_of_a_path():
    series = some_series(40)
    names = list(series)
    everyone = sample(BuiltinForecaster().forecast(right_aligned(series)), sample_request(100))
    rows = {s: everyone.tables["demand"].values[i] for i, s in enumerate(everyone.tables["demand"].labels["sku"])}
    for few in (names[:1], names[5:7], names[::3], list(reversed(names[10:30]))):
        alone = sample(BuiltinForecaster().forecast(right_aligned({s: series[s] for s in few})), sample_request(100))
        for i, sku in enumerate(alone.tables["demand"].labels["sku"]):
            assert alone.tables["demand"].values[i].tobytes() == rows[sku].tobytes(), sku

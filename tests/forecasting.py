"""Histories and requests for tests of forecasts and scenarios."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.request import ForecastRequest, SampleRequest

__all__ = ["history", "request", "right_aligned", "sample_request", "some_series", "text"]


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

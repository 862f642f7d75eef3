"""Laws of forecasts and scenarios over histories of any kind."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.codec import decode, encode, fingerprint
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.goal import ReduceOptions
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.scenarios.sample import sample
from tests.forecasting import sample_request, text

VALUES = st.one_of(st.just(0.0), st.integers(0, 40).map(float), st.floats(0, 1e6), st.just(float("nan")), st.floats(-50, -1), st.just(1e12), st.just(1e-9))
STEPS = {"day": 1, "week": 7, "month": 31}


@st.composite
def requests(draw):
    """One to four series of 0 to 70 rows on scattered days, with all that a history may hold."""
    every = draw(st.sampled_from(sorted(STEPS)))
    h = draw(st.integers(1, 7))
    rows = []
    for name in "ABCD"[: draw(st.integers(1, 4))]:
        values = draw(st.lists(VALUES, max_size=70))
        gap = draw(st.integers(0, 9))
        rows += [(name, -STEPS[every] * (len(values) - k + gap), v) for k, v in enumerate(values) if draw(st.integers(0, 9)) > 0]
    start = np.datetime64("2026-03-01")
    columns = {"sku": text([r[0] for r in rows]), "date": text([str(start + r[1]) for r in rows]), "quantity": Column(np.array([r[2] for r in rows]))}
    if draw(st.booleans()):
        columns["on_hand"] = Column(np.array([float(draw(st.sampled_from([0, 5, np.nan]))) for _ in rows]))
    starts = tuple(str(d) for d in (np.datetime64("2026-03") + np.arange(h)).astype("datetime64[D]")) if every == "month" else tuple(
        str(start + STEPS[every] * k) for k in range(h))
    table = Table(columns, len(rows))
    return ForecastRequest({"history": table} if rows else {}, ("A", "B", "C", "D"), ("main",), tuple(f"t{k + 1}" for k in range(h)), starts, every,
                           draw(st.sampled_from(["auto", "hierarchy", "ses", "trend", "seasonal", "count", "naive"])))


@given(requests())
def test_any_history_gives_finite_ordered_forecasts_and_paths_that_can_be(request):
    with np.errstate(all="raise", under="ignore"):
        made = BuiltinForecaster().forecast(request)
        found = sample(made, sample_request(24, len(request.periods), reduce=ReduceOptions(6, "stratified")))
    assert np.isfinite(made.quantiles).all()
    assert (np.diff(made.quantiles, axis=1) >= -1e-6 * np.maximum(1, made.quantiles[:, :-1])).all()
    assert (made.mean >= 0).all()
    for one in (found, found.full, found.fresh):
        demand = one.tables["demand"].values
        assert np.isfinite(demand).all()
        assert (demand >= 0).all()
        assert abs(one.probability.sum() - 1) < 1e-12
    whole = made.state["integer"]
    assert (found.full.tables["demand"].values[whole] % 1 == 0).all()
    known = np.array([r.length > 0 for r in made.reports])
    top = made.state["grid"][known].max() if known.any() else 0
    values = request.tables["history"].columns["quantity"].values if request.tables else np.zeros(1)
    days = 62 if request.every == "month" else 8
    assert top <= max(10.0 * days * np.nanmax(values, initial=0.0), 1.0) * 1.0001
    assert all(r.reason for r in made.reports if r.quality == "poor")


@given(requests())
def test_a_forecast_survives_storage_and_is_the_same_twice(request):
    made = BuiltinForecaster().forecast(request)
    packed = encode(made)
    assert fingerprint(decode(ForecastSet, packed.doc, packed.arrays)) == fingerprint(made)
    assert fingerprint(BuiltinForecaster().forecast(request)) == fingerprint(made)


@given(requests(), st.sets(st.sampled_from("ABCD"), min_size=1))
def test_a_subset_of_skus_has_the_paths_it_had_among_all(request, some):
    if request.model == "hierarchy" or not request.tables:
        return
    labels = request.tables["history"].columns["sku"].labels
    known = tuple(s for s in request.skus if s in labels and s in some)
    if not known:
        return
    everyone = BuiltinForecaster().forecast(request)
    few = BuiltinForecaster().forecast(ForecastRequest(request.tables, known, request.locations, request.periods, request.period_starts, request.every,
                                                       request.model))
    asked = sample_request(16, len(request.periods))
    one, all_of_them = sample(few, asked).tables["demand"], sample(everyone, asked).tables["demand"]
    for i, sku in enumerate(one.labels["sku"]):
        if few.reports[i].length:
            assert one.values[i].tobytes() == all_of_them.values[all_of_them.labels["sku"].index(sku)].tobytes()

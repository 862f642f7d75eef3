"""Joint paths, lead times, reduction, stated and given scenarios."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.artifacts.codec import decode, encode, fingerprint
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import ReduceOptions
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.shapes import LEVELS, Z
from dyocense_cli.kernel.scenarios.errors_of import newsvendor_gap
from dyocense_cli.kernel.scenarios.given import read_scenarios
from dyocense_cli.kernel.scenarios.leads import draw_leads, lead_times
from dyocense_cli.kernel.scenarios.paths import draw_paths
from dyocense_cli.kernel.scenarios.reduce import match_marginals, reduce_scenarios
from dyocense_cli.kernel.scenarios.sample import sample
from dyocense_cli.kernel.scenarios.shape import scenario_json
from dyocense_cli.kernel.scenarios.stats import weighted_quantile
from dyocense_cli.kernel.scenarios.streams import keys_of, normals, uniforms, upper_quantile
from tests.forecasting import right_aligned, sample_request, some_series, text


def state(n=4, h=3, dates=60, *, common=0.9, memory=0.0, seed=0):
    """Sampling state of n standard normal series (shifted to 10) whose residuals share one factor."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal(dates)
    scores = 0.9 * factor + 0.436 * rng.standard_normal((n, dates))
    return {"z": Z, "grid": np.broadcast_to((10 + Z).astype(np.float32), (n, h, len(Z))).copy(), "integer": np.zeros(n, bool),
            "scores": np.rint(scores.clip(-3.5, 3.5) * 64).astype(np.int16), "dates": np.arange(dates, dtype=np.int32) * 7,
            "common": np.full(n, common, np.float32), "memory": np.full(n, memory, np.float32)}


def names(n):
    return [f"S{i}" for i in range(n)]


def test_normals_are_standard_and_their_table_is_wichuras():
    z = normals(keys_of(1, "x", ["a", "b"]), 0, 200_000).astype(float)
    assert abs(z.mean()) < 0.01
    assert z.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(z)[0, 1]) < 0.01
    # Wichura (1988), table of checks: z(0.25) and z(0.001)
    assert upper_quantile(np.array([0.25, 0.001])) == pytest.approx([0.6744897501960817, 3.090232306167814], rel=3e-7)


def test_a_stream_is_a_function_of_its_name_and_position():
    keys = keys_of(1, "x", ["a", "b", "c"])
    assert (normals(keys, 0, 40)[1:, 20:32] == normals(keys[1:], 20, 12)).all()
    assert (uniforms(keys[:1], 5, 3) == uniforms(keys, 0, 8)[:1, 5:]).all()
    assert not (normals(keys, 0, 8) == normals(keys_of(1, "y", ["a", "b", "c"]), 0, 8)).any(axis=1).all()


def test_paths_keep_the_correlation_of_residuals_of_the_same_date():
    s = state(common=1.0)
    x = draw_paths(s, names(4), h=3, count=4000, seed=1, purpose="p")
    seen = np.corrcoef(s["scores"].astype(float))[0, 1]
    assert np.corrcoef(x[:, 0])[0, 1] == pytest.approx(seen, abs=0.05)
    apart = draw_paths(state(common=0.0), names(4), h=3, count=4000, seed=1, purpose="p")
    assert abs(np.corrcoef(apart[:, 0])[0, 1]) < 0.05


def test_a_shock_that_persists_widens_the_total_and_leaves_each_period_as_it_was():
    short, long = (draw_paths(state(memory=m), names(4), h=3, count=4000, seed=1, purpose="p") for m in (0.0, 0.5))
    assert long.std(axis=2) == pytest.approx(short.std(axis=2), rel=0.06)
    assert (long.sum(axis=1).std(axis=1) > 1.15 * short.sum(axis=1).std(axis=1)).all()


def test_marginals_are_those_of_the_forecast():
    x = draw_paths(state(), names(4), h=3, count=20_000, seed=3, purpose="p")
    for level in (0.05, 0.5, 0.95):
        assert np.quantile(x, level, axis=2) == pytest.approx(10 + float(np.interp(level, LEVELS, Z)), abs=0.06)


@given(count=st.integers(1, 70), fewer=st.integers(1, 70), h=st.integers(1, 6), seed=st.integers(0, 2**40))
def test_paths_do_not_depend_on_how_many_are_drawn_nor_on_how_far(count, fewer, h, seed):
    s = state(h=6)
    many = draw_paths(s, names(4), h=6, count=max(count, fewer), seed=seed, purpose="p")
    few = draw_paths({**s, "grid": s["grid"][:2, :h], **{k: s[k][:2] for k in ("integer", "scores", "common", "memory")}}, names(2), h=h,
                     count=min(count, fewer), seed=seed, purpose="p")
    assert (many[:2, :h, : few.shape[2]] == few).all()


def test_two_threads_of_blas_or_another_process_give_the_same_bytes():
    code = ("import hashlib; from tests.unit.kernel.scenarios.test_scenarios import *;"
            "print(hashlib.sha256(draw_paths(state(n=300, dates=200), names(300), h=3, count=64, seed=9, purpose='p').tobytes()).hexdigest())")
    outs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": threads,
                           "PYTHONHASHSEED": threads}).stdout for threads in ("1", "2")}
    assert len(outs) == 1


def deliveries(rows):
    start = np.datetime64("2025-01-01")
    return Table({"supplier": text([s for s, _ in rows]), "ordered_on": text([str(start)] * len(rows)),
                  "received_on": text([str(start + d) for _, d in rows])}, len(rows))


def suppliers(rows):
    return Table({"supplier": text([r[0] for r in rows]), "lead_days": Column(np.array([float(r[1]) for r in rows])),
                  "lead_sd": Column(np.array([float(r[2]) for r in rows]))}, len(rows))


def test_lead_times_come_from_deliveries_else_from_what_the_supplier_says():
    rows = [("D", d) for d in (2, 3, 3, 4, 4, 4, 5, 9)] + [("F", 6), ("F", 8)] + [("N", -1)] * 3
    request = sample_request(tables={"deliveries": deliveries(rows), "suppliers": suppliers([("D", 99, 0), ("F", np.nan, np.nan), ("G", 5, 2),
                                                                                             ("K", 3, 0), ("N", np.nan, np.nan)])})
    leads = lead_times(request)
    days = draw_leads(leads, count=4000, seed=1, purpose="p")
    assert leads.suppliers == ("D", "F", "G", "K", "N")
    assert set(np.unique(days[0])) <= set(range(1, 11))
    assert np.mean(days[0]) == pytest.approx(4.25, abs=0.4)
    assert np.mean(days[1]) == pytest.approx(7, abs=0.3)
    assert (np.mean(days[2]), np.std(days[2])) == (pytest.approx(5, abs=0.2), pytest.approx(2, abs=0.25))
    assert (days[3] == 3).all()
    assert (days[4] == 0).all()
    assert any("2 deliveries, fewer than 5" in n for n in leads.notes)
    assert any("3 deliveries dated before their order" in n for n in leads.notes)


def test_another_supplier_changes_no_lead_time():
    one = draw_leads(lead_times(sample_request(tables={"suppliers": suppliers([("B", 5, 2)])})), count=30, seed=1, purpose="p")
    two = draw_leads(lead_times(sample_request(tables={"suppliers": suppliers([("A", 9, 1), ("B", 5, 2)])})), count=30, seed=1, purpose="p")
    assert (one[0] == two[1]).all()


def full_set(dims=400, n=1000, *, rare=False):
    rng = np.random.default_rng(4)
    common = rng.standard_normal(n)
    mean = rng.gamma(2.0, 10, (dims, 1)) if not rare else np.full((dims, 1), 0.1)
    return np.rint(rng.poisson(mean * np.exp(0.3 * common))).astype(float), np.full(n, 1 / n)


@pytest.mark.parametrize("method", ["stratified", "k-medoids", "forward"])
def test_fifty_of_a_thousand_scenarios_lead_to_newsvendor_decisions_within_1_5_percent(method):
    values, p = full_set()
    found = reduce_scenarios(values, p, to=50, method=method, whole=np.ones(400, bool))
    assert newsvendor_gap(values, p, found.values, found.probability) <= 0.015
    assert found.errors["newsvendor_gap"] <= 0.015
    assert found.probability.sum() == pytest.approx(1, abs=1e-12)
    assert (found.values == np.rint(found.values)).all()
    assert abs(found.errors["error_mean"]) < 0.002


def test_random_choice_as_it_is_would_miss_that_gate():
    values, p = full_set()
    assert newsvendor_gap(values, p, values[:, :50], np.full(50, 0.02)) > 0.015


def test_rare_sales_are_not_made_to_coincide():
    values, p = full_set(rare=True)
    found = reduce_scenarios(values, p, to=50, method="stratified", whole=np.ones(400, bool))
    assert abs(found.errors["error_sigma"]) < 0.35
    assert abs(found.errors["error_mean"]) < 0.05


def test_matching_keeps_every_mean_and_the_ranks_of_real_scenarios():
    rng = np.random.default_rng(1)
    full, p = rng.gamma(2, 5, (7, 500)), np.full(500, 1 / 500)
    kept, weight = full[:, ::25], np.full(20, 1 / 20)
    matched = match_marginals(full, p, kept, weight)
    assert matched @ weight == pytest.approx(full @ p, rel=1e-9)
    assert (np.argsort(matched, axis=1) == np.argsort(kept, axis=1)).all()


@given(n=st.integers(1, 30), to=st.integers(1, 30), method=st.sampled_from(["none", "stratified", "k-medoids", "forward"]),
       match=st.booleans(), seed=st.integers(0, 99))
def test_a_reduced_set_has_the_asked_size_at_most_and_weights_that_sum_to_one(n, to, method, match, seed):
    rng = np.random.default_rng(seed)
    values, p = rng.poisson(3, (5, n)).astype(float), rng.dirichlet(np.ones(n))
    found = reduce_scenarios(values, p, to=to, method=method, match=match)
    assert 1 <= len(found.index) <= (n if method == "none" else min(to, n))
    assert found.probability.sum() == pytest.approx(1)
    assert (found.probability > 0).all() or method == "none" or to >= n
    assert found.values.shape == (5, len(found.index))


@pytest.mark.parametrize("method", ["k-medoids", "forward"])
def test_methods_of_pairwise_distances_bound_their_memory(method):
    values = np.random.default_rng(0).poisson(9, (3, 6000)).astype(float)
    found = reduce_scenarios(values, np.full(6000, 1 / 6000), to=5, method=method)
    assert len(found.index) == 5
    assert found.errors["newsvendor_gap"] < 0.2


def test_an_unknown_reduction_is_refused():
    with pytest.raises(InputError, match="cannot reduce to 5 scenarios by `best`"):
        reduce_scenarios(np.ones((2, 9)), np.full(9, 1 / 9), to=5, method="best")


def made(**kw):
    request = sample_request(kw.pop("n", 60), reduce=kw.pop("reduce", None), **kw)
    return sample(BuiltinForecaster().forecast(right_aligned(some_series(5))), request)


def test_full_reduced_and_fresh_sets_are_nested_and_survive_the_codec():
    found = made(reduce=ReduceOptions(12, "stratified"), fresh=30, tables={"suppliers": suppliers([("X", 4, 1)])})
    assert (len(found.scenario_ids), len(found.full.scenario_ids), len(found.fresh.scenario_ids)) == (12, 60, 30)
    assert found.tables["lead_days"].values.shape == (1, 12)
    assert found.reduction["from"] == 60
    assert found.stats == found.full.stats
    assert not (found.fresh.tables["demand"].values[..., :12] == found.full.tables["demand"].values[..., :12]).all()
    packed = encode(found)
    assert fingerprint(decode(ScenarioSet, packed.doc, packed.arrays)) == fingerprint(found)


def test_a_pool_larger_than_the_set_is_reduced_to_it():
    found = made(n=20, pool=400)
    assert (len(found.scenario_ids), len(found.full.scenario_ids)) == (20, 400)
    assert found.reduction["newsvendor_gap"] < 0.05


def test_nothing_to_forecast_is_one_scenario():
    found = sample(None, sample_request())
    assert (found.scenario_ids, found.probability.tolist(), found.source) == ((0,), [1.0], "none")


def stated(n=4):
    return {"yields.yield": ScenarioTable(("crop", "scenario"), {"crop": ("corn", "wheat")}, np.arange(2.0 * n).reshape(2, n))}


def test_stated_scenarios_are_used_as_they_are_and_their_probabilities_checked():
    found = sample(None, sample_request(stated=stated(), stated_probability=(0.1, 0.2, 0.3, 0.4)))
    assert (found.source, found.probability.tolist()) == ("table", [0.1, 0.2, 0.3, 0.4])
    assert sample(None, sample_request(stated=stated())).probability.tolist() == [0.25] * 4
    with pytest.raises(InputError, match=r"sum to 0\.9, not 1"):
        sample(None, sample_request(stated=stated(), stated_probability=(0.1, 0.2, 0.3, 0.3)))
    reduced = sample(None, sample_request(stated=stated(40), reduce=ReduceOptions(8, "stratified")))
    assert (len(reduced.scenario_ids), len(reduced.full.scenario_ids)) == (8, 40)
    kept, all_of_them = reduced.tables["yields.yield"].values, reduced.full.tables["yields.yield"].values
    assert (kept == all_of_them[:, list(reduced.scenario_ids)]).all()


def test_the_published_shape_is_read_back_as_it_was_written():
    found = made(n=6, tables={"suppliers": suppliers([("X", 4, 1)])})
    again = read_scenarios(json.dumps(scenario_json(found)), file="s.json", periods=found.periods)
    assert again.tables["demand"].values == pytest.approx(found.tables["demand"].values, abs=1e-6)
    assert (again.tables["lead_days"].values == found.tables["lead_days"].values).all()
    assert again.stats["S001"] == pytest.approx(found.stats["S001"], abs=1e-5)


@pytest.mark.parametrize(("change", "message"), [
    (lambda d: d["scenarios"][0]["demand"].pop("S000:t2"), "scenario 0 has no demand ≥ 0 for S000 in t2"),
    (lambda d: d["scenarios"][1]["demand"].update({"S000:t9": 1}), "period `t9` is not in the horizon t1 … t4"),
    (lambda d: d["scenarios"][1]["demand"].update({"S000:t1": -4}), "scenario 1 has no demand ≥ 0 for S000 in t1"),
    (lambda d: d["scenarios"][1].update(probability=0.9), "scenario probabilities sum to"),
    (lambda d: d.pop("scenarios"), "the scenario file has no `scenarios`"),
])
def test_a_scenario_file_that_is_not_one_says_what_is_wrong(change, message):
    document = scenario_json(made(n=3))
    change(document)
    with pytest.raises(InputError, match=message):
        read_scenarios(json.dumps(document), file="s.json", periods=("t1", "t2", "t3", "t4"))


def test_one_sku_has_plain_period_keys_and_locations_are_named():
    table = ScenarioTable(("sku", "location", "period", "scenario"), {"sku": ("MILK-1L",), "location": ("main",), "period": ("t1", "t2")},
                          np.array([[[[120.0, 95.0], [110.0, 140.0]]]]))
    one = ScenarioSet(("t1", "t2"), (0, 1), np.full(2, 0.5), {"demand": table})
    shape = scenario_json(one)
    assert shape["scenarios"][0] == {"id": 0, "probability": 0.5, "demand": {"t1": 120, "t2": 110}}
    two = dataclasses.replace(table, labels={**table.labels, "location": ("N", "S")}, values=np.ones((1, 2, 2, 2)))
    assert list(scenario_json(dataclasses.replace(one, tables={"demand": two}))["scenarios"][0]["demand"]) == [
        "MILK-1L@N:t1", "MILK-1L@N:t2", "MILK-1L@S:t1", "MILK-1L@S:t2"]


def test_a_weighted_quantile_is_the_least_value_that_reaches_the_level():
    values, p = np.array([[3.0, 1.0, 2.0]]), np.array([0.5, 0.3, 0.2])
    assert [weighted_quantile(values, p, q)[0] for q in (0.2, 0.3, 0.31, 0.5, 0.51, 1.0)] == [1, 1, 2, 2, 3, 3]


def test_several_locations_have_figures_of_their_own_and_of_their_sum():
    series = some_series(2)
    base = right_aligned(series)
    table = base.tables["history"]
    both = Table({
        "sku": Column(np.tile(table.columns["sku"].values, 2), labels=table.columns["sku"].labels),
        "date": Column(np.tile(table.columns["date"].values, 2), labels=table.columns["date"].labels),
        "quantity": Column(np.tile(table.columns["quantity"].values, 2)),
        "location": text(["N"] * table.n_rows + ["S"] * table.n_rows),
    }, 2 * table.n_rows)
    found = sample(BuiltinForecaster().forecast(dataclasses.replace(base, tables={"history": both}, locations=("N", "S"))), sample_request(200))
    assert found.tables["demand"].values.shape == (2, 2, 4, 200)
    assert set(found.stats) == {"S000", "S001", "S000@N", "S000@S", "S001@N", "S001@S"}
    assert found.stats["S001"]["mean"] == pytest.approx(found.stats["S001@N"]["mean"] + found.stats["S001@S"]["mean"])
    assert not (found.tables["demand"].values[:, 0] == found.tables["demand"].values[:, 1]).all()

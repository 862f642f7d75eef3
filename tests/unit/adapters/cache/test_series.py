"""The forecast cache by series: cached = cold, altered bytes are found, processes do not disturb one another."""

from __future__ import annotations

import dataclasses
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from dyocense_cli.adapters.cache.series import SeriesCache
from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.adapters.forecaster.cached import CachedForecaster
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.scenarios.sample import sample
from tests.forecasting import right_aligned, sample_request, some_series

KEY = "ab" * 32


class Counting(BuiltinForecaster):
    """The built-in forecaster, counting the SKUs it was asked for."""

    def __init__(self):
        self.asked = []

    def forecast(self, request):
        self.asked.append(request.skus)
        return super().forecast(request)


def entry_files(root):
    return sorted(Path(root).glob("??/*.entry"))


def test_a_known_sku_is_not_forecast_again_and_the_answer_is_the_same(tmp_path):
    inner = Counting()
    cached = CachedForecaster(inner, SeriesCache(str(tmp_path)), name="builtin 1")
    series = some_series(6)
    cold = cached.forecast(right_aligned(series))
    warm = cached.forecast(right_aligned(series))
    assert fingerprint(cold) == fingerprint(warm)
    assert len(inner.asked) == 1
    changed = {**series, "S002": np.append(series["S002"][1:], 3)}
    cached.forecast(right_aligned(changed))
    assert inner.asked[1:] == [("S002",)]
    direct = sample(BuiltinForecaster().forecast(right_aligned(series)), sample_request(40))
    assert sample(warm, sample_request(40)).tables["demand"].values.tobytes() == direct.tables["demand"].values.tobytes()


def test_a_flipped_byte_is_found_set_aside_and_rebuilt(tmp_path):
    store = SeriesCache(str(tmp_path))
    inner = Counting()
    cached = CachedForecaster(inner, store, name="builtin 1")
    first = cached.forecast(right_aligned(some_series(3)))
    files = entry_files(tmp_path)
    for position, path in zip((3, 700, -5), files, strict=True):
        data = bytearray(path.read_bytes())
        data[position] ^= 1
        path.write_bytes(bytes(data))
    again = cached.forecast(right_aligned(some_series(3)))
    assert fingerprint(first) == fingerprint(again)
    assert len(inner.asked[1]) == 3
    assert len(list(Path(tmp_path).glob("??/*.altered"))) == 3
    assert store.verify() == []


def test_duckdb_lists_and_sums_entries_and_may_read_nothing_else(tmp_path):
    store = SeriesCache(str(tmp_path))
    assert store.query("select count(*) from entries")[1] == [(0,)]
    for k in range(5):
        store.put(f"{k:064x}", b"x" * (k + 1), {"sku": f"S{k % 2}", "horizon": 4, "model": "builtin:auto"})
    columns, rows = store.query("select sku, sum(payload_bytes) as size from entries group by sku order by sku")
    assert columns == ["sku", "size"]
    assert [(s, int(n)) for s, n in rows] == [("S0", 9), ("S1", 6)]
    with pytest.raises(InputError, match="cache query failed"):
        store.query("select * from read_text('/etc/hostname')")
    assert store.clear("S1") == 2
    assert len(entry_files(tmp_path)) == 3


def test_a_key_that_would_leave_the_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no key of the forecast cache"):
        SeriesCache(str(tmp_path)).get("../" * 20 + "etc")


def _hammer(root, seed, rounds, answers):
    store = SeriesCache(root)
    rng = np.random.default_rng(seed)
    bad = 0
    for _ in range(rounds):
        k = int(rng.integers(0, 8))
        payload = bytes([k]) * 8192
        if rng.random() < 0.5:
            store.put(f"{k:064x}", payload, {"sku": f"S{k}", "horizon": 4, "model": "m"})
        else:
            found = store.get(f"{k:064x}")
            bad += found is not None and found != payload
        if rng.random() < 0.02:
            store.query("select count(*), max(sku) from entries")
    answers.put(bad)


def test_two_processes_on_one_cache_see_no_lock_error_and_no_torn_entry(tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    workers = [context.Process(target=_hammer, args=(str(tmp_path), s, 300, answers)) for s in range(2)]
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=240) for _ in workers]
    for worker in workers:
        worker.join()
    assert found == [0, 0]
    assert [w.exitcode for w in workers] == [0, 0]
    assert not list(Path(tmp_path).glob("??/*.altered"))


def test_beyond_its_limit_a_fast_forecaster_is_asked_directly(tmp_path):
    inner = Counting()
    inner.cache_limit = 3
    cached = CachedForecaster(inner, SeriesCache(str(tmp_path)), name="builtin 1")
    cached.forecast(right_aligned(some_series(4)))
    cached.forecast(right_aligned(some_series(3)))
    assert [len(skus) for skus in inner.asked] == [4, 3]
    assert len(entry_files(tmp_path)) == 3


def test_levels_borrowed_from_other_skus_are_not_kept(tmp_path):
    inner = Counting()
    cached = CachedForecaster(inner, SeriesCache(str(tmp_path)), name="builtin 1")
    request = right_aligned(some_series(3))
    cached.forecast(dataclasses.replace(request, skus=(*request.skus, "NEW")))
    assert entry_files(tmp_path) == []
    cached.forecast(dataclasses.replace(request, model="hierarchy"))
    assert entry_files(tmp_path) == []


def test_a_sku_whose_rows_hold_no_data_borrows_from_all_others_every_time(tmp_path):
    inner = Counting()
    cached = CachedForecaster(inner, SeriesCache(str(tmp_path)), name="builtin 1")
    request = right_aligned({**some_series(3), "NEW": np.full(20, np.nan)})
    cold, warm = cached.forecast(request), cached.forecast(request)
    assert cold.reports[0].method == "level of all"
    assert cold.mean[0].mean() == pytest.approx(cold.mean[1:].mean(), rel=0.3)
    assert fingerprint(cold) == fingerprint(warm)
    assert len(entry_files(tmp_path)) == 3

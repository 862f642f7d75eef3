"""The memo keeps artifacts whole and notices altered bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.adapters.blobs.directory import DirectoryBlobs
from dyocense_cli.adapters.cache.files import FileCache
from dyocense_cli.artifacts.codec import decode, encode, fingerprint
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.runner.memo import Memo, array_bytes, array_from


def memo_in(folder: Path) -> Memo:
    return Memo(DirectoryBlobs(str(folder / "blobs")), FileCache(str(folder / "keys")))


def a_set(values: list[float]) -> ScenarioSet:
    table = ScenarioTable(("sku", "scenario"), {"sku": ("A",)}, np.array([values]))
    return ScenarioSet(("t1",), tuple(range(len(values))), np.full(len(values), 1 / len(values)), {"demand": table}, full=None)


def test_a_remembered_artifact_comes_back_with_the_same_fingerprint(tmp_path: Path) -> None:
    memo = memo_in(tmp_path)
    held = memo.remember("scenario_set", "key", a_set([1.5, 2.5]))
    again = memo_in(tmp_path).find("scenario_set", "key")
    assert again is not None
    assert again.fingerprint == held.fingerprint == fingerprint(again.value)
    assert again.value.tables["demand"].values.tolist() == [[1.5, 2.5]]


def test_a_flipped_byte_in_any_blob_is_set_aside_and_counts_as_absent(tmp_path: Path) -> None:
    memo_in(tmp_path).remember("scenario_set", "key", a_set([1.5, 2.5]))
    for path in sorted((tmp_path / "blobs").rglob("*")):
        if not path.is_file():
            continue
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        memo = memo_in(tmp_path)
        assert memo.find("scenario_set", "key") is None
        assert any("altered" in w for w in memo.warnings)
        memo.remember("scenario_set", "key", a_set([1.5, 2.5]))
        assert memo_in(tmp_path).find("scenario_set", "key") is not None


def test_a_torn_cache_entry_counts_as_absent(tmp_path: Path) -> None:
    cache = FileCache(str(tmp_path))
    cache.put("k", "value")
    entry = next(p for p in tmp_path.rglob("*") if p.is_file())
    entry.write_bytes(entry.read_bytes()[:-3])
    assert cache.get("k") is None
    cache.put("k", "value")
    assert cache.get("k") == "value"


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_encoding_and_decoding_keeps_every_number(values: list[float]) -> None:
    artifact = a_set(values)
    encoded = encode(artifact)
    arrays = {sha: array_from(array_bytes(a)) for sha, a in encoded.arrays.items()}
    again = decode(ScenarioSet, encoded.doc, arrays)
    assert fingerprint(again) == fingerprint(artifact)
    assert again.tables["demand"].values.tobytes() == artifact.tables["demand"].values.tobytes()


def test_byte_order_and_memory_layout_change_no_fingerprint() -> None:
    plain = a_set([1.0, 2.0, 3.0])
    table = plain.tables["demand"]
    other = ScenarioTable(table.dims, table.labels, np.asfortranarray(table.values.astype(">f8")))
    swapped = ScenarioSet(plain.periods, plain.scenario_ids, plain.probability, {"demand": other})
    assert fingerprint(swapped) == fingerprint(plain)

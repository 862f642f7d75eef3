"""Claims that every blob store keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.registry import entries, load
from dyocense_cli.errors import StoreError
from tests.contract import s3_doors


class _Kept:
    """A store, how to make another tenant's on the same ground, and how to spoil its bytes."""

    def __init__(self, store: Any, other: Any, spoil: Callable[[str], None]) -> None:
        self.store, self.other, self.spoil = store, other, spoil


@pytest.fixture(params=[e.name for e in entries("blobs")])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Kept]:
    cls = load("blobs", request.param)
    if request.param == "minio":
        request.getfixturevalue("minio")
        url = s3_doors.bucket_url()
        store = cls(url, tenant="one", **s3_doors.keys())

        def spoil(sha: str) -> None:
            store._bucket.replace(store._key(sha), b"spoiled")

        yield _Kept(store, cls(url, tenant="two", **s3_doors.keys()), spoil)
        return
    store = cls(str(tmp_path / "one"))

    def spoil_file(sha: str) -> None:
        path = store._path(sha)
        path.write_bytes(b"spoiled")

    yield _Kept(store, cls(str(tmp_path / "two")), spoil_file)


@pytest.mark.parametrize("data", [b"", b"milk", bytes(range(256)) * 400])
def test_bytes_come_back_under_their_hash(kept: _Kept, data: bytes) -> None:
    sha = kept.store.put(data)
    assert sha == "sha256:" + hashlib.sha256(data).hexdigest()
    assert kept.store.put(data) == sha
    assert kept.store.has(sha)
    assert kept.store.get(sha) == data
    assert list(kept.store.list()) == [sha]


def test_what_is_not_stored_is_said_so(kept: _Kept) -> None:
    sha = "sha256:" + "0" * 64
    assert not kept.store.has(sha)
    with pytest.raises(StoreError, match="DY5003"):
        kept.store.get(sha)
    kept.store.delete(sha)
    assert list(kept.store.list()) == []


def test_altered_bytes_are_found_set_aside_and_can_be_stored_anew(kept: _Kept) -> None:
    sha = kept.store.put(b"milk")
    kept.spoil(sha)
    with pytest.raises(StoreError, match="DY5002"):
        kept.store.get(sha)
    assert not kept.store.has(sha)
    assert list(kept.store.list()) == []
    kept.store.put(b"milk")
    assert kept.store.get(sha) == b"milk"


def test_storing_over_altered_bytes_heals_them(kept: _Kept) -> None:
    sha = kept.store.put(b"milk")
    kept.spoil(sha)
    assert kept.store.put(b"milk") == sha
    assert kept.store.get(sha) == b"milk"


def test_deleting_removes_and_may_be_repeated(kept: _Kept) -> None:
    shas = sorted(kept.store.put(bytes([i])) for i in range(5))
    assert list(kept.store.list()) == shas
    kept.store.delete(shas[0])
    kept.store.delete(shas[0])
    assert list(kept.store.list()) == shas[1:]


def test_tenants_do_not_share_bytes(kept: _Kept) -> None:
    sha = kept.store.put(b"milk")
    assert not kept.other.has(sha)
    assert list(kept.other.list()) == []

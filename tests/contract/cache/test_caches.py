"""What every stage cache promises."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dyocense_cli.adapters import registry
from dyocense_cli.adapters.cache.redis import RedisCache
from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports import Scope, StageCache

NAMES = [entry.name for entry in registry.entries("cache")]


@pytest.fixture(params=NAMES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], StageCache]]:
    """Make a cache of a tenant; two of one tenant share their entries."""
    mark = uuid.uuid4().hex
    made: list[StageCache] = []
    load = registry.load("cache", request.param)

    def build(tenant: str) -> StageCache:
        if request.param == "redis":
            url = request.getfixturevalue("redis")["DYOCENSE_REDIS_URL"]
            made.append(load(url, Scope(f"{mark}-{tenant}")))
        else:
            made.append(load(str(tmp_path / tenant)))
        return made[-1]

    yield build
    for cache in made:
        cache.clear()


def test_what_is_put_is_found_and_the_last_writer_wins(make: Callable[[str], StageCache]) -> None:
    cache = make("a")
    assert cache.get("k") is None
    cache.put("k", "sha256:1")
    cache.put("k", "sha256:2")
    assert make("a").get("k") == "sha256:2"


def test_odd_keys_and_values_are_kept(make: Callable[[str], StageCache]) -> None:
    cache = make("a")
    for key in ("", "a b", "../x", "\N{SNOWMAN}" * 500, "a\nb"):
        cache.put(key, f"value\nof {key}")
        assert cache.get(key) == f"value\nof {key}"


def test_clear_forgets_this_tenants_entries_only(make: Callable[[str], StageCache]) -> None:
    mine, theirs = make("a"), make("b")
    for i in range(3):
        mine.put(f"k{i}", "x")
    theirs.put("k0", "y")
    assert mine.get("k0") == "x"
    assert mine.clear() == 3
    assert mine.get("k0") is None
    assert theirs.get("k0") == "y"
    assert mine.clear() == 0


def test_many_writers_leave_a_whole_entry(make: Callable[[str], StageCache]) -> None:
    cache = make("a")
    values = [f"sha256:{i:064d}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda v: cache.put("k", v), values))
    assert cache.get("k") in values


def test_redis_that_is_down_is_named() -> None:
    with pytest.raises(UnavailableError, match="Redis cannot be reached"):
        RedisCache("redis://127.0.0.1:1/0", Scope("a")).get("k")


def test_an_altered_entry_in_redis_counts_as_absent(redis: dict[str, str]) -> None:
    cache = RedisCache(redis["DYOCENSE_REDIS_URL"], Scope(uuid.uuid4().hex))
    cache.put("k", "sha256:1")
    cache._redis.set(cache._key("k"), "sha256:2\n0000")
    assert cache.get("k") is None
    assert cache.clear() == 1

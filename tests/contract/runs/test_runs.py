"""Claims that every run store keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.errors import StoreError, UnavailableError
from tests.contract import s3_doors

FILES = {f"artifacts/{n}.json": f"{n}".encode() * 50 for n in ("goal", "plan", "solution")} | {"plan.csv": b"line\n", "empty": b""}


@pytest.fixture(params=["directory", "s3", "mirror"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    directory = load("runs", "directory")(str(tmp_path / "runs"))
    if request.param == "directory":
        yield directory
        return
    request.getfixturevalue("minio")
    remote = load("runs", "s3")(s3_doors.bucket_url(), tenant="acme", **s3_doors.keys())
    yield remote if request.param == "s3" else load("runs", "mirror")(directory, remote)


def test_a_run_comes_back_whole(store: Any) -> None:
    assert store.list() == []
    place = store.commit("0001", FILES, b"{}")
    assert place.endswith("0001")
    assert store.list() == ["0001"]
    assert store.names("0001") == sorted([*FILES, "manifest.json"])
    assert {name: store.read("0001", name) for name in FILES} == FILES
    assert store.read("0001", "manifest.json") == b"{}"


def test_an_id_is_used_once(store: Any) -> None:
    store.commit("0001", FILES, b"{}")
    with pytest.raises(StoreError, match="DY5004"):
        store.commit("0001", {"other": b"x"}, b"[]")
    assert store.read("0001", "manifest.json") == b"{}"
    assert store.names("0001") == sorted([*FILES, "manifest.json"])


def test_of_many_writers_of_one_id_one_wins(store: Any) -> None:
    """A server under load may leave a writer without an answer (DY4301); still only one manifest is there, and one writer at most was told so."""

    def write(i: int) -> str:
        try:
            return "/" if store.commit("0001", {"plan.csv": b"same"}, str(i).encode()) else ""
        except (StoreError, UnavailableError) as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(write, range(6)))
    assert set(answers) <= {"/", "DY5004", "DY4301"}
    assert answers.count("/") <= 1
    manifest = store.read("0001", "manifest.json")
    assert manifest in [str(i).encode() for i in range(6)]
    if "/" in answers:
        assert manifest == str(answers.index("/")).encode()


def test_runs_are_listed_oldest_first_and_deleted_whole(store: Any) -> None:
    for run_id in ("0003", "0001", "0002"):
        store.commit(run_id, FILES, b"{}")
    assert store.list() == ["0001", "0002", "0003"]
    store.delete("0002")
    store.delete("0002")
    assert store.list() == ["0001", "0003"]
    assert store.names("0002") == []


@pytest.mark.parametrize("name", ["nothing.json", "../0002/plan.csv", "/etc/hostname", "artifacts", ""])
def test_what_a_run_does_not_hold_is_said_so(store: Any, name: str) -> None:
    store.commit("0001", FILES, b"{}")
    store.commit("0002", FILES, b"{}")
    with pytest.raises(StoreError, match="DY5003"):
        store.read("0001", name)


@pytest.mark.parametrize("run_id", ["..", ".", "../x", "a/b", ""])
def test_an_id_never_leaves_the_store(tmp_path: Path, run_id: str) -> None:
    store = load("runs", "directory")(str(tmp_path / "runs"))
    with pytest.raises(StoreError, match="DY5003"):
        store.commit(run_id, FILES, b"{}")
    with pytest.raises(StoreError, match="DY5003"):
        store.read(run_id, "plan.csv")


@pytest.fixture
def door(minio: object) -> Iterator[s3_doors.Door]:
    made = s3_doors.Door()
    yield made
    made.close()


def _pair(tmp_path: Path, door: s3_doors.Door, url: str, *, retries: int = 1) -> tuple[Any, Any, Any]:
    """Return a mirrored store through the door, its local part, and the remote seen directly."""
    local = load("runs", "directory")(str(tmp_path / "runs"))
    remote = load("runs", "s3")(url, tenant="acme", **s3_doors.keys(door.endpoint), retries=retries)
    return load("runs", "mirror")(local, remote), local, load("runs", "s3")(url, tenant="acme", **s3_doors.keys())


@pytest.mark.parametrize("at", range(len(FILES) + 1))
@pytest.mark.parametrize("late", [False, True], ids=["before the upload", "before its answer"])
def test_a_server_lost_at_any_upload_leaves_all_here_and_push_completes(tmp_path: Path, door: s3_doors.Door, at: int, late: bool) -> None:
    store, local, remote = _pair(tmp_path, door, s3_doors.bucket_url())
    order = [*sorted(FILES), "manifest.json"]

    def lost(path: str, method: str) -> bool:
        return method == "PUT" and path.partition("?")[0].endswith("/0001/" + order[at])

    door.mute, door.shut = (lost, door.shut) if late else (door.mute, lost)
    with pytest.raises(UnavailableError, match="files not yet uploaded") as caught:
        store.commit("0001", FILES, b"{}")
    assert caught.value.exit_code == 7
    assert f"{len(order) - at} of {len(order)}" in caught.value.message
    assert any("runs push 0001" in hint for hint in caught.value.hints)
    assert local.list() == ["0001"]
    assert {name: local.read("0001", name) for name in FILES} == FILES
    whole = late and order[at] == "manifest.json"
    assert remote.list() == (["0001"] if whole else [])

    door.shut = door.mute = lambda path, method: False
    door.log.clear()
    assert store.push("0001") is not whole
    assert {name: remote.read("0001", name) for name in remote.names("0001")} == {**FILES, "manifest.json": b"{}"}
    sent = [path.rpartition("/0001/")[2].partition("?")[0] for method, path in door.log if method == "PUT"]
    assert not sent or sent[-1] == "manifest.json"
    assert store.push("0001") is False


def test_a_connection_reset_now_and_then_is_tried_again(tmp_path: Path, door: s3_doors.Door) -> None:
    store, _, remote = _pair(tmp_path, door, s3_doors.bucket_url(), retries=6)
    seen: set[str] = set()

    def first_time(path: str, method: str) -> bool:
        if method != "PUT" or path in seen:
            return False
        seen.add(path)
        return True

    door.shut = first_time
    store.commit("0001", FILES, b"{}")
    assert remote.list() == ["0001"]


def test_a_remote_run_can_be_pulled_and_is_the_same(tmp_path: Path, door: s3_doors.Door) -> None:
    store, local, remote = _pair(tmp_path, door, s3_doors.bucket_url())
    remote.commit("0001", FILES, b"{}")
    assert store.read("0001", "plan.csv") == FILES["plan.csv"]
    assert local.list() == []
    assert store.pull("0001") is True
    assert store.pull("0001") is False
    assert {name: local.read("0001", name) for name in local.names("0001")} == {**FILES, "manifest.json": b"{}"}


def test_wrong_keys_and_a_missing_bucket_are_told_apart_from_a_server_that_is_down(tmp_path: Path, minio: object) -> None:
    wrong = {**s3_doors.keys(), "secret_key": "wrong"}
    with pytest.raises(UnavailableError, match="DY4302"):
        load("runs", "s3")(s3_doors.bucket_url(), **wrong).commit("0001", FILES, b"{}")
    with pytest.raises(UnavailableError, match="DY4302"):
        load("runs", "s3")("s3://no-such-bucket-here", **s3_doors.keys()).commit("0001", FILES, b"{}")
    with pytest.raises(UnavailableError, match="DY4301"):
        load("runs", "s3")("s3://x?endpoint=http://127.0.0.1:1", **s3_doors.keys(), retries=0).commit("0001", FILES, b"{}")

"""The OPA server that `serve` keeps."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.opa_server import OpaServer
from dyocense_cli.adapters.policy.pack import Pack, load_pack
from dyocense_cli.errors import UnavailableError
from tests.contract.policy.conftest import await_true, running_opa
from tests.opa import plain_question

DENIES = {"deny": [{"supplier": "V1", "reason": "recall"}]}


class Held:
    """A pack that a test can change."""

    def __init__(self) -> None:
        self.pack = load_pack()

    def __call__(self) -> Pack:
        return self.pack

    def deny(self) -> None:
        """Put a supplier on the deny list."""
        self.pack = dataclasses.replace(self.pack, org={**self.pack.org, "vendors": {**self.pack.org["vendors"], **DENIES}})


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def managed(held: Held, opa_binary: str, tmp_path: Path) -> Iterator[OpaManaged]:
    engine = OpaManaged(opa_binary, held, cache=str(tmp_path / "cache"))
    yield engine
    engine.close()


def test_the_socket_is_for_this_user_only(managed: OpaManaged) -> None:
    managed.decide(plain_question())
    assert managed._now is not None
    folder = managed._now.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/v1/policies", 401),
        ("GET", "/v1/data", 401),
        ("GET", "/v1/data/org", 401),
        ("PUT", "/v1/policies/x", 401),
        ("POST", "/v1/query", 401),
        ("POST", "/v1/data/dyocense/main", 401),
        ("POST", "/", 401),
    ],
)
def test_the_server_answers_decisions_and_health_only(managed: OpaManaged, method: str, path: str, status: int) -> None:
    managed.decide(plain_question())
    assert managed._now is not None
    assert managed._now.wire.send(method, path)[0] == status


def test_a_changed_policy_is_swapped_in_and_the_old_server_ends(managed: OpaManaged, held: Held) -> None:
    assert managed.decide(plain_question())["allow"] is True
    before, old = managed.snapshot(), managed._now
    assert managed.refresh() is False
    held.deny()
    assert managed.snapshot() == before
    assert managed.refresh() is True
    assert managed.decide(plain_question())["allow"] is False
    assert managed.snapshot() != before
    assert old is not None
    assert old.process.poll() is not None
    assert not old.folder.exists()


def test_a_policy_that_cannot_be_served_leaves_the_old_one_deciding(managed: OpaManaged, held: Held) -> None:
    managed.decide(plain_question())
    good = held.pack
    held.pack = dataclasses.replace(good, own={"x.rego": "package dyocense.rules.x\n\ndeny contains 1 if nothing_of_this_name\n"})
    with pytest.raises(UnavailableError, match="OPA refuses the policies"):
        managed.refresh()
    held.pack = good
    assert managed.decide(plain_question())["allow"] is True


def test_a_server_that_died_is_started_again(managed: OpaManaged) -> None:
    managed.decide(plain_question())
    assert managed._now is not None
    os.killpg(managed._now.process.pid, signal.SIGKILL)
    managed._now.process.wait()
    assert managed.decide(plain_question())["allow"] is True


def test_questions_under_way_are_answered_when_policies_change(managed: OpaManaged, held: Held) -> None:
    managed.decide(plain_question())
    answers: list[bool] = []
    failures: list[BaseException] = []
    asking = threading.Event()

    def ask() -> None:
        for i in range(40):
            try:
                answers.append(managed.decide(plain_question())["allow"])
            except UnavailableError as error:
                failures.append(error)
            if i == 3:
                asking.set()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    asking.wait(timeout=60)
    held.deny()
    managed.refresh()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert len(answers) == 120
    assert managed.decide(plain_question())["allow"] is False


def test_close_ends_the_server(held: Held, opa_binary: str, tmp_path: Path) -> None:
    engine = OpaManaged(opa_binary, held, cache=str(tmp_path / "cache"))
    engine.decide(plain_question())
    server: Any = engine._now
    engine.close()
    assert server.process.poll() is not None
    assert not server.folder.exists()


def test_a_program_that_is_no_server_gives_no_verdict(held: Held, fake_opa: Any, tmp_path: Path) -> None:
    engine = OpaManaged(fake_opa("sys.exit(0 if sys.argv[1] == 'check' else 3)"), held, cache=str(tmp_path / "cache"))
    with pytest.raises(UnavailableError, match="the OPA server ended with exit code 3"):
        engine.decide(plain_question())


def test_a_server_that_runs_already_decides_with_its_own_policies(opa_binary: str) -> None:
    with tempfile.TemporaryDirectory(prefix="opa") as short, running_opa(opa_binary, load_pack(), Path(short)) as url:
        engine = OpaServer(url)
        assert engine.decide(plain_question())["allow"] is True
        assert engine.snapshot().startswith("sha256:")
        assert engine.version().startswith("opa_server ")
        assert engine.dated()


def test_another_process_asks_by_address_what_holds_the_same_policies(managed: OpaManaged, held: Held, tmp_path: Path) -> None:
    from dyocense_cli.adapters.policy.choose import choose

    engine = choose(url=managed.address(), cache=str(tmp_path))
    assert (engine.name, engine.snapshot(), engine.version()) == ("opa_managed", managed.snapshot(), managed.version())
    assert engine.decide(plain_question())["allow"] is True
    held.deny()
    changed = choose(url=managed.address(), cache=str(tmp_path))
    with pytest.raises(UnavailableError, match="it holds other policies"):
        changed.decide(plain_question())


def test_the_server_ends_when_its_keeper_is_killed(opa_binary: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "from dyocense_cli.adapters.policy.opa_managed import OpaManaged\n"
        "from dyocense_cli.adapters.policy.pack import load_pack\n"
        f"engine = OpaManaged({opa_binary!r}, load_pack, cache={str(tmp_path / 'cache')!r})\n"
        "print(engine.address(), flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    keeper = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert keeper.stdout is not None
    address = keeper.stdout.readline().strip()
    socket = Path(address.removeprefix("kept://").partition("#")[0])
    assert socket.is_socket()
    keeper.kill()
    keeper.wait()
    keeper.stdout.close()
    await_true(lambda: not _answers(socket))
    shutil.rmtree(socket.parent)


def _answers(path: Path) -> bool:
    from dyocense_cli.adapters.policy.wire import Wire

    try:
        return Wire(f"unix://{path}").send("GET", "/health", timeout_s=2.0)[0] == 200
    except UnavailableError:
        return False

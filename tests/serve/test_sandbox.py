"""A job that eats memory, forks, spins, opens sockets or writes outside its folder ends with a named reason; the caller lives on."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from dyocense_cli.adapters.sandbox import cgroups
from dyocense_cli.adapters.sandbox.bubblewrap import BubblewrapSandbox, bubblewrap_works
from dyocense_cli.adapters.sandbox.rlimits import RlimitsSandbox
from dyocense_cli.ports import Sandbox, SandboxLimits, SandboxResult

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
MB = 1 << 20


@pytest.fixture(params=["bubblewrap", "bubblewrap without cgroup", "rlimits"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    if request.param == "rlimits":
        return RlimitsSandbox(env=ENV)
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: apt install bubblewrap")
    if request.param.endswith("cgroup"):
        monkeypatch.setattr(cgroups, "available", lambda: False)
    elif not cgroups.available():
        pytest.skip("needs a writable control group")
    return BubblewrapSandbox(env=ENV)


def run(
    sandbox: Sandbox, folder: Path, code: str, *, time_s: float = 120.0, memory_mb: int = 256, stdin: bytes = b"", **more: object
) -> SandboxResult:
    limits = SandboxLimits(time_s, memory_mb * MB, files_bytes=8 * MB, processes=24)
    return sandbox.run([sys.executable, "-I", "-S", "-c", code], cwd=str(folder), stdin=stdin, limits=limits, **more)  # type: ignore[arg-type]


def test_a_good_job_is_done(sandbox: Sandbox, tmp_path: Path) -> None:
    seen: list[bytes] = []
    code = "import sys; open('out','w').write(sys.stdin.read()); print('a'); print('b')"
    result = run(sandbox, tmp_path, code, stdin=b"hello", line=seen.append)
    assert (result.exit_code, result.reason, result.stdout) == (0, "done", b"a\nb\n"), result.stderr
    assert (tmp_path / "out").read_text() == "hello"
    assert seen == [b"a\n", b"b\n"]
    assert result.protections


def test_a_listener_that_fails_does_not_break_the_job(sandbox: Sandbox, tmp_path: Path) -> None:
    def fail(_line: bytes) -> None:
        raise ValueError("no")

    result = run(sandbox, tmp_path, "print('a', flush=True); print('b')", line=fail)
    assert (result.exit_code, result.reason, result.stdout) == (0, "done", b"a\nb\n")


def test_a_job_that_fails_on_its_own_is_done_with_its_code(sandbox: Sandbox, tmp_path: Path) -> None:
    result = run(sandbox, tmp_path, "raise SystemExit(5)")
    assert (result.exit_code, result.reason) == (5, "done")


def test_a_memory_eater_ends_with_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    result = run(sandbox, tmp_path, "x = []\nwhile True: x.append(bytearray(16 << 20))")
    assert result.reason == "memory"


def test_a_spinner_ends_with_time(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run(sandbox, tmp_path, "while True: pass", time_s=0.6).reason == "time"


def test_a_fork_bomb_ends_and_leaves_no_process(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import os, time\nfor _ in range(400):\n  if os.fork() == 0:\n    os.setsid(); time.sleep(60); os._exit(0)\ntime.sleep(60)"
    result = run(sandbox, tmp_path, code)
    assert result.reason == "processes"
    marked = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _environ(p).find(str(tmp_path).encode()) >= 0]
    assert [p for p in marked if p.name != str(os.getpid())] == []


def _environ(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes() if process.name != str(os.getpid()) else b""
    except OSError:
        return b""


def test_a_flood_of_output_is_cut(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * (1 << 20))"
    assert run(sandbox, tmp_path, code).reason == "output"


def test_a_huge_file_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))"
    result = run(sandbox, tmp_path, code)
    assert result.reason in ("denied", "killed")
    assert (tmp_path / "big").stat().st_size <= 8 * MB


def test_sockets_and_writes_outside_are_denied_where_declared(sandbox: Sandbox, tmp_path: Path) -> None:
    if not {"network", "files"} <= sandbox.features:
        assert sandbox.features == {"time", "memory", "processes"}
        return
    net = run(sandbox, tmp_path, "import socket; socket.create_connection(('192.0.2.1', 80), 2)")
    assert (net.reason, net.exit_code) == ("denied", 1)
    loop = run(sandbox, tmp_path, "import socket; s = socket.create_connection(('127.0.0.1', 22), 2)")
    assert loop.exit_code != 0
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    write = run(sandbox, tmp_path, f"open('{Path.home()}/dyocense-outside', 'w')")
    assert write.reason == "denied"
    run(sandbox, tmp_path, f"open('{outside}/x', 'w')")
    assert list(outside.iterdir()) == []


def test_hidden_folders_are_empty_inside(tmp_path: Path) -> None:
    if not bubblewrap_works():
        pytest.skip("needs bubblewrap: apt install bubblewrap")
    state, own = tmp_path / "state", tmp_path / "state" / "own"
    own.mkdir(parents=True)
    (state / "secret").write_text("s")
    sandbox = BubblewrapSandbox(env=ENV, hidden=(str(state),), readable=(str(tmp_path),))
    result = run(sandbox, own, f"import os; print(sorted(os.listdir('{state}')))")
    assert result.stdout == b"['own', 'secret']\n" or result.exit_code == 0
    strict = BubblewrapSandbox(env=ENV, hidden=(str(state),))
    result = run(strict, own, f"import os; print(sorted(os.listdir('{state}')))")
    assert result.stdout == b"['own']\n", result.stderr


def test_a_stop_is_asked_for_first_and_then_made(sandbox: Sandbox, tmp_path: Path) -> None:
    flag = threading.Event()
    code = "import os, time\nprint('up', flush=True)\nwhile not os.path.exists('stop'): time.sleep(0.02)\nprint('kept')"
    result = run(sandbox, tmp_path, code, stop=flag.is_set, line=lambda _line: flag.set())
    assert (result.reason, result.exit_code) == ("stopped", 0)
    assert result.stdout == b"up\nkept\n"


def test_no_control_group_is_left(tmp_path: Path) -> None:
    if not (bubblewrap_works() and cgroups.available()):
        pytest.skip("needs bubblewrap and a writable control group")
    run(BubblewrapSandbox(env=ENV), tmp_path, "pass")
    own = cgroups._own("memory") or cgroups._own("")
    assert own is not None
    probe = cgroups.create("dyocense-test-left", memory_bytes=64 * MB, processes=8, cpus=1)
    assert probe is not None
    assert all(f.is_dir() for f in probe.folders)
    probe.remove()
    assert not any(f.exists() for f in probe.folders)

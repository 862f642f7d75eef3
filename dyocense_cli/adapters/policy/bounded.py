"""Run a program that is not trusted to end: empty environment, own process group, limits on time, memory and output."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from dyocense_cli.errors import UnavailableError

__all__ = ["Ended", "run_bounded"]

MEMORY_BYTES: Final = 4 << 30  # address space; a Go program reserves far more than it uses
OUTPUT_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: exit code (negative = signal) and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


def run_bounded(argv: Sequence[str], *, stdin: bytes, cwd: str, timeout_s: float) -> Ended:
    """Run `argv` to its end or to a limit; its whole process group is gone afterwards.

    Raises
    ------
    UnavailableError
        DY4201 if it cannot be started, DY4202 if it is over time, DY4205 if it writes too much.
    """
    name = argv[0]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={},
            start_new_session=True,
            close_fds=True,
        )
    except (OSError, ValueError) as error:
        raise UnavailableError(
            "DY4201",
            f"`{name}` cannot be run",
            why=str(error),
            hints="give a working OPA with `--opa PATH` or DYOCENSE_OPA; `dyocense doctor` tells which is used",
        ) from error
    try:
        _limit(process.pid, timeout_s)
        out, err = _converse(process, stdin, time.monotonic() + timeout_s, name)
        return Ended(process.wait(timeout=max(timeout_s, 1.0)), out, err)
    except subprocess.TimeoutExpired as error:
        raise _late(name, timeout_s) from error
    finally:
        _end(process)


def _limit(pid: int, timeout_s: float) -> None:
    if not hasattr(resource, "prlimit"):  # Linux only; elsewhere time and output are bounded, memory is not
        return
    limits = ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, int(timeout_s) * 4 + 1), (resource.RLIMIT_CORE, 0))
    with contextlib.suppress(OSError):  # it may have ended already
        for what, most in limits:
            resource.prlimit(pid, what, (most, most))


def _converse(process: subprocess.Popen[bytes], stdin: bytes, deadline: float, name: str) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    read: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    rest = memoryview(stdin)
    with selectors.DefaultSelector() as waiting:
        os.set_blocking(process.stdin.fileno(), False)
        waiting.register(process.stdin, selectors.EVENT_WRITE)
        for stream in read:
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            left = deadline - time.monotonic()
            ready = waiting.select(left) if left > 0 else []
            if not ready:
                raise _late(name, 0)
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    rest = _write(waiting, process.stdin, rest)
                else:
                    _read(waiting, key.fileobj, read, name)  # type: ignore[arg-type]  # one of the two streams
    return bytes(read[process.stdout]), bytes(read[process.stderr])


def _write(waiting: selectors.BaseSelector, stream: IO[bytes], rest: memoryview) -> memoryview:
    try:
        rest = rest[os.write(stream.fileno(), rest[:65536]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:  # it does not read its question; its answer will tell
        rest = rest[len(rest) :]
    if not rest:
        waiting.unregister(stream)
        stream.close()
    return rest


def _read(waiting: selectors.BaseSelector, stream: IO[bytes], read: dict[IO[bytes], bytearray], name: str) -> None:
    part = os.read(stream.fileno(), 65536)
    if not part:
        waiting.unregister(stream)
        return
    read[stream] += part
    if len(read[stream]) > OUTPUT_BYTES:
        raise UnavailableError(
            "DY4205",
            f"`{name}` gave no verdict: it wrote more than {OUTPUT_BYTES >> 20} MiB",
            hints="run `dyocense doctor` to see which engine decides",
        )


def _late(name: str, timeout_s: float) -> UnavailableError:
    within = f" within {timeout_s:g} s" if timeout_s else " in time"
    return UnavailableError(
        "DY4202",
        f"`{name}` gave no verdict{within}",
        why="no verdict is not a yes",
        hints="try again, or see `dyocense doctor` for the engine that decides",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

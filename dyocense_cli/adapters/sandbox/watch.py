"""Start a job, watch it, end it by name: the part that all sandboxes share."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from dyocense_cli.adapters.sandbox.cgroups import Group
from dyocense_cli.ports import SandboxLimits, SandboxResult

__all__ = ["Job", "run_job"]

_log = logging.getLogger("dyocense.sandbox")
_LAUNCH: Final = str(Path(__file__).with_name("launch.py"))
_POLL_S: Final = 0.05
_GRACE_S: Final = 15.0
_OUTPUT_LIMIT: Final = 64 << 20
_MARK: Final = "DYOCENSE_JOB"
#: address space that an interpreter with numeric libraries maps without touching it
_ADDRESS_SPACE_SLACK: Final = 2 << 30
_DENIALS: Final = (
    (b"Read-only file system", "files"),
    (b"Network is unreachable", "network"),
    (b"Operation not permitted", "permission"),
    (b"Permission denied", "permission"),
    (b"File too large", "files"),
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job to run: its command as the kernel sees it, folder, input, limits and what protects it."""

    argv: Sequence[str]
    cwd: str
    stdin: bytes
    limits: SandboxLimits
    env: Mapping[str, str]
    group: Group | None
    protections: tuple[str, ...]
    stop: Callable[[], bool] | None = None
    line: Callable[[bytes], None] | None = None


def run_job(job: Job) -> SandboxResult:
    """Run a job to its end, whatever it does; never raises for what the job does."""
    mark = uuid.uuid4().hex
    setup = {"rlimits": _rlimits(job), "cgroups": [str(f) for f in job.group.folders] if job.group else []}
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", _LAUNCH, json.dumps(setup), *job.argv],
        cwd=job.cwd,
        env={**job.env, _MARK: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pipes = _Pipes(process, job)
    try:
        reason = _watch(process, job, mark, pipes, begin)
    finally:
        _kill(process, mark)
        pipes.join()
        (Path(job.cwd) / "stop").unlink(missing_ok=True)
    seconds = time.monotonic() - begin
    if pipes.full.is_set():
        reason = "output"
    reason = _name(reason, process.returncode, pipes.err, job)
    code = process.returncode if process.returncode is not None and process.returncode >= 0 else None
    return SandboxResult(code, reason, pipes.out, pipes.err, seconds, job.protections)


def _rlimits(job: Job) -> dict[str, int]:
    cpu = int(job.limits.time_s * (os.cpu_count() or 1)) + 2
    out = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": job.limits.files_bytes, "RLIMIT_CPU": cpu}
    if job.group is None:
        out["RLIMIT_AS"] = job.limits.memory_bytes + _ADDRESS_SPACE_SLACK
    return out


class _Pipes:
    """Feeds input and drains output in threads, so that a job that writes much never blocks and one that writes too much is seen."""

    def __init__(self, process: subprocess.Popen[bytes], job: Job) -> None:
        self.out = b""
        self.err = b""
        self.full = threading.Event()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._threads = [
            threading.Thread(target=self._feed, args=(process.stdin, job.stdin), daemon=True),
            threading.Thread(target=self._drain_out, args=(process.stdout, job.line), daemon=True),
            threading.Thread(target=self._drain_err, args=(process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _feed(pipe: IO[bytes], data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            pipe.write(data)
            pipe.close()

    def _drain_out(self, pipe: IO[bytes], line: Callable[[bytes], None] | None) -> None:
        kept: list[bytes] = []
        size = 0
        with pipe:
            while text := pipe.readline(1 << 16):
                size += len(text)
                if size > _OUTPUT_LIMIT:
                    self.full.set()
                    break
                kept.append(text)
                if line is not None:
                    try:
                        line(text)
                    except Exception:  # a pipe that nobody drains would break the job
                        _log.exception("a line of the job could not be taken up")
        self.out = b"".join(kept)

    def _drain_err(self, pipe: IO[bytes]) -> None:
        tail = b""
        with pipe:
            while block := pipe.read(1 << 12):
                tail = (tail + block)[-(1 << 16) :]
        self.err = tail

    def join(self) -> None:
        """Wait until all output is read."""
        for thread in self._threads:
            thread.join(timeout=10)


def _watch(process: subprocess.Popen[bytes], job: Job, mark: str, pipes: _Pipes, begin: float) -> str:
    """Wait for the end or for a reason to end it; returns that reason, or an empty text."""
    asked_at: float | None = None
    polls = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_POLL_S)
            return "stopped" if asked_at is not None else ""
        now = time.monotonic()
        polls += 1
        if now - begin > job.limits.time_s:
            return "time"
        if pipes.full.is_set():
            return "output"
        if job.group is None and polls % 2 == 0 and (over := _over(mark, job.limits)):
            return over
        if asked_at is None and job.stop is not None and job.stop():
            asked_at = now
            (Path(job.cwd) / "stop").write_bytes(b"")
        if asked_at is not None and now - asked_at > _GRACE_S:
            return "stopped"


def _members(mark: str) -> list[int]:
    """Return the processes of a job, by the mark in their environment, wherever they moved to."""
    needle = f"{_MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208  # called in a loop
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if needle in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
    return found


def _over(mark: str, limits: SandboxLimits) -> str:
    """Return ``memory`` or ``processes`` if the job uses more than it may, where no control group counts for us."""
    members = _members(mark)
    if len(members) > limits.processes:
        return "processes"
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in members:
        with contextlib.suppress(OSError, IndexError, ValueError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
    return "memory" if total > limits.memory_bytes else ""


def _kill(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill every process of the job, also those that left its session; again until none is left."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(100):
        members = _members(mark)
        for pid in members:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not members:
            break
        time.sleep(0.01)
    process.wait()


def _name(reason: str, code: int | None, err: bytes, job: Job) -> str:
    """Return the named reason of an end."""
    if job.group is not None and job.group.oom_kills():
        return "memory"
    if reason:
        return reason
    if code == 0:
        return "done"
    if b"MemoryError" in err or b"bad_alloc" in err:
        return "memory"
    if (job.group is not None and job.group.hit_process_limit()) or b"Resource temporarily unavailable" in err:
        return "processes"
    if code is not None and code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return "time"
    if any(text in err for text, _ in _DENIALS):
        return "denied"
    return "killed" if code is not None and (code < 0 or code > 128) else "done"

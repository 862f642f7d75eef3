"""A control group per job, where this process may make one: version 2 with delegated controllers, or version 1."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["Group", "available", "create", "job_name", "room", "sweep"]

_ROOT: Final = Path("/sys/fs/cgroup")
_PERIOD_US: Final = 100_000
#: Controllers of version 2 that a job's group needs, and the group that processes of the service move to.
_WANTED: Final = ("cpu", "memory", "pids")
_HOME: Final = "dyocense-home"
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Folders of one job's groups; `version` 1 or 2."""

    folders: tuple[Path, ...]
    version: int

    def oom_kills(self) -> int:
        """Return how many processes of the job were killed for memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    for line in (folder / name).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def hit_process_limit(self) -> bool:
        """Say whether a fork was refused."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                if any(
                    line.split()[:1] == ["max"] and int(line.split()[1]) > 0 for line in (folder / "pids.events").read_text().splitlines()
                ):
                    return True
        return False

    def remove(self) -> None:
        """Remove the folders once their processes are gone; waits up to a second for the kernel."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)
                else:
                    break


def _own(controller: str) -> Path | None:
    """Return this process's group of a controller: ``""`` for version 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == controller or (controller and controller in names.split(",")):
            return _ROOT / names / path.strip("/") if controller else _ROOT / path.strip("/")
    return None


def _unified() -> Path | None:
    """Return the version 2 group that was given to this process, where the service moved within it or not."""
    own = _own("")
    return own.parent if own is not None and own.name == _HOME else own


def room(own: Path, wanted: Sequence[str] = _WANTED) -> bool:
    """Let groups below a version 2 group have limits, and say whether they may; `own` was delegated to this process.

    A group with limits below it may hold no process itself, so that those of the service move to a group of their own first. Where
    others live there too nothing is moved.
    """
    with contextlib.suppress(OSError):
        if not set(wanted) <= set((own / "cgroup.controllers").read_text().split()):
            return False
        for _ in range(_TRIES):
            if set(wanted) <= set((own / "cgroup.subtree_control").read_text().split()):
                return True
            with contextlib.suppress(OSError):
                (own / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
                continue
            living = [int(pid) for pid in (own / "cgroup.procs").read_text().split()]
            if not all(_is_kin(pid) for pid in living):
                return False
            (own / _HOME).mkdir(exist_ok=True)
            for pid in living:
                (own / _HOME / "cgroup.procs").write_text(str(pid))
    return False


def _is_kin(pid: int) -> bool:
    """Say whether a process is this one, came from it, or led to it; one that is gone counts."""
    return os.getpid() in _line(pid) or pid in _line(os.getpid())


def _line(pid: int) -> list[int]:
    """Return a process and those it came from."""
    line = []
    while pid > 0:
        line.append(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return [*line, os.getpid()] if len(line) == 1 else line
    return line


def _make(name: str, settings: Mapping[Path, Mapping[str, str]], version: int) -> Group | None:
    made: list[Path] = []
    try:
        for parent, files in settings.items():
            folder = parent / name
            folder.mkdir()
            made.append(folder)
            for file, value in files.items():
                (folder / file).write_text(value)
    except OSError:
        Group(tuple(made), version).remove()
        return None
    return Group(tuple(made), version)


def create(name: str, *, memory_bytes: int, processes: int, cpus: float) -> Group | None:
    """Make the groups of a job, or return None where that is not allowed."""
    quota = str(int(cpus * _PERIOD_US))
    unified = _unified()
    if unified is not None and room(unified):
        files = {"memory.max": str(memory_bytes), "memory.swap.max": "0", "pids.max": str(processes), "cpu.max": f"{quota} {_PERIOD_US}"}
        return _make(name, {unified: files}, 2)
    by_controller = {
        "memory": {"memory.limit_in_bytes": str(memory_bytes)},
        "pids": {"pids.max": str(processes)},
        "cpu": {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": quota},
    }
    settings = {own: files for controller, files in by_controller.items() if (own := _own(controller)) is not None}
    return _make(name, settings, 1) if settings else None


def job_name() -> str:
    """Return a new group name that tells which process made it."""
    return f"dyocense-{os.getpid()}-{uuid.uuid4().hex}"


def sweep() -> int:
    """Remove groups whose maker is dead, as a killed worker leaves them, with what still lives in them; returns how many."""
    removed = 0
    for parent in {own for own in (_unified(), *map(_own, ("memory", "pids", "cpu"))) if own is not None}:
        for folder in parent.glob("dyocense-*-*"):
            maker = folder.name.split("-")[1]
            if maker.isdigit() and not Path(f"/proc/{maker}").exists():
                with contextlib.suppress(OSError):
                    # bwrap killed between its clone and its child's wish to die with it leaves a child that waits for ever
                    for pid in (folder / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                Group((folder,), 1).remove()
                removed += not folder.exists()
    return removed


@cache
def available() -> bool:
    """Say whether a group can be made here; tried once per process, which also sweeps."""
    try:
        sweep()
        group = create(job_name(), memory_bytes=64 << 20, processes=16, cpus=1)
    except OSError:
        return False
    if group is None:
        return False
    group.remove()
    return True

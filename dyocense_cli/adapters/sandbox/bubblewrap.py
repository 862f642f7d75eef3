"""Sandbox of namespaces by bubblewrap: no network, a read-only file system, own processes; memory by control group where possible."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from dyocense_cli.adapters.sandbox import cgroups
from dyocense_cli.adapters.sandbox.watch import Job, run_job
from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports import SandboxLimits, SandboxResult

__all__ = ["BubblewrapSandbox", "bubblewrap_works"]


@cache
def bubblewrap_works() -> bool:
    """Say whether bubblewrap is installed and may make namespaces here; tried once per process."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    tried = subprocess.run([program, "--ro-bind", "/", "/", "--unshare-net", "--unshare-pid", "true"], capture_output=True, check=False)
    return tried.returncode == 0


class BubblewrapSandbox:
    """Namespaces, and a control group where one can be made, else resource limits.

    Parameters
    ----------
    env : mapping
        The whole environment of the job.
    readable, hidden : sequence of str
        Folders that stay readable although they lie below a hidden one or the temporary folder; folders that the job must not see.
    """

    features: ClassVar[frozenset[str]] = frozenset({"time", "memory", "processes", "files", "network"})

    def __init__(self, *, env: Mapping[str, str] | None = None, readable: Sequence[str] = (), hidden: Sequence[str] = ()) -> None:
        if not bubblewrap_works():
            raise UnavailableError(
                "DY4701",
                "bubblewrap is not installed or may not make namespaces here",
                hints=("apt install bubblewrap", "--sandbox rlimits"),
            )
        self._env = dict(env or {})
        self._readable = tuple(readable)
        self._hidden = tuple(hidden)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        stdin: bytes,
        limits: SandboxLimits,
        stop: Callable[[], bool] | None = None,
        line: Callable[[bytes], None] | None = None,
    ) -> SandboxResult:
        """Run a command in namespaces of its own."""
        group = None
        if cgroups.available():
            group = cgroups.create(cgroups.job_name(), memory_bytes=limits.memory_bytes, processes=limits.processes, cpus=_cpus())
        held = ("bubblewrap", f"cgroup v{group.version}") if group else ("bubblewrap", "rlimits")
        try:
            return run_job(Job(self._wrap(argv, cwd, limits), cwd, stdin, limits, self._env, group, held, stop, line))
        finally:
            if group is not None:
                group.remove()

    def _wrap(self, argv: Sequence[str], cwd: str, limits: SandboxLimits) -> list[str]:
        out = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108  # a private one
        for folder in _program_below("/tmp", "/run"):  # noqa: S108  # where the program itself lies below what is hidden
            out += ["--ro-bind", folder, folder]
        for folder in self._hidden:
            if Path(folder).is_dir():
                out += ["--tmpfs", folder]
        for folder in self._readable:
            out += ["--ro-bind-try", folder, folder]
        out += ["--bind", cwd, cwd, "--chdir", cwd]
        if not limits.network:
            out.append("--unshare-net")
        out += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL", "--"]
        return [*out, *argv]


def _cpus() -> float:
    import os

    return float(os.cpu_count() or 1)


def _program_below(*hidden: str) -> list[str]:
    """Return the folders of the interpreter and of this package that lie below folders that are hidden."""
    import sys

    places = {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[3]}
    return sorted(str(p) for p in places if any(p.is_relative_to(h) for h in hidden))

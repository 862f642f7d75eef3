"""Sandbox of resource limits alone: time, memory and processes are held; network and, for root, files stay open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from dyocense_cli.adapters.sandbox.watch import Job, run_job
from dyocense_cli.ports import SandboxLimits, SandboxResult

__all__ = ["RlimitsSandbox"]


class RlimitsSandbox:
    """The weakest sandbox, for places where nothing better is; the service takes it only when told to."""

    features: ClassVar[frozenset[str]] = frozenset({"time", "memory", "processes"})

    def __init__(self, *, env: Mapping[str, str] | None = None, readable: Sequence[str] = (), hidden: Sequence[str] = ()) -> None:
        del readable, hidden  # nothing is hidden here
        self._env = dict(env or {})

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
        """Run a command under resource limits."""
        return run_job(Job(argv, cwd, stdin, limits, self._env, None, ("rlimits",), stop, line))

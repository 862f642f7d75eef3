"""Solve in a process of its own: for libraries that cannot share ours, and that we may have to end at any time.

The child sends every better plan as it finds it, so that ending it, by an interrupt, a deadline or the system, loses nothing. It stays
for the next question, as its imports take longer than most answers, and ends with us: the end of its input is the end of it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import queue
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any, ClassVar, Final

import numpy as np

from dyocense_cli.adapters.solver import frames
from dyocense_cli.adapters.solver.outcome import contradiction, finite_or_none, held, nothing, refuse_not_finite
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.errors import AdapterError, UnsupportedError
from dyocense_cli.ports import Progress, SolveEvent, SolveLimits

__all__ = ["ProcessSolver", "require"]

_POLL_S: Final = 0.1
_GRACE_S: Final = 1.5
_LATE_S: Final = 15.0
_ENDING_S: Final = 10.0
_UNTIMED: Final = frozenset({Termination.TIME_LIMIT, Termination.INTERRUPTED, Termination.MEMORY_LIMIT})
_ARRAYS: Final = ("cost", "lower", "upper", "integrality", "row_lower", "row_upper", "start", "index", "value")


def require(library: str) -> None:
    """Raise ModuleNotFoundError if a library is missing, without importing it into this process."""
    if importlib.util.find_spec(library) is None:
        raise ModuleNotFoundError(f"No module named '{library}'", name=library)


class _Child:
    """A running child and what it says."""

    def __init__(self, module: str) -> None:
        # what it writes to standard error is of no use to a planner: its errors come back as frames
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.said: queue.Queue[tuple[bytes, dict[str, Any], dict[str, np.ndarray]] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while (frame := frames.read_frame(self.process.stdout)) is not None:
            self.said.put(frame)
        self.said.put(None)

    def tell(self, kind: bytes, head: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Send a frame; a child that has ended is found out when it is waited for."""
        assert self.process.stdin is not None
        try:
            frames.write_frame(self.process.stdin, kind, head, arrays)
        except BrokenPipeError:
            return

    def end(self, *, grace_s: float = 0.0) -> int | None:
        """End the child, whatever it does; return how it ended by itself within some seconds, None if we ended it."""
        code: int | None = None
        try:
            code = self.process.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._listener.join(timeout=_ENDING_S)  # it reads to the end, then nobody uses the pipes
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except BrokenPipeError:
                continue
        return code


class ProcessSolver:
    """Base of backends that run `child` (a module) in a process; `engine` chooses a solver within the library."""

    name: ClassVar[str] = ""
    library: ClassVar[str] = ""
    child: ClassVar[str] = ""
    features: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, engine: str = "auto") -> None:
        self.engine = engine
        self._child: _Child | None = None
        self._lock = threading.Lock()

    def version(self) -> str:
        """Return name and version of the library."""
        return f"{self.library} {importlib.metadata.version(self.library)}"

    def close(self) -> None:
        """End the child; another solve starts a new one."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def solve(self, model: GroundModel, limits: SolveLimits, *, start: Any = None, progress: Progress | None = None) -> Solution:
        """Solve; see the port.

        Raises
        ------
        UnsupportedError
            DY4101 for a kind of model or limit that the backend does not declare.
        AdapterError
            DY4103 when the process fails for another reason than its limits.
        """
        refuse_not_finite(model)
        self._refuse(model, limits)
        said = contradiction(model)
        if said is not None:
            return self._nothing(Status.INFEASIBLE, Termination.PROVED, said, limits)
        with self._lock:
            if self._child is None or self._child.process.poll() is not None:
                self._child = _Child(self.child)
            talk = _Talk(self._child, limits, progress)
            self._child.tell(frames.MODEL, self._head(model, limits), _arrays(model, start))
            head, arrays, over = talk.answer()
            if over:
                self.close()
        return self._answer(head, arrays, limits)

    def _refuse(self, model: GroundModel, limits: SolveLimits) -> None:
        for feature, asked in (("nodes", limits.nodes), ("work", limits.work)):
            if asked is not None and feature not in self.features:
                raise UnsupportedError("DY4101", f"backend `{self.name}` has no `{feature}` limit", hints="use `--backend highs`")
        if "mip" not in self.features and model.integrality.any():
            raise UnsupportedError("DY4101", f"backend `{self.name}` takes continuous variables only", hints="use `--backend highs`")

    def _head(self, model: GroundModel, limits: SolveLimits) -> dict[str, Any]:
        return {
            "sense": model.sense,
            "offset": model.offset,
            "engine": self.engine,
            "time_s": limits.time_s,
            "gap": limits.gap,
            "seed": limits.seed,
            "threads": max(1, limits.threads),
            "nodes": limits.nodes,
            "work": limits.work,
            "duals": limits.duals,
        }

    def _nothing(self, status: Status, termination: Termination, raw: str, limits: SolveLimits, bound: float | None = None) -> Solution:
        sure = termination not in _UNTIMED
        return nothing(
            status, termination, raw, backend=self.name, version=self.version(), bound=bound, seed=limits.seed, reproducible=sure
        )

    def _answer(self, head: dict[str, Any], arrays: dict[str, np.ndarray], limits: SolveLimits) -> Solution:
        if head.get("unsupported"):
            raise UnsupportedError("DY4101", f"backend `{self.name}` {head['unsupported']}", hints="use `--backend highs`")
        if head.get("failed"):
            raise AdapterError("DY4103", f"backend `{self.name}` failed: {head['failed']}", hints="use `--backend highs`")
        termination = Termination(head["termination"])
        bound = finite_or_none(head["bound"]) if head.get("bound") is not None else None
        if "x" not in arrays:
            return self._nothing(Status(head["status"]), termination, head["raw"], limits, bound)
        status, termination, gap = held(head["objective"], bound, termination)
        return Solution(
            status,
            termination,
            head["objective"],
            bound,
            gap,
            arrays["x"],
            row_dual=arrays.get("row_dual"),
            col_dual=arrays.get("col_dual"),
            backend=self.name,
            backend_version=self.version(),
            seed=limits.seed,
            threads=int(head.get("threads", 1)),
            reproducible=termination not in _UNTIMED,
            raw_status=head["raw"],
        )


def _arrays(model: GroundModel, start: Any) -> dict[str, np.ndarray]:
    arrays = {name: getattr(model, name) for name in _ARRAYS}
    if start is not None:
        arrays["hint"] = np.asarray(start, dtype=np.float64)
    return arrays


class _Talk:
    """One question's conversation."""

    def __init__(self, child: _Child, limits: SolveLimits, progress: Progress | None) -> None:
        self.child, self.limits, self.progress = child, limits, progress
        self.started = time.monotonic()
        self.best: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None
        self.event = SolveEvent(0.0)
        self.why: Termination | None = None
        self.asked_at: float | None = None

    def answer(self) -> tuple[dict[str, Any], dict[str, np.ndarray], bool]:
        """Return head and arrays of the result, and whether the child is of no more use."""
        while True:
            try:
                frame = self.child.said.get(timeout=_POLL_S)
            except queue.Empty:
                if self._over():
                    break
                continue
            if frame is None:
                break
            kind, head, arrays = frame
            if kind == frames.RESULT:
                return self._ended(head), arrays, False
            self.best = (head, arrays)
            objective, bound = head.get("objective"), head.get("bound")
            gap = relative_gap(objective, bound)
            self.event = SolveEvent(time.monotonic() - self.started, objective, bound, gap, x=arrays.get("x"))
            self._show(self.event)
        return *self._broken_off(), True

    def _ended(self, head: dict[str, Any]) -> dict[str, Any]:
        """Say why it really stopped: a child that was asked to stop ends as if its search were over."""
        if self.why is not None and head.get("termination") not in (None, "proved"):
            return {**head, "termination": str(self.why)}
        return head

    def _over(self) -> bool:
        """Show a sign of life; say whether to wait no longer."""
        now = time.monotonic()
        self._show(replace(self.event, seconds=now - self.started, note="working", x=None))
        if self.limits.time_s is not None and now - self.started > 1.25 * self.limits.time_s + _LATE_S and self.why is None:
            self.why = Termination.TIME_LIMIT
            return True
        return self.asked_at is not None and now - self.asked_at > _GRACE_S

    def _show(self, event: SolveEvent) -> None:
        if self.progress is not None and self.progress(event) and self.why is None:
            self.why, self.asked_at = Termination.INTERRUPTED, time.monotonic()
            self.child.tell(frames.STOP, {}, {})

    def _broken_off(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the best plan so far of a child that did not finish."""
        # a child whose output ended is about to end itself, and its exit says why
        code = self.child.end(grace_s=_ENDING_S if self.why is None else 0.0)
        # the system ends a process with SIGKILL when memory runs out; we had not ended this one
        why = self.why or (Termination.MEMORY_LIMIT if code == -9 else Termination.NUMERICAL)
        raw = "stopped" if code is None else f"the solver's process ended with {code}"
        if self.best is not None:
            return {**self.best[0], "termination": str(why), "raw": raw}, self.best[1]
        return {"status": str(Status.ERROR), "termination": str(why), "raw": raw}, {}

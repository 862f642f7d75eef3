"""A solve's independent programs, solved by other slots: the child that meets many of them asks for parts in place of a result.

What a program's answer is depends on the program and its counted limits, not on who solves it. Answers are kept by their content in
the tenant's stage cache, so that the run, asked again, goes the same way and finds each of them; what a part could not do, the run does.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dyocense_cli.runner.patience import Elsewhere

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.artifacts.ground import GroundModel
    from dyocense_cli.artifacts.solution import Solution
    from dyocense_cli.ports import Lent, Solve, SolveLimits
    from dyocense_cli.runner.execute import Ports
    from dyocense_cli.runner.run import Kernel
    from dyocense_cli.serve.childwork import Watcher

__all__ = ["Lender", "pieces", "programs"]

#: Programs that are solved here first, to learn what one costs.
_SAMPLE: Final = 3
#: Solves before the programs whose answers are kept too when they go elsewhere: more than a search makes before its blocks.
_BEFORE: Final = 16


def pieces(count: int, work_s: float, again_s: float, *, most: int, saves: float) -> int:
    """Return into how many parts `count` things of `work_s` seconds together are taken, 1 where that does not save its share.

    Each part costs `again_s` besides, and so does the run that goes on after them.
    """
    k = min(count, most)
    return k if k > 1 and work_s * (1 - 1 / k) - 2 * again_s >= saves * work_s else 1


class Lender:
    """What a job's solves are lent: before the kernel's own solver the answers that are kept, beside it other slots."""

    def __init__(self, job: Mapping[str, Any], kernel: Kernel) -> None:
        self._job, self._memo, self._version = job, kernel.memo, kernel.house.version
        self._looks = "programs" in job.get("apart", ())
        self._offers = not self._looks and int(job.get("most_parts") or 0) > 1
        #: what was asked, answered, and its CPU seconds: solves before the programs, then the sample of them
        self._answered: deque[tuple[_Asked, Solution, float]] = deque(maxlen=_BEFORE)
        self._left = 0
        self._known_s = 0.0  # what answers took before the run was taken apart: its limit is one for all of it
        self._start_s = time.process_time()  # what another process needs to come this far
        self._began_s = 0.0
        inner = kernel.ports
        if self._looks or self._offers:
            kernel.ports = lambda *order: self._lending(inner(*order))

    def _lending(self, ports: Ports) -> Ports:
        def lent() -> Lent:
            self._began_s = self._began_s or time.process_time()
            made, solver = ports.lent(), json.dumps(dict(ports.tags("solve")), sort_keys=True)
            clock = made.seconds
            return replace(
                made,
                solve=partial(self._solve, made.solve, solver),
                ahead=partial(self._ahead, made.solve, solver),
                seconds=None if clock is None else lambda: clock() + self._known_s,
            )

        return replace(ports, lent=lent)

    def _solve(
        self,
        inner: Solve,
        solver: str,
        model: GroundModel,
        limits: SolveLimits,
        *,
        start: Any = None,
        progress: Any = None,
        backend: str = "auto",
    ) -> Solution:
        asked = _Asked(model, limits, start, backend, solver)
        if self._looks:
            known = self._memo.find("solution", asked.key(self._version))
            self._left -= 1
            self._looks = self._left != 0
            if known is not None:
                found: Solution = known.value
                self._known_s += float(found.diagnostics.get("seconds", 0.0) or 0.0)
                return found
        sampled = next((answer for one, answer, _ in self._answered if one.model is model), None) if self._left else None
        if sampled is not None:
            return sampled
        before = time.process_time()
        answer = inner(model, limits, start=start, progress=progress, backend=backend)
        if self._offers:
            self._answered.append((asked, answer, time.process_time() - before))
        return answer

    def _ahead(self, inner: Solve, solver: str, programs: Sequence[GroundModel], limits: SolveLimits, backend: str) -> None:
        """Solve a few programs; where the rest is worth it, keep what is known and break off with the rest in parts."""
        self._left = len(programs)
        if not self._offers or len(programs) <= 2 * _SAMPLE:
            return
        self._offers = False
        asked = [_Asked(program, limits, None, backend, solver) for program in programs]
        sample, known = asked[:: len(asked) // _SAMPLE][:_SAMPLE], list(self._answered)
        again = self._start_s + time.process_time() - self._began_s - sum(seconds for *_, seconds in known)
        for one in sample:
            before = time.process_time()
            known.append((one, inner(one.model, limits, backend=backend), time.process_time() - before))
        self._answered = deque(known)
        each, rest = (
            sum(seconds for *_, seconds in known[-_SAMPLE:]) / _SAMPLE,
            [one for one in asked if all(one is not other for other in sample)],
        )
        most, saves = int(self._job["most_parts"]), float(self._job["part_saves"])
        count = pieces(len(rest), each * len(rest), again, most=most, saves=saves)
        if count < 2 or not all(_is_kept(answer) for _, answer, _ in known):
            return
        for one, answer, _ in known:
            self._memo.remember("solution", one.key(self._version), answer)
        spent = sum(float(answer.diagnostics.get("seconds", 0.0) or 0.0) for _, answer, _ in known)
        raise Elsewhere([self._part(rest[i::count], each) for i in range(count)], spent)

    def _part(self, asked: Sequence[_Asked], each: float) -> dict[str, Any]:
        """Store programs for whoever takes the part, and return what it is told."""
        stored = [{"program": self._memo.save(one.model)[1], "key": one.key(self._version)} for one in asked]
        limits = asdict(asked[0].limits)
        told = {"programs": stored, "limits": limits, "backend": asked[0].backend}
        place = self._memo.blobs.put(json.dumps(told, sort_keys=True).encode())
        return {"kind": "programs", "place": place, "count": len(stored), "seconds": round(each * len(stored), 3)}


class _Asked(NamedTuple):
    """A program as a solver is asked for it; `solver` names its version."""

    model: GroundModel
    limits: SolveLimits
    start: np.ndarray | None
    backend: str
    solver: str

    def key(self, version: str) -> str:
        """Return what its answer is kept under: all that it depends on, which no clock is part of."""
        from dyocense_cli.artifacts.codec import fingerprint
        from dyocense_cli.artifacts.fingerprint import array_sha, json_sha

        counted = {**asdict(self.limits), "time_s": None}
        start = "" if self.start is None else array_sha(self.start)
        own = (self.backend, self.solver, version)
        return f"solved {json_sha([fingerprint(self.model), json_sha(counted), start, *own])}"


def _is_kept(answer: Solution) -> bool:
    """Say whether an answer would be the same elsewhere: no clock and nobody cut it short."""
    return answer.reproducible and str(answer.termination) not in ("time_limit", "interrupted", "memory_limit")


def programs(job: Mapping[str, Any], kernel: Kernel, lent: Lent, watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Solve the programs of a part that are not solved yet, for as long as its run may solve; each answer is kept at once."""
    from dyocense_cli.ports import SolveLimits

    told = json.loads(kernel.memo.blobs.get(job["body"]["part"]["place"]))
    begin, done, spent = time.monotonic(), 0, time.process_time()
    for one in told["programs"]:
        left = float(job["time_limit_s"]) - (time.monotonic() - begin)
        if left <= 0 or kernel.interrupted():
            break
        if kernel.memo.find("solution", one["key"]) is None:
            limits = SolveLimits(**{**told["limits"], "time_s": left})
            answer = lent.solve(kernel.memo.load("ground_model", one["program"]), limits, progress=lent.progress, backend=told["backend"])
            if _is_kept(answer):
                kernel.memo.remember("solution", one["key"], replace(answer, diagnostics={**answer.diagnostics, "seconds": 0.0}))
                done += 1
    watcher.ended(f"part-{job['run_id'][-12:]}", "run", time.monotonic() - begin)
    return {"programs": len(told["programs"]), "solved": done}, {"shard_s": time.process_time() - spent}

"""Run a tuple of stages: memoised, recorded, observed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.manifest import StageRecord
from dyocense_cli.errors import UnavailableError
from dyocense_cli.runner.incumbents import LEFT
from dyocense_cli.runner.memo import Held, Memo
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.observer import Observer, Quiet
from dyocense_cli.runner.patience import LeftBehind, Stopped, patiently
from dyocense_cli.runner.pipeline import PLAN, Ask, Stage

if TYPE_CHECKING:
    from dyocense_cli.ports import Forecaster, Lent, PolicyEngine, Telemetry
    from dyocense_cli.runner.incumbents import Incumbent, Keeping

__all__ = ["Execution", "Observer", "Ports", "Quiet"]

#: From here on a stage is known by the keys that led to it, not by its bytes: a re-solved model re-runs all that follows,
#: so that a dry run can foretell exactly what will run.
AFTER_SOLVE: Final = frozenset({"solve", "check", "interpret", "stress", "explain", "guard", "evidence"})


#: What is done with a plan however soon the program is to end: quick, and a run is whole only with it.
_FINISHING: Final = frozenset({"parse", "check", "interpret", "evidence"})

#: what scenarios that a file states make needless
_FORECASTING: Final = frozenset({"ask_forecast", "ask_sample", "forecast", "sample"})


@dataclass(frozen=True, slots=True)
class Ports:
    """What stages may ask or are lent; each is made on first use."""

    forecaster: Callable[[str], Forecaster]  # by the goal's forecast.model
    policy: Callable[[], PolicyEngine]
    lent: Callable[[], Lent]
    telemetry: Telemetry
    #: adds to the cache key of a stage: name of the forecaster, policy snapshot, solver version
    tags: Callable[[str], Mapping[str, str]]
    draft_reason: str = ""
    today: str = ""  # ISO date that waivers are judged by
    compile_policy: bool = True
    interrupted: Callable[[], bool] = lambda: False
    use_cache: bool = True


@dataclass(slots=True)
class Execution:
    """One pass through stages; `held` fills up as they run."""

    memo: Memo
    ports: Ports
    held: dict[str, Held]
    observer: Observer
    version: str
    records: list[StageRecord] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    #: the run's fingerprint, known as soon as it is solved: the name of the run in its own evidence
    about: Callable[[Execution], str] | None = None
    #: holds the best plan of a solve that goes on
    keeper: Keeping | None = None
    #: views of the run that its solve does not change, made before it
    early: dict[str, bytes] | None = None

    def run(self, stages: Iterable[Stage | Ask], *, until: str | None = None) -> None:
        """Run stages in order; those whose inputs an outcome ruled out are skipped."""
        given = _FORECASTING if "scenario_set" in self.held else frozenset()
        for stage in stages:
            if stage.gives in self.held or stage.name in given or self.states.get(stage.name) == "skipped":
                continue
            if stage.name not in AFTER_SOLVE - {"solve"} and self.ports.interrupted():
                raise Stopped
            if reason := self.ruled_out(stage):
                self._note(stage.name, "skipped", 0.0, reason)
            else:
                self._step(stage)
            if stage.name == until:
                return

    def take_up(self, left: Incumbent) -> None:
        """Start the solve from the plan that an earlier one left, which did not end."""
        self.held["start"] = Held("start", "", LEFT + left.place)
        self.held["start"].put(left.x)

    def knows(self, name: str) -> bool:
        """Say whether the result of a stage is stored already, given that its inputs are in hand."""
        stage = next(s for s in PLAN if s.name == name)
        return self.memo.find(stage.gives, self.key(stage), "") is not None

    def key(self, stage: Stage | Ask) -> str:
        """Return the cache key of a stage with the inputs in hand."""
        inputs = {need: self.held[need].ident for need in stage.needs if need in self.held}
        if stage.name == "solve" and "start" in self.held and not self._resumes:
            inputs["start"] = self.held["start"].ident
        return json_sha(
            {
                "stage": stage.name,
                "version": stage.version,
                "inputs": inputs,
                "options": dict(self.ports.tags(stage.name)),
                "package": self.version,
            }
        )

    @property
    def _resumes(self) -> bool:
        """Whether the solve goes on from where an earlier one was cut off: then it stands for that one."""
        return "start" in self.held and self.held["start"].ident.startswith(LEFT)

    def ruled_out(self, stage: Stage | Ask) -> str:
        """Return why an outcome in hand makes a stage needless, empty if it is to run."""
        admission = self.held.get("admission")
        if admission is not None and stage.name != "evidence" and not admission.value.allow:
            return "policy denies the goal"
        if stage.name == "stress":
            solution = self.held.get("solution")
            if solution is None or solution.value.x is None:
                return "there is no plan"
        if stage.name in ("stress", "explain") and self._interrupted():
            return "interrupted"
        return "" if stage.name == "evidence" or all(n in self.held for n in stage.needs if n != "stress_report") else "an input is missing"

    def _interrupted(self) -> bool:
        if self.ports.interrupted():
            return True
        solution = self.held.get("solution")
        return solution is not None and str(solution.value.termination) == "interrupted"

    def _step(self, stage: Stage | Ask) -> None:
        key = self.key(stage)
        ident = key if stage.name in AFTER_SOLVE else None
        begun = time.perf_counter()
        found = self.memo.find(stage.gives, key, ident) if self.ports.use_cache else None
        if found is not None:
            return self._hold(stage, found, key, "cached", begun)
        self.observer.started(stage.name)
        try:
            with self.ports.telemetry.span(f"kernel.{stage.name}"):
                value = self._call(stage)
        except LeftBehind:
            if stage.name not in AFTER_SOLVE:
                raise Stopped from None
            return self._note(stage.name, "skipped", time.perf_counter() - begun, "interrupted")
        if stage.name in ("stress", "explain") and not value.reproducible:
            self.memo.warnings.append(f"{stage.name}: {value.notes[-1]}")
        if self._keepable(stage, value):
            return self._hold(stage, self.memo.remember(stage.gives, key, value, ident), key, "run", begun)
        # what led to it may lead to something else next time
        return self._hold(stage, self.memo.keep(stage.gives, value), key, "run", begun)

    def _keepable(self, stage: Stage | Ask, value: Any) -> bool:
        """A draft admission and what was made after an interrupt are true of this run only."""
        if isinstance(stage, Stage) and stage.lent and self.ports.interrupted():
            return False
        if stage.name in ("admit", "guard"):
            return bool(value.evaluated)
        if stage.name == "solve":
            return str(value.termination) not in ("interrupted", "memory_limit")
        return stage.keep and bool(getattr(value, "reproducible", True))

    def _hold(self, stage: Stage | Ask, held: Held, key: str, state: str, begun: float) -> None:
        self.held[stage.gives] = held
        inputs = {need: self.held[need].fingerprint for need in stage.needs if need in self.held}
        self.records.append(StageRecord(stage.name, stage.version, inputs, held.fingerprint, key))
        self._note(stage.name, state, time.perf_counter() - begun)

    def _note(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        self.states[stage] = state
        self.seconds[stage] = seconds
        self.observer.ended(stage, state, seconds, note)

    def _call(self, stage: Stage | Ask) -> Any:
        values = [self.held[need].value if need in self.held else None for need in stage.needs]
        if isinstance(stage, Ask):
            return patiently(partial(self._ask, stage, values), lambda: stage.name != "guard" and self.ports.interrupted())
        function = resolve(stage.run)
        if stage.name == "solve":
            return self._solve(partial(function, *values, lent=self.ports.lent(), **self._starts()))
        if stage.name == "evidence" and self.about is not None:
            return function(*values, run_fingerprint=self.about(self))
        if stage.lent:
            function = partial(function, lent=self.ports.lent())
        if stage.name in _FINISHING:
            return function(*values)
        return patiently(partial(function, *values), self.ports.interrupted)

    def _starts(self) -> dict[str, Any]:
        return {name: self.held[name].value for name in ("start", "earlier") if name in self.held}

    def _solve(self, solve: Callable[[], Any]) -> Any:
        """Return the solution; the best plan told so far where the solve does not heed an interrupt or memory runs out."""
        try:
            solution = patiently(solve, self.ports.interrupted)
        except LeftBehind:
            return self._told("interrupted")
        except MemoryError:
            return self._told("memory_limit")
        return replace(solution, reproducible=False) if self._resumes else solution

    def _told(self, why: str) -> Any:
        from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap

        options, best = self.held["solver_options"].value, self.keeper.best if self.keeper is not None else None
        bound = self.keeper.bound if self.keeper is not None else None
        named = {"backend": options.backend, "seed": options.seed, "reproducible": False, "raw_status": f"left when it stopped: {why}"}
        if best is None:
            return Solution(Status.ERROR, Termination(why), None, bound, None, None, **named)
        return Solution(Status.FEASIBLE, Termination(why), best.objective, bound, relative_gap(best.objective, bound), best.x, **named)

    def _ask(self, stage: Ask, values: list[Any]) -> Any:
        if stage.port == "forecaster":
            return self.ports.forecaster(values[0].model).forecast(*values)
        engine = self.ports.policy()
        assert stage.run is not None
        try:
            options: dict[str, Any] = {"compile_policy": self.ports.compile_policy} if stage.name == "admit" else {}
            as_of = self.ports.today if engine.dated() else ""
            return resolve(stage.run)(
                *values, decide=engine.decide, snapshot=engine.snapshot(), engine=engine.version(), as_of=as_of, **options
            )
        except UnavailableError:
            if not self.ports.draft_reason:
                raise
            return resolve("kernel.policy.draft:draft")(stage.gives, self.ports.draft_reason)

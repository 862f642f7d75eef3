"""The conductor: from a goal file to a recorded run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyocense_cli.artifacts.manifest import StageRecord
from dyocense_cli.errors import UnavailableError
from dyocense_cli.runner.execute import AFTER_SOLVE, Execution, Observer, Ports, Quiet
from dyocense_cli.runner.incumbents import Keeping, incumbent
from dyocense_cli.runner.memo import Held, Memo
from dyocense_cli.runner.metrics import record_metrics
from dyocense_cli.runner.nearby import keep_near
from dyocense_cli.runner.order import House, Order
from dyocense_cli.runner.patience import Elsewhere
from dyocense_cli.runner.pipeline import PLAN, Ask, Stage
from dyocense_cli.runner.record import Record, run_fingerprint, seal, status_of
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.sources import Sources
from dyocense_cli.runner.views import make_ready

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.kernel.privacy.mask import Mask
    from dyocense_cli.ports import GraphStore, RunStore, SolveEvent, Telemetry, Workspace

__all__ = ["Kernel", "Order", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished pass: what it holds, and where the run is; `reused` when an equal whole run was there already."""

    execution: Execution
    fingerprint: str = ""
    prints: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    place: str = ""
    evidence_ref: str = ""
    snapshot_hash: str = ""
    manifest: Record | None = None
    reused: bool = False

    def value(self, name: str) -> Any:
        """Return an artifact by its pipeline name, or None."""
        held = self.execution.held.get(name)
        return None if held is None else held.value

    @property
    def status(self) -> tuple[str, str]:
        """Status and termination of the run."""
        return status_of(self.execution)

    @property
    def all_cached(self) -> bool:
        """Whether no stage had to run."""
        return all(state != "run" for state in self.execution.states.values())


@dataclass(slots=True)
class Kernel:
    """A ready kernel: ports, stores and settings, made by `wiring` for one tenant."""

    workspace: Workspace
    memo: Memo
    runs: RunStore
    telemetry: Telemetry
    house: House
    ports: Callable[[Order, Observer, Callable[[SolveEvent], bool]], Ports]
    graph: Callable[[], GraphStore | None]
    resolve_solver: Callable[[Any, str], Any]
    observer: Observer = field(default_factory=Quiet)
    interrupted: Callable[[], bool] = field(default=lambda: False)
    #: replaces personal data before anything is stored
    mask: Mask | None = None

    def open(self, order: Order) -> Execution:
        """Read the files of an order and return an execution that no stage has run in yet."""
        sources = Sources(self.workspace, self.memo, self.house.version, order.use_cache, self.mask)
        execution = self.execution(order)
        goal, known = sources.goal(order.goal, order.overrides)
        self._parsed(execution, goal, known)
        spec, _ = sources.context_spec(goal.value, order.context, order.overrides)
        model, _ = sources.model_spec(goal.value)
        self._hold(execution, spec, model, sources.tables(spec.value, goal.value))
        given = sources.scenarios(goal.value)
        if given is not None:
            self._give(execution, "scenario_set", given)
        self._give(execution, "principal", self.house.principal)
        self._give(execution, "solver_options", self.resolve_solver(goal.value.solver, self.house.principal.tier))
        return execution

    def execution(self, order: Order) -> Execution:
        """Return an execution that holds nothing yet."""
        ports = self.ports(order, self.observer, self._progress)
        return Execution(self.memo, ports, {}, self.observer, self.house.version, about=lambda e: self._fingerprint(e)[0])

    def _fingerprint(self, execution: Execution) -> tuple[str, dict[str, str]]:
        return run_fingerprint(execution, settings=self.house.settings_sha, version=self.house.version)

    def run(
        self, order: Order, stages: Iterable[Stage | Ask] = PLAN, *, until: str | None = None, start: np.ndarray | None = None
    ) -> Execution:
        """Run stages of an order without recording a run."""
        execution = self.open(order)
        if start is not None:
            held = Held("start", "", "")
            held.put(start)
            execution.held["start"] = held
        goal: Any = execution.held["goal"].value
        if order.warm_from is None and (goal.freeze or goal.max_churn is not None):
            self.memo.warnings.append("the goal keeps near an earlier plan; name it with --warm-from, such as --warm-from @last")
        if order.warm_from is not None:
            execution.run(stages, until="compile")
            if "optimodel" in execution.held:
                keep_near(self.runs, execution, order)
        execution.run(stages, until=until)
        return execution

    def plan(self, order: Order, *, start: np.ndarray | None = None) -> Result:
        """Run the whole pipeline and record the run; an equal whole run that is stored already is returned instead."""
        execution = self.run(order, until="compile", start=start)
        if "optimodel" in execution.held:
            self._take_up(order, execution)
            if not (order.use_cache and execution.knows("solve")):
                make_ready(self.house, execution)
            with self.keeping(execution):
                execution.run(PLAN)
        else:
            execution.run(PLAN)
        result = self.record(order, execution)
        record_metrics(execution, self.telemetry, status=result.status[0])
        return result

    def _take_up(self, order: Order, execution: Execution) -> None:
        """Start from the plan that a solve of this model left which did not end, unless a start is given or the answer is known."""
        left = incumbent(self.memo, execution.held["optimodel"].fingerprint) if order.use_cache and "start" not in execution.held else None
        if left is not None and not execution.knows("solve"):
            execution.take_up(left)
            said = f"an earlier solve of this model did not end; this one starts from the plan it had found, of {left.words}"
            self.memo.warnings.append(said)

    @contextmanager
    def keeping(self, execution: Execution) -> Iterator[None]:
        """Store better plans of an execution's model while it is solved."""
        model, before = execution.held["optimodel"], self.observer
        keeper = Keeping(before, self.memo, model.fingerprint, maximises=model.value.sense == "max")
        self.observer = execution.observer = execution.keeper = keeper  # a solve's progress comes through the kernel
        try:
            yield
            if execution.states.get("solve") == "run":
                keeper.ends(execution.held["solution"].value)
        except Elsewhere:
            keeper.forgets()
            raise
        finally:
            self.observer = execution.observer = before
            execution.keeper = None

    def record(self, order: Order, execution: Execution) -> Result:
        """Write a run: whole or absent."""
        fingerprint, prints = self._fingerprint(execution)
        mark = f"run {fingerprint} {self.house.principal.tenant_id}"
        known = self.memo.get_text(mark)
        cached = all(state != "run" for name, state in execution.states.items() if name in AFTER_SOLVE)
        if cached and known:
            run_id, _, snapshot = known.partition(" ")
            if self._stored(run_id):
                return self._again(execution, fingerprint, prints, run_id, snapshot)
        if order.run_id and self._stored(order.run_id):  # an attempt before this one came as far
            return self._again(execution, fingerprint, prints, order.run_id, str(manifest_of(self.runs, order.run_id)["snapshot_hash"]))
        sealed = seal(self.house, order, execution, fingerprint, prints)
        try:
            place = self.runs.commit(sealed.run_id, sealed.files, sealed.manifest_bytes)
        except UnavailableError:
            if self._stored(sealed.run_id):  # whole here, though not yet sent on
                self._remember(execution, mark, sealed)
            raise
        self._remember(execution, mark, sealed)
        return Result(
            execution, fingerprint, prints, sealed.run_id, place, sealed.manifest.evidence_ref, sealed.manifest.snapshot_hash, sealed
        )

    def _stored(self, run_id: str) -> bool:
        try:
            return "manifest.json" in self.runs.names(run_id)
        except UnavailableError:  # not here, and its store cannot be asked
            return False

    def _again(self, execution: Execution, fingerprint: str, prints: dict[str, str], run_id: str, snapshot: str) -> Result:
        place, reference = self._place(run_id), self.house.evidence_ref(fingerprint)
        return Result(execution, fingerprint, prints, run_id, place, reference, snapshot, reused=True)

    def _remember(self, execution: Execution, mark: str, sealed: Record) -> None:
        """Note that an equal run is stored, then write its evidence."""
        if sealed.manifest.termination != "interrupted" and not self.interrupted():
            self.memo.put_text(mark, f"{sealed.run_id} {sealed.manifest.snapshot_hash}")
        self._write_evidence(execution, sealed.run_id)

    def _write_evidence(self, execution: Execution, run_id: str) -> None:
        """Merge the evidence into the graph; the run is kept whatever becomes of it, and merging again changes nothing."""
        held = execution.held.get("evidence_graph")
        if held is None:
            return
        begun = time.perf_counter()
        try:
            store = self.graph()
            if store is None:
                return
            with self.telemetry.span("kernel.evidence.write"):
                store.merge(held.value)
            store.close()
        except UnavailableError as error:
            raise UnavailableError(
                error.code,
                f"{error.message}; the run is kept in {self._place(run_id)}",
                hints=(f"dyocense evidence write {run_id}", *error.hints),
            ) from error
        execution.seconds["write"] = time.perf_counter() - begun

    def _place(self, run_id: str) -> str:
        place = getattr(self.runs, "place", None)
        return str(place(run_id)) if place is not None else run_id

    def _progress(self, event: SolveEvent) -> bool:
        self.observer.solving(event)
        return self.interrupted()

    def _parsed(self, execution: Execution, goal: Held, known: bool) -> None:
        state = "cached" if known else "run"
        execution.held["goal"] = goal
        execution.states["parse"] = state
        execution.records.append(StageRecord("parse", 1, {}, goal.fingerprint, ""))
        self.observer.ended("parse", state, 0.0)

    @staticmethod
    def _hold(execution: Execution, *held: Held) -> None:
        for one in held:
            execution.held[one.name] = one

    def _give(self, execution: Execution, name: str, value: Any) -> None:
        from dyocense_cli.artifacts.codec import fingerprint

        held = Held(name, fingerprint(value), "")
        held.ident = held.fingerprint
        held.put(value)
        execution.held[name] = held

"""Solve a recorded run again: the same model, other limits or another start; and keep plans of a solve that may not end."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.manifest import StageRecord
from dyocense_cli.errors import StoreError, UsageError
from dyocense_cli.runner.memo import Held, Memo, array_bytes, array_from
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.ports import RunStore, SolveEvent
    from dyocense_cli.runner.execute import Execution, Observer
    from dyocense_cli.runner.run import Kernel, Result

__all__ = ["Incumbent", "Keeping", "earlier_of", "forget", "hold", "incumbent", "options_with", "plan_of", "reopen", "solve_again"]

#: stages whose results are made again
_AGAIN: Final = ("solve", "check", "interpret", "stress", "explain", "guard", "evidence")
#: seconds between two writes of a plan that a solve has found
_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The best plan that an unfinished solve had found."""

    objective: float
    bound: float | None
    x: np.ndarray


class Keeping:
    """An observer that also stores every better plan of a model, so that a killed process loses at most half a second of search.

    A plan that an earlier solve left stays until a better one is found.
    """

    def __init__(self, observer: Observer, memo: Memo, model: str, *, maximises: bool) -> None:
        self._observer, self._memo, self._model = observer, memo, model
        self._written = float("-inf")
        self._sign = -1.0 if maximises else 1.0
        left = incumbent(memo, model)
        self._best = float("inf") if left is None else self._sign * left.objective

    def started(self, stage: str) -> None:
        """Pass on."""
        self._observer.started(stage)

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Pass on."""
        self._observer.ended(stage, state, seconds, note)

    def solving(self, event: SolveEvent) -> None:
        """Store the plan of an event that has one."""
        if event.x is not None and event.objective is not None and event.seconds - self._written >= _EVERY_S:
            self._store(event.objective, event.bound, event.x, event.seconds)
        self._observer.solving(event)

    def _store(self, objective: float, bound: float | None, x: np.ndarray, seconds: float) -> None:
        if self._sign * objective < self._best:
            self._written, self._best = seconds, self._sign * objective
            place = self._memo.blobs.put(array_bytes(x))
            self._memo.put_text(_mark(self._model), f"{objective!r} {bound!r} {place}")


def _mark(model: str) -> str:
    return f"incumbent {model}"


def forget(memo: Memo, model: str) -> None:
    """Forget what an unfinished solve had found: a run holds it now."""
    memo.put_text(_mark(model), "")


def incumbent(memo: Memo, model: str) -> Incumbent | None:
    """Return the plan that an earlier solve of a model (by fingerprint) had found, None if there is none or it was altered."""
    text = memo.get_text(_mark(model))
    if not text:
        return None
    objective, bound, place = text.split(" ")
    try:
        x = array_from(memo.blobs.get(place))
    except (StoreError, ValueError, io.UnsupportedOperation):
        return None
    return Incumbent(float(objective), None if bound == "None" else float(bound), x)


def options_with(options: Any, changes: Mapping[str, Any]) -> Any:
    """Return solver options with those changes that are not None."""
    return replace(options, **{name: value for name, value in changes.items() if value is not None})


def reopen(kernel: Kernel, runs: RunStore, run_id: str, changes: Mapping[str, Any]) -> tuple[Execution, Order]:
    """Return an execution that holds everything of a run up to its model, with its solver options changed, and the order it stands for.

    Raises
    ------
    UsageError
        DY1008 if the run has no model, as one that policy denied.
    """
    manifest = manifest_of(runs, run_id)
    options = manifest.get("options") or {}
    order = Order(
        goal="", overrides=manifest.get("overrides") or {}, use_cache=False, command="solve", as_of=manifest["as_of"],
        draft_reason=manifest["draft"], compile_policy=options.get("compile_policy", "true") == "true",
    )  # fmt: skip
    execution = kernel.execution(order)
    known = set(runs.names(run_id))
    made_again = {s.gives for s in PLAN if s.name in _AGAIN}
    wanted = ["goal", "context_spec", "model_spec", "principal", "solver_options", *(s.gives for s in PLAN if s.gives not in made_again)]
    for name in dict.fromkeys(wanted):
        if f"artifacts/{name}.json" in known:
            _give(execution, name, snapshot_artifact(runs, run_id, name))
    if "optimodel" not in execution.held:
        raise UsageError("DY1008", f"run {run_id} holds no model to solve", hints="solve a run that was not denied")
    _give(execution, "solver_options", options_with(execution.held["solver_options"].value, changes))
    gives = {s.name: s.gives for s in PLAN}
    execution.records.extend(_record(s) for s in manifest["stages"] if gives.get(s["name"]) in execution.held)
    return execution, order


def _record(stage: Mapping[str, Any]) -> StageRecord:
    return StageRecord(stage["name"], int(stage["version"]), dict(stage["inputs"]), stage["output"], stage.get("key", ""))


def _give(execution: Execution, name: str, value: Any) -> None:
    from dyocense_cli.artifacts.codec import fingerprint

    held = Held(name, fingerprint(value), "")
    held.ident = held.fingerprint
    held.put(value)
    execution.held[name] = held


def plan_of(runs: RunStore, run_id: str, model: Any) -> np.ndarray | None:
    """Return a run's plan as a start for a model, by the labels of its variables (NaN where the run has none); None if it holds no plan."""
    x: np.ndarray | None = snapshot_artifact(runs, run_id, "solution").x
    if x is None:
        return None
    old = snapshot_artifact(runs, run_id, "optimodel")
    values = resolve("optimodel.evaluate:split_columns")(old, x)
    start: np.ndarray = resolve("optimodel.evaluate:join_columns")(model, resolve("kernel.optimizer.warmstart:carried")(old, values, model))
    return start


def hold(execution: Execution, start: np.ndarray) -> np.ndarray:
    """Hold a reopened run's model to an earlier plan where its goal asks for frozen periods or a limit on churn.

    Returns the start for the model as it is then: columns that the holding adds are unknown (NaN).
    """
    goal, model = execution.held["goal"].value, execution.held["optimodel"].value
    values = resolve("optimodel.evaluate:split_columns")(model, start)
    held = resolve("kernel.optimizer.warmstart:held_as_asked")(model, values, freeze=goal.freeze, max_churn=goal.max_churn)
    if held is model:
        return start
    _give(execution, "optimodel", held)
    made = execution.held["optimodel"].fingerprint
    execution.records[:] = [replace(r, output=made) if r.name == "compile" else r for r in execution.records]
    moved: np.ndarray = resolve("optimodel.evaluate:join_columns")(held, resolve("kernel.optimizer.warmstart:carried")(model, values, held))
    return moved


def earlier_of(runs: RunStore, run_id: str) -> tuple[Any, Any]:
    """Return a run's model and solution, for a solve that takes over what a change does not reach."""
    return snapshot_artifact(runs, run_id, "optimodel"), snapshot_artifact(runs, run_id, "solution")


def solve_again(
    kernel: Kernel, execution: Execution, order: Order, *, start: np.ndarray | None, earlier: tuple[Any, Any] | None = None
) -> Result:
    """Run every stage from the solve on and record the run."""
    for name, value in (("start", start), ("earlier", earlier)):
        if value is not None:
            held = Held(name, "", "")
            held.put(value)
            execution.held[name] = held
    model = execution.held["optimodel"]
    execution.observer = Keeping(execution.observer, kernel.memo, model.fingerprint, maximises=model.value.sense == "max")
    kernel.observer = execution.observer  # the solve's progress comes through the kernel
    execution.run(PLAN)
    result = kernel.record(order, execution)
    left, found = incumbent(kernel.memo, model.fingerprint), execution.held["solution"].value.objective
    sign = -1.0 if model.value.sense == "max" else 1.0
    if left is not None and found is not None and sign * found <= sign * left.objective + 1e-9:
        forget(kernel.memo, model.fingerprint)
    return result

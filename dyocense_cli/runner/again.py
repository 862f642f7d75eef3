"""Solve a recorded run again: the same model, other limits or another start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.manifest import StageRecord
from dyocense_cli.errors import UsageError
from dyocense_cli.runner.memo import Held
from dyocense_cli.runner.nearby import start_run
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.ports import RunStore
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.runner.incumbents import Incumbent
    from dyocense_cli.runner.run import Kernel, Result

__all__ = ["earlier_of", "hold", "options_with", "plan_of", "reopen", "solve_again", "solve_alone"]

#: stages whose results are made again
_ALONE: Final = ("solve", "check", "interpret", "stress", "explain")
_AGAIN: Final = ("solve", "check", "interpret", "stress", "explain", "guard", "evidence")


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
    _start(execution, start=start, earlier=earlier)
    with kernel.keeping(execution):
        execution.run(PLAN)
    return kernel.record(order, execution)


def solve_alone(
    kernel: Kernel,
    model: Any,
    options: Any,
    changes: Mapping[str, Any],
    *,
    warm: str | None,
    left: Callable[[str], Incumbent | None],
) -> Execution:
    """Solve, check, stress and explain a model that belongs to no run; nothing is recorded, but better plans are kept as they are found.

    `warm` names a run to start from; `left` is asked, by the model's fingerprint, for a plan that an unfinished solve found.
    """
    from dyocense_cli.artifacts.forecast import ScenarioSet

    order = Order(goal="", use_cache=False, command="solve")
    execution = kernel.execution(order)
    _give(execution, "optimodel", model)
    _give(execution, "solver_options", options_with(kernel.resolve_solver(options, "enterprise"), changes))
    _give(execution, "scenario_set", ScenarioSet(model.dims.get("period", ()), (), model.probability, {}))
    if warm is not None:
        run_id = start_run(kernel.runs, warm, model)
        _start(execution, start=plan_of(kernel.runs, run_id, model), earlier=earlier_of(kernel.runs, run_id))
    elif (found := left(execution.held["optimodel"].fingerprint)) is not None:
        execution.take_up(found)
    with kernel.keeping(execution):
        execution.run([s for s in PLAN if s.name in _ALONE])
    return execution


def _start(execution: Execution, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            held = Held(name, "", "")
            held.put(value)
            execution.held[name] = held

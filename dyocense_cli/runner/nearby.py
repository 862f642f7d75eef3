"""Plan near an earlier plan: start from it, keep its first periods, bound the change of orders."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import StoreError, UsageError
from dyocense_cli.runner.memo import Held
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.references import find_run
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.artifacts.optimodel import OptiModel, Var
    from dyocense_cli.ports import RunStore
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.runner.order import Order

__all__ = ["keep_near", "start_run"]

#: Latest runs that `@like` looks at.
RECENT: Final = 200


def keep_near(runs: RunStore, execution: Execution, order: Order) -> None:
    """Put a start, and the rules of freeze and churn, into an execution whose model is compiled.

    Raises
    ------
    UsageError
        DY1023 if the earlier run holds no plan, or the model has no orders over time to keep.
    """
    assert order.warm_from is not None
    run_id = start_run(runs, order.warm_from, execution.held["optimodel"].value)
    before = snapshot_artifact(runs, run_id, "solution")
    if before.x is None:
        raise UsageError("DY1023", f"run {run_id} holds no plan to start from", hints="dyocense runs list")
    old: OptiModel = snapshot_artifact(runs, run_id, "optimodel")
    model: OptiModel = execution.held["optimodel"].value
    carried = resolve("kernel.optimizer.warmstart:carried")
    earlier = resolve("optimodel.evaluate:split_columns")(old, before.x)
    values = carried(old, earlier, model)
    goal: Any = execution.held["goal"].value
    freeze = order.freeze if order.freeze is not None else goal.freeze
    churn = order.max_churn if order.max_churn is not None else goal.max_churn
    if freeze or churn is not None:
        family = _orders(model)
        held_to = resolve("kernel.optimizer.warmstart:held_to")
        time = next(d for d in family.dims if d in model.ordered)
        model = held_to(model, values, order=family.name, time=time, freeze=freeze, max_churn=churn)
        _replace(execution, model)
        values = carried(old, earlier, model)
    start = Held("start", "", f"start {before.objective} {run_id}")
    start.put(resolve("optimodel.evaluate:join_columns")(model, values))
    execution.held["start"] = start


def start_run(runs: RunStore, reference: str, model: OptiModel, *, but: str | None = None) -> str:
    """Return the id of the run that a start is taken from; ``@like`` means the one other than `but` whose model is most like this."""
    return _nearest(runs, model, but=but) if reference == "@like" else find_run(runs, reference)


def _nearest(runs: RunStore, model: OptiModel, *, but: str | None = None) -> str:
    """Return the run whose model is most like this one by the features of plan DNA, the latest among equals."""
    import math

    features = resolve("kernel.evidence.features:plan_vector")
    mine = features(model, None)
    best: tuple[float, str] | None = None
    for run_id in (known for known in reversed(runs.list()[-RECENT:]) if known != but):
        try:
            theirs = features(snapshot_artifact(runs, run_id, "optimodel"), None)
            holds = snapshot_artifact(runs, run_id, "solution").x is not None
        except StoreError:
            continue
        distance = math.dist(mine, theirs)
        if holds and (best is None or distance < best[0]):
            best = (distance, run_id)
    if best is None:
        raise UsageError("DY1023", "no earlier run holds a plan to start from", hints="dyocense runs list")
    return best[1]


def _orders(model: OptiModel) -> Var:
    """Return the family that orders: whole numbers, decided now, over time."""
    for var in model.vars:
        if var.stage == 1 and var.type == "int" and any(d in model.ordered for d in var.dims):
            return var
    for var in model.vars:
        if var.stage == 1 and var.type != "bool" and any(d in model.ordered for d in var.dims):
            return var
    raise UsageError("DY1023", "the model has no orders over time to keep", hints="leave out --freeze and --max-churn")


def _replace(execution: Execution, model: OptiModel) -> None:
    model = dataclasses.replace(model, meta={**model.meta, "near": "an earlier plan"})
    fingerprint, doc = execution.memo.save(model)
    held = Held("optimodel", fingerprint, fingerprint, doc)
    held.put(model)
    execution.held["optimodel"] = held
    execution.records[:] = [dataclasses.replace(r, output=fingerprint) if r.name == "compile" else r for r in execution.records]

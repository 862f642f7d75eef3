"""Earlier runs whose plans are like a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyocense_cli.errors import StoreError
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.reasons import artifacts_of
from dyocense_cli.runner.references import manifest_of

if TYPE_CHECKING:
    from dyocense_cli.ports import Neighbour, RunStore, VectorIndex

__all__ = ["index_run", "similar_runs"]


def index_run(runs: RunStore, index: VectorIndex, run_id: str) -> tuple[float, ...] | None:
    """Put a run's features into the index and return them; None for a run without a model."""
    held: dict[str, Any] = artifacts_of(runs, run_id, ("optimodel", "plan"))
    if "optimodel" not in held:
        return None
    vector: tuple[float, ...] = resolve("kernel.evidence.features:plan_vector")(held["optimodel"], held.get("plan"))
    manifest = manifest_of(runs, run_id)
    index.upsert(run_id, vector, {"goal": f"{manifest['goal_id']}:{manifest['variant']}", "status": manifest["status"]})
    return vector


def similar_runs(runs: RunStore, index: VectorIndex, run_id: str, count: int) -> list[Neighbour]:
    """Return the nearest other runs, closest first; runs that the index does not hold yet are added first.

    Raises
    ------
    StoreError
        DY5014 if the run has no model.
    """
    known = {n.key for n in index.nearest((0.0,) * resolve("kernel.evidence.features:WIDTH"), 10_000)}
    for other in runs.list():
        if other != run_id and other not in known:
            index_run(runs, index, other)
    vector = index_run(runs, index, run_id)
    if vector is None:
        raise StoreError("DY5014", f"run {run_id} has no model", hints=f"dyocense evidence show {run_id}")
    return [n for n in index.nearest(vector, count + 1) if n.key != run_id][:count]

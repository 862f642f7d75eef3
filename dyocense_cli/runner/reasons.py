"""What a stored run can say about itself: reasons of a line, facts of a report, places of its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.errors import StoreError
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.kernel.evidence.why import Why
    from dyocense_cli.kernel.report.facts import Facts
    from dyocense_cli.ports import RunStore

__all__ = ["artifacts_of", "facts_of", "places_of", "reasons_of"]

_ALL: Final = (
    "goal", "context", "admission", "forecast_set", "scenario_set", "optimodel", "solution", "check_report", "plan", "stress_report",
    "explanation", "verdict", "evidence_graph",
)  # fmt: skip


def artifacts_of(runs: RunStore, run_id: str, names: tuple[str, ...] = _ALL) -> dict[str, Any]:
    """Return those artifacts that a run holds, by pipeline name."""
    there = set(runs.names(run_id))
    return {name: snapshot_artifact(runs, run_id, name) for name in names if f"artifacts/{name}.json" in there}


def places_of(runs: RunStore, run_id: str) -> dict[str, str]:
    """Return ``file:line:column`` by source pointer, of the goal and the model."""
    held = artifacts_of(runs, run_id, ("goal", "model_spec"))
    prefixes = (("goal", "goal"), ("model", "model_spec"))
    return {f"{p}:{pointer}": str(span) for p, name in prefixes if name in held for pointer, span in held[name].spans.items()}


def reasons_of(runs: RunStore, run_id: str, line: str) -> tuple[Why, dict[str, Any]]:
    """Return why a line of a stored run is what it is, and the run's manifest.

    Raises
    ------
    StoreError
        DY5014 if the run has no plan or no such line.
    """
    held = artifacts_of(runs, run_id)
    if "plan" not in held:
        raise StoreError("DY5014", f"run {run_id} has no plan", hints=f"dyocense evidence show {run_id}")
    shas = {name: str(fingerprint(artifact)) for name, artifact in held.items()}
    found: Why = resolve("kernel.evidence.why:why")(line, held, shas, places_of(runs, run_id))
    return found, manifest_of(runs, run_id)


def facts_of(runs: RunStore, run_id: str) -> Facts:
    """Return what a report of a stored run is made from."""
    held, manifest = artifacts_of(runs, run_id), manifest_of(runs, run_id)
    values = {}
    solution = held.get("solution")
    if solution is not None and solution.x is not None:
        values = resolve("optimodel.evaluate:split_columns")(held["optimodel"], solution.x)
    facts: Facts = resolve("kernel.report.facts:Facts").of(
        held,
        values=values,
        places=places_of(runs, run_id),
        run_fingerprint=manifest["run_fingerprint"],
        evidence_ref=manifest["evidence_ref"],
        fingerprints=manifest["fingerprints"],
        versions=manifest["versions"],
        as_of=manifest["as_of"],
    )
    return facts

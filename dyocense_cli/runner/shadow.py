"""A candidate's replay of a past run, held against the record: which figures moved, and whether they may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dyocense_cli.runner.golden import Held, Metric, compare_metrics, figures_of, parse_metric
from dyocense_cli.runner.replay import KPI_TOLERANCE

__all__ = ["Shadowed", "parse_metrics", "shadowed"]


@dataclass(frozen=True, slots=True)
class Shadowed:
    """One past run under the candidate: metrics that hold or fail, the first stage that differs, or why it could not be replayed."""

    run_id: str
    goal: str
    metrics: tuple[Held, ...]
    stages: str = ""
    first: str = ""
    error: str = field(default="")

    @property
    def good(self) -> bool:
        """Whether the run was replayed and every metric holds."""
        return not self.error and all(m.holds for m in self.metrics)

    def failures(self) -> list[str]:
        """Return what is not as asked, a line each."""
        return [self.error] if self.error else [str(m) for m in self.metrics if not m.holds]

    def lines(self) -> list[str]:
        """Return the run as a person reads it."""
        state = "failed " if self.error else "good   " if self.good else "differs"
        head = f"{state}  {self.run_id}  {self.goal}  {self.stages}".rstrip()
        moved = [("holds  " if m.holds else "fails  ") + str(m) for m in self.metrics if m.base != m.candidate or not m.holds]
        return [head, *(f"         {line}" for line in ([self.error] if self.error else [*([self.first] if self.first else []), *moved]))]

    def document(self) -> dict[str, Any]:
        """Return the run as JSON."""
        return {
            "run_id": self.run_id, "goal_id": self.goal, "good": self.good, "stages": self.stages, "first_difference": self.first,
            "error": self.error, "metrics": [m.document for m in self.metrics],
        }  # fmt: skip


def parse_metrics(texts: Sequence[str] | None) -> tuple[Metric, ...] | None:
    """Return the metrics asked for, None where every figure is to be equal; DY2602 in another form."""
    return tuple(parse_metric(t) for t in texts) if texts else None


def shadowed(
    run: tuple[str, str],
    solution: Mapping[str, Any],
    document: Mapping[str, Any] | None,
    told: str,
    metrics: tuple[Metric, ...] | None,
) -> Shadowed:
    """Hold a replay's report (what ``replay --json`` of any version prints) against the recorded solution of a run (its id and goal).

    The report names the figures that differ with both values; every other figure is the recorded one.
    """
    if document is None:
        return Shadowed(*run, (), error=f"the candidate could not replay it: {told}")
    recorded = {k: v for k, v in figures_of(solution).items() if k not in ("bound", "gap")}
    replayed = dict(recorded)
    for name, before, after in document["kpis"]:
        replayed.pop(name, None)
        if after is not None:
            replayed[name] = float(after)
        if before is not None:
            recorded[name] = float(before)
    objective = document["objective"][1]
    replayed.pop("objective", None)
    if objective is not None:
        replayed["objective"] = float(objective)
    asked = metrics if metrics is not None else tuple(Metric(n, "==", KPI_TOLERANCE) for n in sorted({*recorded, *replayed}))
    equal = sum(s["state"] != "differs" for s in document["stages"])
    first = document.get("first_difference")
    return Shadowed(
        *run,
        tuple(compare_metrics(recorded, replayed, asked)),
        f"{equal} of {len(document['stages'])} stages equal",
        f"first difference: stage {first['stage']}" + (f" at {first['path']}" if first["path"] else "") if first else "",
    )

"""Which runs may go: all but the last N of each plan, and never one that something refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyocense_cli.errors import StoreError
from dyocense_cli.runner.references import manifest_of

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep removes and what it keeps, each kept run with the reason."""

    remove: tuple[str, ...]
    keep: Mapping[str, str]


def sweep(runs: RunStore, *, keep_last: int, pinned: Iterable[str] = ()) -> Sweep:
    """Return which runs may be removed: per plan (goal and variant) all but the newest `keep_last`.

    Kept besides: runs named in `pinned`, the newest run of every plan whatever `keep_last` says, and runs that another kept run names
    (a warm start, a freeze). A run whose manifest cannot be read is kept, so that someone looks at it.
    """
    keep: dict[str, str] = {}
    plans: dict[tuple[str, str], list[str]] = {}
    manifests: dict[str, dict[str, Any]] = {}
    for run_id in runs.list():
        try:
            manifests[run_id] = manifest_of(runs, run_id)
        except (StoreError, ValueError, KeyError, TypeError):
            keep[run_id] = "its manifest cannot be read"
            continue
        plans.setdefault((manifests[run_id]["goal_id"], manifests[run_id]["variant"]), []).append(run_id)
    for (goal, variant), ids in plans.items():
        for run_id in ids[-max(1, keep_last) :]:
            keep[run_id] = f"among the last {max(1, keep_last)} of {goal}:{variant}"
    keep.update((run_id, "pinned") for run_id in pinned if run_id in manifests)
    _follow(keep, manifests)
    return Sweep(tuple(r for r in manifests if r not in keep), dict(sorted(keep.items())))


def _follow(keep: dict[str, str], manifests: Mapping[str, dict[str, Any]]) -> None:
    """Keep what a kept run refers to, however far back."""
    by_print = {m["run_fingerprint"]: run_id for run_id, m in manifests.items()}
    waiting = [r for r in keep if r in manifests]
    while waiting:
        here = waiting.pop()
        options = manifests[here].get("options") or {}
        for value in [*options.values(), *(manifests[here].get("overrides") or {}).values()]:
            named = value if value in manifests else by_print.get(value, "")
            if named and named not in keep:
                keep[named] = f"run {here} refers to it"
                waiting.append(named)

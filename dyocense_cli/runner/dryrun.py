"""Foretell what a run would do and why, writing nothing.

Stages up to the model are run in memory, since they are quick and their bytes decide what follows; from the solve on, a stage's key
follows from the keys before it, so that looking it up tells exactly whether it would run. What is not foretold is whether a solve that
would run finds a plan: the stress test of one that does not is skipped, which its line says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dyocense_cli.artifacts.fingerprint import bytes_sha
from dyocense_cli.errors import DyocenseError, StoreError
from dyocense_cli.runner.changes import changes
from dyocense_cli.runner.execute import AFTER_SOLVE, Execution
from dyocense_cli.runner.memo import Held, Memo
from dyocense_cli.runner.pipeline import PLAN, Ask, Stage
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.run import Kernel
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.ports import BlobStore, RunStore, StageCache
    from dyocense_cli.runner.order import Order

__all__ = ["Forecasted", "foretell"]

_STAGES: Final = {stage.name: stage for stage in PLAN}
_MAKERS: Final = {stage.gives: stage for stage in PLAN}


@dataclass(frozen=True, slots=True)
class Forecasted:
    """What would happen to one stage: ``run``, ``cached`` or ``skipped``, and the reason; `unless` is what would have it skipped."""

    stage: str
    state: str
    why: str
    unless: str = ""


class _Bytes:
    """A blob store that reads from the real one and writes to memory."""

    features: ClassVar[frozenset[str]] = frozenset({"local"})

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._bytes: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep bytes in memory."""
        sha = str(bytes_sha(data))
        self._bytes[sha] = data
        return sha

    def get(self, sha: str) -> bytes:
        """Return bytes from memory or the real store."""
        return self._bytes[sha] if sha in self._bytes else self._blobs.get(sha)

    def has(self, sha: str) -> bool:
        """Say whether bytes are known."""
        return sha in self._bytes or self._blobs.has(sha)

    def list(self) -> Iterator[str]:
        """Yield what the real store holds."""
        return self._blobs.list()

    def delete(self, sha: str) -> None:
        """Forget what memory holds."""
        self._bytes.pop(sha, None)


class _Keys:
    """A stage cache that writes to memory."""

    features: ClassVar[frozenset[str]] = frozenset({"local"})

    def __init__(self, cache: StageCache) -> None:
        self._cache = cache
        self._keys: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return what memory or the real cache holds."""
        return self._keys.get(key) or self._cache.get(key)

    def put(self, key: str, fingerprint: str) -> None:
        """Remember in memory."""
        self._keys[key] = fingerprint

    def clear(self) -> int:
        """Forget what memory holds."""
        count = len(self._keys)
        self._keys.clear()
        return count


def foretell(kernel: Kernel, order: Order) -> list[Forecasted]:
    """Return every stage in order with its state and why; nothing is written anywhere."""
    real = kernel.memo
    kernel.memo = Memo(_Bytes(real.blobs), _Keys(real.cache))
    try:
        execution = kernel.run(dataclasses.replace(order, keep=False), until="compile")
        unless = {stage.name: _look_up(execution, stage) for stage in PLAN if stage.name in AFTER_SOLVE}
    finally:
        kernel.memo = real
    last = _last_run(kernel.runs, execution.held["goal"].value)
    reasons = _Reasons(kernel.runs, last, execution) if last is not None else None
    return [
        Forecasted(name, state, _said(reasons, name) if state == "run" else "", unless.get(name, ""))
        for name, state in execution.states.items()
    ]


def _look_up(execution: Execution, stage: Stage | Ask) -> str:
    """Note the state of a stage from the solve on; return what would have it skipped after all."""
    solution = execution.held.get("solution")
    solved = solution is not None and bool(solution.doc)
    if stage.name != "solve" and "optimodel" not in execution.held and stage.name != "evidence":
        execution.states[stage.name] = "skipped"
        return ""
    if stage.name == "stress" and solved and execution.ruled_out(stage):
        execution.states[stage.name] = "skipped"
        return ""
    key = execution.key(stage)
    found = execution.memo.find(stage.gives, key, key) if execution.ports.use_cache else None
    execution.held[stage.gives] = found or Held(stage.gives, "", key)
    execution.states[stage.name] = "cached" if found else "run"
    return "no plan is found" if stage.name == "stress" and not solved else ""


def _last_run(runs: RunStore, goal: Any) -> str | None:
    for run_id in reversed(runs.list()):
        try:
            manifest = manifest_of(runs, run_id)
        except (StoreError, ValueError, KeyError):
            continue
        if manifest["goal_id"] == goal.id and manifest["variant"] == goal.variant:
            return run_id
    return None


def _said(reasons: _Reasons | None, name: str) -> str:
    return "first run of this goal" if reasons is None else reasons.why(name)


@dataclass(slots=True)
class _Reasons:
    """Why stages would run: what differs from the last run of the goal, traced back to the row or field where it began."""

    runs: RunStore
    last: str
    execution: Execution
    records: Mapping[str, Any] = field(init=False)
    told: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records = {r["name"]: r for r in manifest_of(self.runs, self.last)["stages"]}

    def why(self, name: str) -> str:
        if name not in self.records:
            return "did not run before"
        for need in _STAGES[name].needs:
            held = self.execution.held.get(need)
            if held is not None and not held.fingerprint:
                return self.cause("solve") or f"{need} is made anew"
        return self.own(name) or self.cause(name) or "its result is not in the cache, or settings changed"

    def own(self, name: str) -> str:
        """Say how what a first stage gives differs: the goal of another text, the context of other tables."""
        return self.detail(_STAGES[name].gives) if name in ("parse", "bind") else ""

    def cause(self, name: str) -> str:
        """Return the first difference that led to a stage's inputs, empty if they are those of the last run."""
        for need in _STAGES[name].needs:
            held = self.execution.held.get(need)
            if held is None or self.records[name]["inputs"].get(need) in (None, held.fingerprint):
                continue
            maker = _MAKERS.get(need)
            deeper = self.cause(maker.name) if maker is not None and maker.name in self.records and maker.name != "bind" else ""
            return deeper or self.detail(need)
        return ""

    def detail(self, need: str) -> str:
        if need not in self.told:
            self.told[need] = self._detail(need)
        return self.told[need]

    def _detail(self, need: str) -> str:
        if need == "tables":
            return self.detail("context")
        try:
            found = changes(snapshot_artifact(self.runs, self.last, need), self.execution.held[need].value, most=2)
        except DyocenseError:
            found = []
        if not found:
            return "the tables' bytes changed, not what they say" if need == "context" else f"{need} changed"
        return str(found[0]) + (" and more" if len(found) > 1 else "")

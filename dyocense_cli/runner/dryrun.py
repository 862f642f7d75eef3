"""Foretell what a run would do and why, writing nothing.

Stages up to the model are run in memory, since they are quick and their bytes decide what follows; from the solve on, a stage's key
follows from the keys before it, so that looking it up tells exactly whether it would run. Whether a solve that would run finds a plan
is not foretold: without one the stress test, told as ``run``, is skipped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dyocense_cli.artifacts.fingerprint import bytes_sha
from dyocense_cli.errors import DyocenseError, StoreError
from dyocense_cli.runner.changes import changes
from dyocense_cli.runner.execute import AFTER_SOLVE, Execution
from dyocense_cli.runner.memo import Held, Memo
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.run import Kernel
from dyocense_cli.runner.snapshot import snapshot_artifact

if TYPE_CHECKING:
    from dyocense_cli.ports import BlobStore, RunStore, StageCache
    from dyocense_cli.runner.order import Order

__all__ = ["Forecasted", "foretell"]


@dataclass(frozen=True, slots=True)
class Forecasted:
    """What would happen to one stage: ``run`` or ``cached``, and the reason."""

    stage: str
    state: str
    why: str


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
        for stage in PLAN:
            if stage.name in AFTER_SOLVE:
                _look_up(execution, stage)
    finally:
        kernel.memo = real
    last = _last_run(kernel.runs, execution.held["goal"].value)
    return [
        Forecasted(name, state, _why(kernel.runs, last, execution, name) if state == "run" else "")
        for name, state in execution.states.items()
    ]


def _look_up(execution: Execution, stage: Any) -> None:
    key = execution.key(stage)
    found = execution.memo.find(stage.gives, key, key) if execution.ports.use_cache else None
    execution.held[stage.gives] = found or Held(stage.gives, "", key)
    execution.states[stage.name] = "cached" if found else "run"


def _last_run(runs: RunStore, goal: Any) -> str | None:
    for run_id in reversed(runs.list()):
        try:
            manifest = manifest_of(runs, run_id)
        except (StoreError, ValueError, KeyError):
            continue
        if manifest["goal_id"] == goal.id and manifest["variant"] == goal.variant:
            return run_id
    return None


def _why(runs: RunStore, last: str | None, execution: Execution, name: str) -> str:
    """Say which input differs from the last run of this goal, down to the field."""
    if last is None:
        return "first run of this goal"
    records = {r["name"]: r for r in manifest_of(runs, last)["stages"]}
    if name not in records:
        return "did not run before"
    stage = next((s for s in PLAN if s.name == name), None)
    needs = stage.needs if stage is not None else ()
    for need in needs:
        held = execution.held.get(need)
        if held is None or not held.fingerprint:
            return f"{need} is made anew"
        if records[name]["inputs"].get(need) not in (None, held.fingerprint):
            return _detail(runs, last, need, held)
    return "its result is not in the cache, or settings changed"


def _detail(runs: RunStore, last: str, need: str, held: Held) -> str:
    try:
        found = changes(snapshot_artifact(runs, last, need), held.value, most=2)
    except DyocenseError:
        found = []
    if not found:
        return f"{need} changed"
    return str(found[0]) + (" and more" if len(found) > 1 else "")

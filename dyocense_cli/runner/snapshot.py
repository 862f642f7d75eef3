"""Read artifacts back from a stored run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dyocense_cli.artifacts.codec import decode
from dyocense_cli.artifacts.fingerprint import bytes_sha
from dyocense_cli.errors import StoreError
from dyocense_cli.runner.memo import array_from
from dyocense_cli.runner.nouns import noun

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["snapshot_artifact"]


def snapshot_artifact(runs: RunStore, run_id: str, name: str) -> Any:
    """Return an artifact of a run by its pipeline name, from the run's own files.

    Raises
    ------
    StoreError
        DY5003 if the run has no such artifact, DY5002 if an array does not match its hash.
    """
    stored = json.loads(runs.read(run_id, f"artifacts/{name}.json"))
    arrays = {}
    for sha, place in stored["arrays"].items():
        file = f"artifacts/arrays/{place.removeprefix('sha256:')}.npy"
        data = runs.read(run_id, file)
        if bytes_sha(data) != place:
            raise StoreError("DY5002", f"{file[:30]}….npy of run {run_id} was altered", hints=f"dyocense evidence verify {run_id}")
        arrays[sha] = array_from(data)
    return decode(noun(name), stored, arrays)

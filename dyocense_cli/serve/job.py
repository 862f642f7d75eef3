"""What a worker's child is told, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["SHARED", "Job", "Outcome", "read_lines"]

#: Folders of the project that goals of tenants may refer to; nothing else of it can be read.
SHARED = ("goals", "fixtures", "contexts", "models", "policies")


@dataclass(frozen=True, slots=True)
class Job:
    """One run for the child. `body` is the request; `folder` the child's own folder, `store` and `cache` those of the tenant inside it."""

    run_id: str
    kind: str
    tenant_id: str
    tier: str
    project: str
    folder: str
    store: str
    cache: str
    scenarios: int
    time_limit_s: float
    body: Mapping[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict)
    #: Before its solve the child waits for the file ``go``: the worker counts solves, and stores what came before.
    gate: bool = False
    #: The child lays what its stages made in packs below ``packs``, which the worker stores, and takes up the packs it finds there.
    shelve: bool = False

    #: Into how many parts at most a forecast or a solve may be taken, and the share of its time that this has to save; the parts are
    #: then answered in place of a result. 0: never.
    most_parts: int = 0
    part_saves: float = 0.0
    #: What was in parts already (``skus``, ``programs``): their answers are kept, and it is not taken apart again.
    apart: Sequence[str] = ()

    def to_json(self) -> bytes:
        """Return the bytes for the child's standard input."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended: a result, or a problem; exactly one of them is set."""

    result: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None
    figures: Mapping[str, float]


def read_lines(stdout: bytes) -> Outcome | None:
    """Return the outcome that the child printed last, or None if it ended before it could."""
    for line in reversed(stdout.splitlines()):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("what") == "outcome":
            return Outcome(said.get("result"), said.get("problem"), {str(k): float(v) for k, v in said.get("figures", {}).items()})
    return None

"""What a run was: stages, fingerprints, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["RunManifest", "StageRecord"]


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage: inputs and output by fingerprint, version, cache key."""

    name: str
    version: int
    inputs: Mapping[str, str]
    output: str
    key: str


@dataclass(frozen=True, slots=True)
class RunManifest:
    """Written last; a run without one never happened. `files` maps run-directory files to SHA-256 of their bytes."""

    kind: ClassVar[str] = "run_manifest"
    schema_version: ClassVar[int] = 1

    run_id: str
    run_fingerprint: str
    goal_id: str
    variant: str
    status: str
    termination: str
    created_at: str  # ISO; in no fingerprint, but in the run id
    as_of: str
    seed: int
    reproducible: bool
    stages: tuple[StageRecord, ...]
    fingerprints: Mapping[str, str]  # goal_sha context_sha scenario_sha optimodel_sha plan_dna policy_snapshot config_sha
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    files: Mapping[str, str]
    evidence_ref: str = ""
    snapshot_hash: str = ""
    command: str = "plan"
    draft: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    tenant_id: str = "local"
    warnings: tuple[str, ...] = ()
    #: what shapes the outcome beside goal and context: compile_policy, and warm_start where a solve began from another plan
    options: Mapping[str, str] = field(default_factory=dict)

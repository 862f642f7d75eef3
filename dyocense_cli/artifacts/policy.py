"""What is asked of policy, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dyocense_cli.artifacts.codec import META
from dyocense_cli.errors import Finding

__all__ = ["Admission", "Principal", "Verdict"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    kind: ClassVar[str] = "principal"
    schema_version: ClassVar[int] = 1

    tenant_id: str = "local"
    tier: str = "pro"
    subject: str = "local"


@dataclass(frozen=True, slots=True)
class Admission:
    """Policy's answer about a goal before it runs; `rules` are policies to compile into the model."""

    kind: ClassVar[str] = "admission"
    schema_version: ClassVar[int] = 1

    allow: bool
    findings: tuple[Finding, ...] = field(default=(), metadata=META)  # carry places in files
    denied: tuple[str, ...] = ()  # ids of rules that deny
    engine: str = ""
    engine_version: str = ""
    policy_snapshot: str = ""
    evaluated: bool = True
    draft_reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # facts that were read, as JSON text by name
    #: denied suppliers, caps and their rule ids that the compiler turns into `where` and limits
    denied_suppliers: Mapping[str, str] = field(default_factory=dict)
    caps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Policy's answer about a finished plan and each suggested relaxation."""

    kind: ClassVar[str] = "verdict"
    schema_version: ClassVar[int] = 1

    allow: bool
    findings: tuple[Finding, ...] = field(default=(), metadata=META)
    denied: tuple[str, ...] = ()
    engine: str = ""
    engine_version: str = ""
    policy_snapshot: str = ""
    evaluated: bool = True
    draft_reason: str = ""
    relaxations: Mapping[str, bool] = field(default_factory=dict)

"""What is asked of policy, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dyocense_cli.artifacts.codec import META
from dyocense_cli.errors import Finding

__all__ = ["Admission", "Cap", "Principal", "Verdict"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    kind: ClassVar[str] = "principal"
    schema_version: ClassVar[int] = 1

    tenant_id: str = "local"
    tier: str = "pro"
    subject: str = "local"


@dataclass(frozen=True, slots=True)
class Cap:
    """A spend cap that the compiler turns into a limit: spend (in the context's currency) ≤ `max`.

    `name` is the name of the model's rule (``POL-S001``, ``POL-S003:dairy``), `rule` the policy's id, `over` is ``horizon``
    or ``period``; with `category` or `supplier` only that part of the spend counts.
    """

    name: str
    rule: str
    max: float
    over: str = "horizon"
    category: str | None = None
    supplier: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Policy's answer about a goal before it runs; `denied_suppliers` and `caps` are policies to compile into the model."""

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
    #: supplier -> id of the rule that denies it; the compiled rule has that id as its name and ``policy:<id>`` as its source
    denied_suppliers: Mapping[str, str] = field(default_factory=dict)
    #: spend caps, sorted by name; empty with `--no-compile-policy`, as is `denied_suppliers`
    caps: tuple[Cap, ...] = ()
    #: the decision record (JSON text): document asked, query, answer, engine, snapshot; replays in `opa eval`
    record: str = field(default="", metadata=META)


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
    #: by `--set` line of the relaxation (its rule's name where there is none): may it be applied?
    relaxations: Mapping[str, bool] = field(default_factory=dict)
    #: under the same names: why not, as rule ids and sentences
    reasons: Mapping[str, str] = field(default_factory=dict)
    record: str = field(default="", metadata=META)

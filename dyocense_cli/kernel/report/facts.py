"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.evidence import EvidenceGraph
from dyocense_cli.artifacts.forecast import ForecastSet, ScenarioSet
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Explanation, Plan, StressReport
from dyocense_cli.artifacts.policy import Admission, Verdict
from dyocense_cli.artifacts.solution import CheckReport, Solution

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Artifacts of one run, named as in the pipeline; a part that the run did not reach is None and its section is left out.

    `fingerprints` and `versions` are what the manifest lists. Nothing here is a clock time or a run id, so that a replayed run
    has the same report, byte for byte.
    """

    goal: Goal
    plan: Plan
    context: Context | None = None
    admission: Admission | None = None
    forecast_set: ForecastSet | None = None
    scenario_set: ScenarioSet | None = None
    optimodel: OptiModel | None = None
    solution: Solution | None = None
    check_report: CheckReport | None = None
    stress_report: StressReport | None = None
    explanation: Explanation | None = None
    verdict: Verdict | None = None
    evidence_graph: EvidenceGraph | None = None
    #: values of every variable family, dense over its dims
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    #: file:line:column of each source pointer (``goal:/limits/budget``, ``model:/constraints/balance``)
    places: Mapping[str, str] = field(default_factory=dict)
    run_fingerprint: str = ""
    evidence_ref: str = ""
    as_of: str = ""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, held: Mapping[str, object], **about: object) -> Facts:
        """Take the artifacts that a run holds, by pipeline name; names that a report does not use are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in {**held, **about}.items() if k in known})  # type: ignore[arg-type]  # names are the contract

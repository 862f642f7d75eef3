"""Artifact classes by the name they have in the pipeline, imported on use."""

from __future__ import annotations

import importlib
from typing import Any, Final

__all__ = ["NOUNS", "noun", "resolve"]

NOUNS: Final[dict[str, str]] = {
    "goal": "artifacts.goal:Goal",
    "context_spec": "artifacts.context:ContextSpec",
    "model_spec": "artifacts.model:ModelSpec",
    "tables": "artifacts.context:Tables",
    "context": "artifacts.context:Context",
    "principal": "artifacts.policy:Principal",
    "lint_report": "artifacts.lint:LintReport",
    "admission": "artifacts.policy:Admission",
    "forecast_request": "artifacts.request:ForecastRequest",
    "sample_request": "artifacts.request:SampleRequest",
    "forecast_set": "artifacts.forecast:ForecastSet",
    "scenario_set": "artifacts.forecast:ScenarioSet",
    "optimodel": "artifacts.optimodel:OptiModel",
    "ground_model": "artifacts.ground:GroundModel",
    "solver_options": "artifacts.goal:SolverOptions",
    "solution": "artifacts.solution:Solution",
    "check_report": "artifacts.solution:CheckReport",
    "plan": "artifacts.plan:Plan",
    "stress_report": "artifacts.plan:StressReport",
    "explanation": "artifacts.plan:Explanation",
    "verdict": "artifacts.policy:Verdict",
    "evidence_graph": "artifacts.evidence:EvidenceGraph",
}


def resolve(path: str) -> Any:
    """Import ``module:attribute`` below the package."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(f"dyocense_cli.{module}"), attribute)


def noun(name: str) -> type:
    """Return the artifact class of a pipeline name."""
    cls: type = resolve(NOUNS[name])
    return cls

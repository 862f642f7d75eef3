"""Lint as a stage of the pipeline: errors stop a goal before anything is forecast; and as an explanation of what cannot be."""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.lint import LintReport
from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.errors import Finding, Findings
from dyocense_cli.kernel.lint.case import Case
from dyocense_cli.kernel.lint.run import has_errors, stages

__all__ = ["impossible", "lint_goal"]


def lint_goal(goal: Goal, model_spec: ModelSpec, context: Context) -> LintReport:
    """Return the warnings of stages X, F and O; what F proves is a warning here, since "infeasible" is an answer with ways out.

    Raises
    ------
    Findings
        DY2000 with every finding of X and O, if one is an error.
    """
    case = Case(goal.file, "", goal, model_spec, None, context)
    findings = stages(case, ("X", "O"))
    if has_errors(findings):
        raise Findings(findings)
    told = tuple(replace(f, severity="warning") if f.severity == "error" else f for f in stages(case, ("F",)))
    return LintReport(findings + told)


def impossible(goal: Goal, model_spec: ModelSpec, context: Context, scenario_set: ScenarioSet) -> tuple[Finding, ...]:
    """Return what F rules prove of a goal on the scenarios of a run: why no plan can exist, where a bound shows it."""
    case = Case(goal.file, "", goal, model_spec, None, context, scenarios=scenario_set)
    return tuple(f for f in stages(case, ("F",)) if f.severity == "error")

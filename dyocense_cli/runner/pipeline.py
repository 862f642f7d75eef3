"""The pipeline, as data: one tuple of stages.

A `Stage` is pure: same inputs, same bytes. An `Ask` is a question to a port; its answer is stored like any artifact, so
that a run replays without the world. `run` is ``module:function`` below `dyocense_cli`, imported on use, so that a run whose
stages are all cached imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["COMPILE", "FORECAST", "LINT", "PLAN", "SOLVE", "Ask", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A pure step: `needs` and `gives` are artifact names; `lent` the effects it is given; `keep` false if its output is
    recomputed rather than stored."""

    name: str
    version: int
    needs: tuple[str, ...]
    gives: str
    run: str
    lent: bool = False
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a port: the kernel function `run` words it and reads the answer."""

    name: str
    version: int
    needs: tuple[str, ...]
    gives: str
    port: str
    run: str | None = None
    keep: bool = True


#: text, principal, model_text, tables and as_of enter at the top; goal, spec and model are parsed every time (milliseconds).
PLAN: Final[tuple[Stage | Ask, ...]] = (
    Stage("parse", 1, ("text",), "goal", "kernel.goaldsl.parse:parse_goal"),
    Stage("bind", 1, ("goal", "context_spec", "tables"), "context", "kernel.context.bind:bind"),
    Stage("lint", 1, ("goal", "model_spec", "context"), "lint_report", "kernel.lint.stage:lint_goal"),
    Ask("admit", 1, ("goal", "context", "principal"), "admission", "policy", "kernel.policy.admit:admit"),
    Stage("ask_forecast", 1, ("goal", "context"), "forecast_request", "kernel.context.request:forecast_request"),
    Stage("ask_sample", 1, ("goal", "context"), "sample_request", "kernel.context.request:sample_request"),
    Ask("forecast", 1, ("forecast_request",), "forecast_set", "forecaster"),
    Stage("sample", 1, ("forecast_set", "sample_request"), "scenario_set", "kernel.scenarios.sample:sample"),
    Stage(
        "compile",
        2,
        ("goal", "model_spec", "context", "scenario_set", "admission"),
        "optimodel",
        "kernel.optiguide.compile:compile_goal",
    ),
    Stage("solve", 3, ("optimodel", "solver_options"), "solution", "kernel.optimizer.drive:solve_model", lent=True),
    Stage("check", 2, ("optimodel", "solution"), "check_report", "kernel.check.check:check"),
    Stage("interpret", 2, ("optimodel", "solution", "check_report"), "plan", "kernel.plan.interpret:interpret"),
    Stage("stress", 3, ("optimodel", "scenario_set", "solution"), "stress_report", "kernel.stress.stress:stress", lent=True),
    Stage("explain", 3, ("optimodel", "solution", "plan"), "explanation", "kernel.explain.explain:explain", lent=True),
    Ask("guard", 1, ("goal", "context", "plan", "explanation", "principal"), "verdict", "policy", "kernel.policy.guard:guard"),
    Stage(
        "evidence",
        2,
        (
            "goal",
            "context",
            "admission",
            "forecast_set",
            "scenario_set",
            "optimodel",
            "solution",
            "check_report",
            "plan",
            "stress_report",
            "explanation",
            "verdict",
            "principal",
        ),
        "evidence_graph",
        "kernel.evidence.build:build",
    ),
)


def _until(name: str) -> tuple[Stage | Ask, ...]:
    index = next(i for i, s in enumerate(PLAN) if s.name == name)
    return PLAN[: index + 1]


LINT: Final = _until("admit")
FORECAST: Final = _until("sample")
COMPILE: Final = _until("compile")
SOLVE: Final = _until("interpret")

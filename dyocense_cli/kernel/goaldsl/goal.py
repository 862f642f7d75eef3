"""The schema of a goal file, and the `Goal` it becomes with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from dyocense_cli.artifacts.goal import ExplainOptions, ForecastOptions, Goal, Horizon, ReduceOptions, RuleSpec, SolverOptions
from dyocense_cli.defaults import default
from dyocense_cli.errors import Span
from dyocense_cli.kernel.goaldsl.schema import Choice, Field, ListOf, MapOf, Number, Obj, Text
from dyocense_cli.kernel.goaldsl.shapes import (
    DATE,
    EVERY,
    FRACTION,
    HOLD,
    ID,
    METHOD,
    NAMES,
    RELAX,
    RISK,
    SECONDS_OF,
    SETTINGS,
    TEXT,
    WEIGHT,
    Setting,
)

__all__ = ["GOAL", "assemble"]

_COUNT: Final = Number(whole=True, low=0)
_AT_LEAST_ONE: Final = Number(whole=True, low=1, rule="DYO-S012")

_HORIZON: Final = Obj(
    (
        Field("periods", _AT_LEAST_ONE, doc="Number of periods."),
        Field("every", EVERY, doc="Length of a period: day, week, month, quarter, year, or a count such as `2 weeks`."),
        Field("start", DATE, doc="First day of the first period; the day after the history if absent."),
    ),
    doc="The calendar of the plan.",
)

_REDUCE: Final = Obj(
    (
        Field("to", Number(whole=True, low=1), required=True, example="20", doc="Number of scenarios kept."),
        Field("method", Choice(("none", "stratified", "k-medoids", "forward"))),
    )
)

_FORECAST: Final = Obj(
    (
        Field("model", METHOD, doc="A forecasting method, or auto; another engine's after its name and a colon."),
        Field("num_scenarios", Number(whole=True, low=1), doc="Joint futures that the plan is made for."),
        Field("seed", _COUNT, doc="Seed of the sample paths."),
        Field("reduce", _REDUCE, doc="Solve on fewer, representative scenarios."),
        Field("regressors", NAMES, doc="Columns of the history that explain demand."),
        Field("scenarios", TEXT, doc="A scenario file, or a table of the context; then nothing is forecast."),
        Field("fresh", _COUNT, doc="Fresh scenarios for the stress test; 0 = as many as num_scenarios."),
        Field("pool", _COUNT, doc="Scenarios drawn before reduction; 0 = num_scenarios."),
    )
)

_RULE: Final = Obj(
    (
        Field("expression", TEXT, required=True, example="sum(spend) <= 100"),
        Field("dims", NAMES),
        Field("where", TEXT),
        Field("hold", HOLD),
        Field("intent", TEXT, doc="The rule in one sentence, with {dim} slots."),
        Field("relax", RELAX, doc="Cost of relaxing it; false = never suggested."),
    ),
    into=RuleSpec,
    named=True,
    short="expression",
)

_SOLVER: Final = Obj(
    (
        Field("backend", METHOD),
        Field("time_limit", SECONDS_OF, attr="time_limit_s", doc="Wall clock limit, such as `20 s`."),
        Field("mip_gap", Number(units={"%": 0.01}), doc="Relative gap at which solving ends."),
        Field("threads", _COUNT, doc="0 = as many as the machine or tier allows."),
        Field("seed", _COUNT),
        Field("method", Choice(("auto", "monolith", "decompose"))),
        Field(
            "limits",
            Obj((Field("nodes", Number(whole=True, low=1)), Field("work", Number(low=0.0)))),
            spread=True,
            doc="Limits that stop reproducibly.",
        ),
    )
)

GOAL: Final = Obj(
    (
        Field("dsl", Choice(("goal/v1",)), required=True, attr="", example="goal/v1"),
        Field("id", ID, required=True, example="my-goal", doc="With `variant`, the key under which runs start warm."),
        Field("variant", ID),
        Field("title", TEXT),
        Field("owner", TEXT, doc="Who answers for this goal."),
        Field("model", TEXT, required=True, example="replenishment", doc="A shipped model's name, or a path to a model file."),
        Field("context", TEXT, required=True, example="context.yaml", doc="Path to the context file, from this file."),
        Field("pin", Text(r"sha256:[0-9a-f]{64}", "sha256: and 64 hex digits"), doc="Fingerprint that the bound context must have."),
        Field("horizon", _HORIZON),
        Field("forecast", _FORECAST),
        Field("objective", MapOf(WEIGHT), doc="Term name -> weight; a unit such as 0.08 EUR/kg prices the term."),
        Field("limits", MapOf(SETTINGS), doc="Limit name -> settings; limits are declared by the model."),
        Field("constraints", MapOf(_RULE, as_tuple=True), doc="Extra rules in the model language."),
        Field("robust", Obj((Field("aggregation", RISK, attr="aggregation"),)), spread=True, doc="Attitude to risk."),
        Field("explain", Obj((Field("track", NAMES), Field("sensitivities", NAMES)))),
        Field("solver", _SOLVER),
        Field("policies", ListOf(TEXT), doc="Policy packages; `all` is the default."),
        Field("settings", MapOf(Setting()), doc="Switches of the model, such as `unmet: backorder`."),
        Field("freeze", _COUNT, doc="First periods whose orders are kept from the earlier plan."),
        Field("max_churn", FRACTION, doc="Most change against the earlier plan."),
    ),
    doc="A goal: what is wanted of a plan.",
)

T = TypeVar("T", bound="float | int | str | bool | tuple[str, ...]")


def _fill(values: Mapping[str, Any], key: str, name: str, kind: type[T]) -> T:
    found = values.get(key)
    found = default(name) if found is None else found
    assert isinstance(found, kind), name
    return found


def _settings(limits: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return limits that exist: `true` is a limit without settings, `false` is none."""
    return {name: ({} if setting is True else setting) for name, setting in limits.items() if setting is not False}


def _reduce(values: Mapping[str, Any] | None) -> ReduceOptions | None:
    if values is None:
        return None
    return ReduceOptions(values["to"], _fill(values, "method", "forecast.reduce_method", str))


def _forecast(values: dict[str, Any]) -> ForecastOptions:
    known = {name: values[name] for name in ("regressors", "scenarios", "fresh", "pool") if name in values}
    return ForecastOptions(
        model=_fill(values, "model", "forecast.model", str),
        num_scenarios=_fill(values, "num_scenarios", "forecast.num_scenarios", int),
        seed=_fill(values, "seed", "forecast.seed", int),
        reduce=_reduce(values.get("reduce")),
        **known,
    )


def _solver(values: Mapping[str, Any]) -> SolverOptions:
    known = {name: values[name] for name in ("nodes", "work", "method") if name in values}
    return SolverOptions(
        backend=_fill(values, "backend", "solver.backend", str),
        time_limit_s=_fill(values, "time_limit_s", "solver.time_limit_s", float),
        mip_gap=_fill(values, "mip_gap", "solver.mip_gap", float),
        threads=_fill(values, "threads", "solver.threads", int),
        seed=_fill(values, "seed", "solver.seed", int),
        **known,
    )


def assemble(values: dict[str, Any], *, spans: Mapping[str, Span], file: str) -> Goal:
    """Return the goal of checked values, defaults filled in from `defaults.py`."""
    horizon = values.get("horizon", {})
    explain = values.get("explain", {})
    return Goal(
        id=values["id"],
        variant=values.get("variant", "base"),
        title=values.get("title", values["id"]),
        owner=values.get("owner", ""),
        model=values["model"],
        context=values["context"],
        horizon=Horizon(
            _fill(horizon, "periods", "horizon.periods", int), _fill(horizon, "every", "horizon.every", str), horizon.get("start")
        ),
        forecast=_forecast(values.get("forecast", {})),
        objective=values.get("objective", {}),
        limits=_settings(values.get("limits", {})),
        constraints=values.get("constraints", ()),
        aggregation=_fill(values, "aggregation", "robust.aggregation", str),
        explain=ExplainOptions(
            _fill(explain, "track", "explain.track", tuple), _fill(explain, "sensitivities", "explain.sensitivities", tuple)
        ),
        solver=_solver(values.get("solver", {})),
        policies=values.get("policies", ("all",)),
        settings=values.get("settings", {}),
        freeze=values.get("freeze", 0),
        max_churn=values.get("max_churn"),
        pin=values.get("pin", ""),
        spans=spans,
        file=file,
    )

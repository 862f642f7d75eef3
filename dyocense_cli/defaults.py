"""Every default number, with unit, reason and source.

A default is written here once; `settings` resolves it against toml, environment and flags, and `dyocense config show` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULTS", "Default", "default"]


@dataclass(frozen=True, slots=True)
class Default:
    """A default value with its unit, the reason for it and where it is from."""

    value: float | int | str | bool | tuple[str, ...]
    unit: str
    reason: str
    source: str


_DESIGN5: Final = "kernel design §5"
_TIERS: Final = "kernel design §10.10"
_SOLVERS: Final = "measured: benchmarks"

DEFAULTS: Final[dict[str, Default]] = {
    "horizon.periods": Default(4, "periods", "a month of weekly orders", _DESIGN5),
    "horizon.every": Default("week", "calendar", "purchasing rhythm of the shipped goals", "GoalDSL"),
    "forecast.model": Default("auto", "name", "choose per series by backtest", _DESIGN5),
    "forecast.num_scenarios": Default(50, "scenarios", "spread measurable within one solve", _DESIGN5),
    "forecast.seed": Default(424242, "", "one seed per run", "kernel design §10.8"),
    "forecast.reduce_method": Default("stratified", "name", "3 % decision gap at 1000→50, k-medoids 16 %", "forecast spec, measured"),
    "solver.backend": Default("auto", "name", "HiGHS by arrays, decomposition where the model has blocks", "OptiModel"),
    "solver.time_limit_s": Default(20.0, "s", "P50 solve below 20 s", _DESIGN5),
    "solver.mip_gap": Default(0.02, "relative", "plans proven within 2 %", _DESIGN5),
    "solver.threads": Default(0, "threads", "as many as the machine or tier allows", _DESIGN5),
    "solver.seed": Default(424242, "", "fixed for replay", "kernel design §10.8"),
    "robust.aggregation": Default("p95", "name", "cost held in 95 % of scenarios", _DESIGN5),
    "explain.track": Default(("budget", "moq", "balance", "lead_time"), "rules", "what buyers ask first", _DESIGN5),
    "explain.sensitivities": Default(("price", "moq"), "parameters", "what buyers negotiate", _DESIGN5),
    "check.feasibility_tolerance": Default(1e-6, "absolute, scaled by 1+|row|", "HiGHS primal feasibility tolerance is 1e-7", _SOLVERS),
    "check.integrality_tolerance": Default(1e-5, "absolute", "HiGHS mip_feasibility_tolerance is 1e-6", _SOLVERS),
    "check.objective_tolerance": Default(1e-6, "relative", "sum of doubles over 1e7 terms", _SOLVERS),
    "tier.free.scenarios": Default(20, "scenarios", "tier cap", _TIERS),
    "tier.standard.scenarios": Default(50, "scenarios", "tier cap", _TIERS),
    "tier.pro.scenarios": Default(100, "scenarios", "tier cap", _TIERS),
    "tier.enterprise.scenarios": Default(200, "scenarios", "tier cap", _TIERS),
    "tier.free.time_limit_s": Default(15.0, "s", "tier limit", _TIERS),
    "tier.standard.time_limit_s": Default(25.0, "s", "tier limit", _TIERS),
    "tier.pro.time_limit_s": Default(45.0, "s", "tier limit", _TIERS),
    "tier.enterprise.time_limit_s": Default(90.0, "s", "tier limit", _TIERS),
    "tier.free.parallel_solves": Default(1, "solves", "tier limit", _TIERS),
    "tier.standard.parallel_solves": Default(2, "solves", "tier limit", _TIERS),
    "tier.pro.parallel_solves": Default(4, "solves", "tier limit", _TIERS),
    "tier.enterprise.parallel_solves": Default(8, "solves", "tier limit", _TIERS),
}


def default(name: str) -> float | int | str | bool | tuple[str, ...]:
    """Return the value of a default.

    Raises
    ------
    KeyError
        For a name that is not listed.
    """
    return DEFAULTS[name].value

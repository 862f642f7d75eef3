"""Every default number, with unit, reason and source.

A default is written here once; `settings` resolves it against toml, environment and flags, and `dyocense config show` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULTS", "Default", "default", "number"]


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
_SERVICE: Final = "service: tiers"

DEFAULTS: Final[dict[str, Default]] = {
    "horizon.periods": Default(4, "periods", "a month of weekly orders", _DESIGN5),
    "horizon.every": Default("week", "calendar", "purchasing rhythm of the shipped goals", "GoalDSL"),
    "forecast.model": Default("auto", "name", "choose per series by backtest", _DESIGN5),
    "forecast.num_scenarios": Default(50, "scenarios", "spread measurable within one solve", _DESIGN5),
    "forecast.seed": Default(424242, "", "one seed per run", "kernel design §10.8"),
    "forecast.reduce_method": Default("stratified", "name", "3 % decision gap at 1000→50, k-medoids 16 %", "forecast spec, measured"),
    "forecast.min_history": Default(8, "periods", "below it a spread from errors means nothing", "forecast spec"),
    "forecast.min_deliveries": Default(5, "deliveries", "quartiles need a few points; fewer say little of spread", "forecast spec"),
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
    "tier.free.weight": Default(1, "share", "fair-queue weight", _SERVICE),
    "tier.standard.weight": Default(2, "share", "fair-queue weight", _SERVICE),
    "tier.pro.weight": Default(4, "share", "fair-queue weight", _SERVICE),
    "tier.enterprise.weight": Default(8, "share", "fair-queue weight", _SERVICE),
    "tier.free.requests_per_min": Default(10, "requests/min", "tier limit", _SERVICE),
    "tier.standard.requests_per_min": Default(60, "requests/min", "tier limit", _SERVICE),
    "tier.pro.requests_per_min": Default(180, "requests/min", "tier limit", _SERVICE),
    "tier.enterprise.requests_per_min": Default(600, "requests/min", "tier limit", _SERVICE),
    "tier.free.budget_solver_s": Default(600.0, "s/month", "about 40 full-length solves", "chosen"),
    "tier.standard.budget_solver_s": Default(6000.0, "s/month", "about 240 full-length solves", "chosen"),
    "tier.pro.budget_solver_s": Default(12000.0, "s/month", "the design's example tenant", "kernel design §10.1"),
    "tier.enterprise.budget_solver_s": Default(120000.0, "s/month", "ten times pro", "chosen"),
    "tier.free.budget_gpu_s": Default(0.0, "s/month", "no reserved GPU", _TIERS),
    "tier.standard.budget_gpu_s": Default(600.0, "s/month", "a tenth of pro", "chosen"),
    "tier.pro.budget_gpu_s": Default(6000.0, "s/month", "the design's example tenant", "kernel design §10.1"),
    "tier.enterprise.budget_gpu_s": Default(60000.0, "s/month", "ten times pro", "chosen"),
    "tier.free.budget_llm_tokens": Default(0.0, "tokens/month", "language models are off", "chosen"),
    "tier.standard.budget_llm_tokens": Default(1.5e8, "tokens/month", "a tenth of pro", "chosen"),
    "tier.pro.budget_llm_tokens": Default(1.5e9, "tokens/month", "the design's example tenant", "kernel design §10.1"),
    "tier.enterprise.budget_llm_tokens": Default(1.5e10, "tokens/month", "ten times pro", "chosen"),
    "tier.free.memory_mb": Default(1024, "MiB", "one grocery-weekly solve takes below 400", "measured"),
    "tier.standard.memory_mb": Default(2048, "MiB", "twice free", "chosen"),
    "tier.pro.memory_mb": Default(4096, "MiB", "twice standard", "chosen"),
    "tier.enterprise.memory_mb": Default(8192, "MiB", "twice pro", "chosen"),
    "budget.warn_at": Default(0.8, "share", "time to act before the hard stop", "kernel design §10.4"),
    "estimate.quantile": Default(0.8, "probability", "reserve enough for four runs of five", "chosen"),
    "estimate.prior_runs": Default(4, "runs", "so many runs a factor e away from the prior outvote it", "chosen"),
    "estimate.fitted_on": Default(400, "runs", "the newest finished runs of the deployment; a fit takes 30 ms", "measured"),
    "estimate.fit_every_s": Default(60.0, "s", "a fit serves all submits until then", "chosen"),
    "idempotency.keep_h": Default(24, "h", "keys live a day", _SERVICE),
    "serve.body_limit_bytes": Default(8 << 20, "bytes", "a context of 50,000 rows inline", "chosen"),
    "serve.json_depth": Default(64, "levels", "deeper is never a goal or a context", "chosen"),
    "serve.slo_wait_s": Default(5.0, "s", "a kernel call that takes longer answers 202", "chosen"),
    "serve.part_saves": Default(
        0.25, "share", "of a run's time that parts have to save, by what is measured in it", "benchmarks/together.py"
    ),
    "serve.heartbeat_s": Default(1.0, "s", "a dead worker is found within two beats and a poll", "chosen"),
    "serve.drain_s": Default(
        120.0, "s", "a stopping worker finishes what it holds, then hands it back: longer than an enterprise solve", "chosen"
    ),
    "serve.solves_at_most": Default(2, "solves", "one that a worker's death broke off, and one more", "chosen"),
    "serve.dead_after_s": Default(
        10.0, "s", "ten missed beats: a busy machine is late, not dead; a paused process is taken over as well", "chosen"
    ),
}


def default(name: str) -> float | int | str | bool | tuple[str, ...]:
    """Return the value of a default.

    Raises
    ------
    KeyError
        For a name that is not listed.
    """
    return DEFAULTS[name].value


def number(name: str) -> float:
    """Return the value of a default that is a number.

    Raises
    ------
    KeyError
        For a name that is not listed.
    """
    value = DEFAULTS[name].value
    assert isinstance(value, int | float)
    return float(value)

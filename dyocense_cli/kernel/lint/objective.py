"""O rules: objective, forecast and solver settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dyocense_cli.defaults import default
from dyocense_cli.errors import Finding, Span
from dyocense_cli.kernel.lint.case import Case, check
from dyocense_cli.kernel.lint.demand import history_span

__all__ = ["FEW_SCENARIOS"]

#: Scenarios below which a spread is not measured.
FEW_SCENARIOS: Final = 10


@check("DYO-O001")
def weights(case: Case) -> Iterator[Finding]:
    """Find negative weights, and terms in unlike units that no weight prices."""
    units = {t.name: t.unit for t in case.model.terms} if case.model is not None else {}
    for name, weight in case.goal.objective.items():
        if weight.value < 0:
            yield case.found("DYO-O001", f"/objective/{name}", f"the weight of `{name}` is {weight.value:g}")
    sizes = {}
    for name, weight in case.goal.objective.items():
        unit = case.unit(units.get(name) or "") if units.get(name) else None
        price = case.unit(weight.unit) if weight.unit else None
        if unit is not None:
            sizes[name] = (unit.times(price) if price is not None else unit).powers
    money = [name for name, powers in sizes.items() if _is_money(powers)]
    for name, powers in sizes.items():
        if money and not _is_money(powers):
            message = f"`{name}` is in {units[name]} and `{money[0]}` in money: no weight prices it"
            yield case.found("DYO-O001", f"/objective/{name}", message)


def _is_money(powers: tuple[tuple[str, int], ...]) -> bool:
    return len(powers) == 1 and powers[0][1] == 1 and (powers[0][0] == "currency" or (len(powers[0][0]) == 3 and powers[0][0].isupper()))


@check("DYO-O002")
def no_objective(case: Case) -> Iterator[Finding]:
    """Find goals without a term to optimise."""
    if not case.goal.objective:
        yield case.found("DYO-O002", "/objective", "the goal has no objective")


@check("DYO-O003")
def no_weights(case: Case) -> Iterator[Finding]:
    """Find several terms where one has no weight."""
    if len(case.goal.objective) < 2:
        return
    for name in case.goal.objective:
        span = case.goal.spans.get(f"/objective/{name}")
        if isinstance(span, Span) and (span.end_line, span.end_column) == (span.line, span.column):
            yield case.found("DYO-O003", f"/objective/{name}", f"`{name}` has no weight beside {len(case.goal.objective) - 1} other terms")


@check("DYO-O004")
def no_seed(case: Case) -> Iterator[Finding]:
    """Find forecasts whose seed is left to the default."""
    stated = case.context is not None and case.context.scenarios_table is not None
    if "/forecast/seed" not in case.goal.spans and not stated and case.goal.forecast.scenarios is None:
        yield case.found("DYO-O004", "/forecast/seed", "the goal sets no seed for its scenarios")


@check("DYO-O005")
def over_the_tier(case: Case) -> Iterator[Finding]:
    """Find more scenarios than the tier allows."""
    if case.tier is None:
        return
    most = int(str(default(f"tier.{case.tier}.scenarios")))
    reduced = case.goal.forecast.reduce.to if case.goal.forecast.reduce is not None else case.goal.forecast.num_scenarios
    count = min(reduced, case.goal.forecast.num_scenarios)
    if count > most:
        pointer = "/forecast/num_scenarios"
        yield case.found("DYO-O005", pointer, f"{count} scenarios are over the {most} of the tier {case.tier}", max=most)


@check("DYO-O006")
def too_few_scenarios(case: Case) -> Iterator[Finding]:
    """Find counts of scenarios that say little, and a reduction that does not reduce."""
    options = case.goal.forecast
    stated = case.context is not None and case.context.scenarios_table is not None
    if options.num_scenarios < FEW_SCENARIOS and not stated:
        yield case.found("DYO-O006", "/forecast/num_scenarios", f"{options.num_scenarios} scenarios are fewer than {FEW_SCENARIOS}")
    drawn = max(options.num_scenarios, options.pool)
    if options.reduce is not None and options.reduce.to > drawn and not stated:
        yield case.found("DYO-O006", "/forecast/reduce/to", f"{drawn} scenarios cannot be reduced to {options.reduce.to}")


@check("DYO-O007")
def solver_limits(case: Case) -> Iterator[Finding]:
    """Find time limits below a second and gaps outside 0 to 0.5."""
    solver = case.goal.solver
    if solver.time_limit_s < 1:
        yield case.found("DYO-O007", "/solver/time_limit", f"the time limit is {solver.time_limit_s:g} s")
    if not 0 <= solver.mip_gap <= 0.5:
        yield case.found("DYO-O007", "/solver/mip_gap", f"the gap is {solver.mip_gap:g}")


@check("DYO-O008")
def hard_is_relaxable(case: Case) -> Iterator[Finding]:
    """Find a cost of relaxing a rule that the model declares hard."""
    rules = case.model.constraints if case.model is not None else ()
    hard = {c.name for c in rules if c.relax is None}
    limits = {c.limit for c in rules if c.limit} - {c.limit for c in rules if c.relax is not None}
    for rule in case.goal.constraints:
        if rule.name in hard and rule.relax is not None:
            message = f"`{rule.name}` is hard in the model and has a cost of relaxing it here"
            yield case.found("DYO-O008", f"/constraints/{rule.name}/relax", message)
    for name, settings in case.goal.limits.items():
        if name in limits and settings.get("relax") not in (None, False):
            yield case.found("DYO-O008", f"/limits/{name}/relax", f"`{name}` is hard in the model and is listed as relaxable here")


@check("DYO-O009")
def horizon_too_long(case: Case) -> Iterator[Finding]:
    """Find a horizon longer than half of the history."""
    span = history_span(case)
    if span is None or case.context is None or case.context.scenarios_table is not None:
        return
    if case.goal.horizon.periods * 2 > span[2]:
        message = f"the horizon of {case.goal.horizon.periods} periods is longer than half of the history's {span[2]}"
        yield case.found("DYO-O009", "/horizon/periods", message, n=max(1, span[2] // 2))

"""Solution -> Plan: what to do, when, for how much and why, and how it stands against its limits."""

from __future__ import annotations

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Plan
from dyocense_cli.artifacts.solution import CheckReport, Solution
from dyocense_cli.errors import InternalError
from dyocense_cli.kernel.plan.steps import steps_of
from dyocense_cli.optimodel.activity import rule_activities, shown_rules
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.reach import reached

__all__ = ["interpret"]


def interpret(optimodel: OptiModel, solution: Solution, check_report: CheckReport) -> Plan:
    """Return the plan; without steps when nothing is held.

    Raises
    ------
    InternalError
        DY9002 if the check found that the solution does not hold: such a solution is never shown as a plan.
    """
    if solution.x is None:
        return Plan(
            str(solution.status),
            str(solution.termination),
            None,
            solution.bound,
            None,
            approximations=solution.approximations,
            currency=optimodel.currency,
        )
    if not check_report.ok:
        worst = max(check_report.violations, key=lambda v: v.amount)
        raise InternalError(
            "DY9002",
            f"the solver's answer does not hold: {worst.what} of {worst.name} is off by {worst.amount:.3g}",
            why=f"{solution.backend_version} said {solution.raw_status or solution.status}; "
            f"{len(check_report.violations)} violations were found",
            hints="solve with another backend (`--backend`) and report this model",
        )
    values = split_columns(optimodel, solution.x)
    rules = rule_activities(optimodel, values, solution.row_dual)
    shown = shown_rules(optimodel)
    rules = {name: r for name, r in rules.items() if name in shown}
    return Plan(
        status=str(solution.status),
        termination=str(solution.termination),
        objective=solution.objective,
        bound=solution.bound,
        gap=solution.gap,
        steps=steps_of(optimodel, values),
        terms=check_report.terms,
        kpis=check_report.kpis,
        units=_units(optimodel),
        activities={name: r.activity + 0.0 for name, r in rules.items()},
        limits={name: r.limit + 0.0 for name, r in rules.items()},
        slacks={name: r.slack + 0.0 for name, r in rules.items()},
        binding=tuple(name for name, r in rules.items() if r.pressing),
        shadow_prices={name: r.price for name, r in rules.items() if r.price != 0.0},
        approximations=solution.approximations,
        currency=optimodel.currency,
        reached=reached(optimodel, values),
    )


def _units(model: OptiModel) -> dict[str, str]:
    units = {k.name: k.unit for k in model.kpis} | {t.name: t.unit for t in model.terms}
    return {name: unit for name, unit in units.items() if unit}

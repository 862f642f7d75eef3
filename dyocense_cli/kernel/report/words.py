"""Sentences of a report: the headline, rules at their limit, where things were written."""

from __future__ import annotations

from dataclasses import dataclass

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import BindingRule, Plan
from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.numbers import amount, figure, money, number

__all__ = ["RuleWords", "forecast_words", "headline", "place", "price_words", "provenance", "rule_words"]


def place(facts: Facts, source: str) -> str:
    """Return ``file:line:column`` of a rule's source (``goal:/limits/budget``), or the pointer itself where no place is known."""
    places = facts.places or {f"goal:{pointer}": str(span) for pointer, span in facts.goal.spans.items()}
    pointer = source
    while pointer:
        if pointer in places:
            return places[pointer]
        pointer = pointer.rpartition("/")[0]
    return source


def headline(facts: Facts) -> str:
    """Return what the run decided, in one or two sentences."""
    plan = facts.plan
    if plan.status == "INFEASIBLE":
        return "No plan meets all the rules at once. The rules in conflict and the cheapest ways out stand below."
    if plan.status == "UNBOUNDED":
        return "The goal has no best plan: some quantity can grow for ever and the objective with it."
    if not plan.steps and plan.objective is None:
        return f"No plan is held: the solve ended with {plan.status.lower()} ({plan.termination.replace('_', ' ')})."
    spend = sum(s.cost or 0.0 for s in plan.steps)
    who = len({s.keys["supplier"] for s in plan.steps if "supplier" in s.keys})
    text = f"{len(plan.steps):,} line{'s' if len(plan.steps) != 1 else ''}"
    if who:
        text += f" from {who} supplier{'s' if who != 1 else ''}"
    if spend:
        text += f" for {money(spend, plan.currency)}"
    return text + ". " + _proof(plan)


def _proof(plan: Plan) -> str:
    if plan.gap is None:
        return "No bound on the best possible plan is known."
    if plan.gap <= 1e-6:
        return "No better plan exists under these rules."
    return f"At most {number(100 * plan.gap)} % from the best that is possible under these rules."


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule at its limit, as a planner reads it."""

    name: str
    sentence: str
    price: str
    use: str
    where: str


def rule_words(facts: Facts) -> list[RuleWords]:
    """Return the binding rules, dearest first."""
    if facts.explanation is None:
        return []
    ranked = sorted(facts.explanation.binding, key=lambda r: (-abs(r.price), r.name))
    return [
        RuleWords(r.name, r.sentence, price_words(r, facts.optimodel, facts.plan), _use(r, facts.plan), place(facts, r.source))
        for r in ranked
    ]


def price_words(rule: BindingRule, model: OptiModel | None, plan: Plan) -> str:
    """Say what one unit of loosening is worth; `price` is the gain of the objective per unit, a change of it for an equality."""
    if not rule.price:
        return "a small change of the limit changes nothing"
    unit = rule.unit if rule.unit and rule.unit != "each" else "unit"
    rows = [r.expr for r in model.rules if rule.name in (r.name, r.origin)] if model is not None else []
    found = plan.reached.get(rule.name)
    least = found.op == ">=" if found is not None else bool(rows) and all(">=" in r and "<=" not in r for r in rows)
    what = f"one {unit} less" if least else f"one more {unit}"
    verb = "saves" if model is None or model.sense == "min" else "gains"
    text = f"{what} {verb if rule.price > 0 else 'costs'} {amount(abs(rule.price), plan.currency)}"
    if rule.low is not None and rule.high is not None:
        text += f", between {number(rule.low)} and {number(rule.high)}"
    return text


def _use(rule: BindingRule, plan: Plan) -> str:
    found = plan.reached.get(rule.name)
    if found is not None and abs(found.value - rule.activity) > 1e-6 * max(1.0, abs(rule.activity)):
        least = "at least" if found.op == ">=" else "at most"
        return f"{figure(found.value, found.unit)}, asked is {least} {figure(found.asked, found.unit)}"
    return f"{figure(rule.activity, rule.unit)} of {figure(rule.limit, rule.unit)}"


def forecast_words(facts: Facts) -> list[tuple[str, str]]:
    """Return series whose history was too poor to trust, with the reason."""
    known = facts.scenario_set
    if known is None:
        return []
    return [(sku, known.reasons.get(sku, "")) for sku in sorted(known.quality) if known.quality[sku] == "poor"]


def provenance(facts: Facts) -> list[tuple[str, str]]:
    """Return what went in and what made it: pairs of name and value."""
    out = [("Goal", f"{facts.goal.id}:{facts.goal.variant}"), ("Run fingerprint", facts.run_fingerprint), ("Evidence", facts.evidence_ref)]
    out.append(("As of", facts.as_of))
    if facts.solution is not None:
        solution = facts.solution
        threads = f"{solution.threads} thread{'s' if solution.threads != 1 else ''}"
        out.append(("Solver", f"{solution.backend} {solution.backend_version}, seed {solution.seed}, {threads}"))
        out.append(
            ("Reproducible", "yes, to the byte" if solution.reproducible else "no: stopped by the clock; replay verifies it instead")
        )
    for decision, name in ((facts.admission, "Goal admitted by"), (facts.verdict, "Plan allowed by")):
        if decision is not None:
            said = f"{decision.engine} {decision.engine_version}".strip() or "no engine"
            out.append((name, said if decision.evaluated else f"not evaluated: {decision.draft_reason}"))
            out.append((name + ", policy snapshot", decision.policy_snapshot))
    out += [(name.replace("_", " "), value) for name, value in sorted(facts.fingerprints.items())]
    out += [(name, value) for name, value in sorted(facts.versions.items())]
    return [(name, value) for name, value in out if value]

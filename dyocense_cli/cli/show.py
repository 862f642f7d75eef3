"""What a planner sees: the plan as a table, KPIs against limits, risk as a histogram, the rules that cost most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.cli.page import Column, Page

if TYPE_CHECKING:
    from dyocense_cli.artifacts.plan import Explanation, Plan, StressReport

__all__ = ["histogram", "plan_json", "show_plan"]

BARS: Final = " ▁▂▃▄▅▆▇█"
ROWS: Final = 40
#: Flags that stand for fields of a goal which does not state them.
_FLAGS: Final = {"goal:/max_churn": "--max-churn", "goal:/freeze": "--freeze"}


def histogram(values: Sequence[float], *, bins: int = 24) -> tuple[str, float, float]:
    """Return a one-line histogram with its least and largest value."""
    low, high = min(values), max(values)
    if high <= low:
        return BARS[-1], low, high
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    top = max(counts)
    return "".join(BARS[-(-c * (len(BARS) - 1) // top)] for c in counts), low, high


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text and digits > 2 else text


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.2f}"


def _steps(page: Page, plan: Plan, *, everything: bool) -> None:
    if not plan.steps:
        page.line("Nothing to order.")
        return
    first = plan.steps[0].keys
    keys = [k for k in first if k != "period" and not (k == "location" and {s.keys.get(k) for s in plan.steps} == {"main"})]
    shown = plan.steps if everything else plan.steps[:ROWS]
    columns = [Column("line", [s.line for s in shown]), *(Column(k, [s.keys.get(k, "") for s in shown]) for k in keys)]
    columns.append(Column("quantity", [_quantity(s.qty) for s in shown], right=True))
    extra = [
        Column("order on", [s.date or s.period or "" for s in shown], optional=True),
        Column("arrives", [s.arrives or "" for s in shown], optional=True),
        Column("cost", [_number(s.cost) for s in shown], right=True, optional=True),
    ]
    columns += [c for c in extra if any(c.cells)]
    page.table([*columns, Column("why", [s.reason for s in shown], last=True)])
    if len(shown) < len(plan.steps):
        page.line(f"… and {len(plan.steps) - len(shown)} more lines (--all shows them; plan.csv has them)")


def _flat(kpis: Mapping[str, float | Mapping[str, float]]) -> Iterable[tuple[str, float]]:
    for name, value in kpis.items():
        if not isinstance(value, Mapping):
            yield name, value


def _kpis(page: Page, plan: Plan) -> None:
    flat = list(_flat(plan.kpis))
    page.table(
        [
            Column("", [name.replace("_", " ") for name, _ in flat]),
            Column("", [_number(value, 2 if abs(value) >= 10 else 4) for _, value in flat], right=True),
            Column("", [plan.units.get(name, "") for name, _ in flat]),
        ],
        header=False,
    )
    # what is always at its limit, an equality or a row in which all is zero, says nothing
    rules = [r for r in plan.limits if r in plan.activities and (r in plan.binding or abs(plan.slacks.get(r, 1.0)) > 1e-9)][:12]
    if rules:
        page.line()
        page.table(
            [
                Column("limit", rules),
                Column("used", [_used(plan, r)[0] for r in rules], right=True),
                Column("allowed", [_used(plan, r)[1] for r in rules], right=True),
                Column("", ["at its limit" if r in plan.binding else "" for r in rules], optional=True),
            ]
        )


def _used(plan: Plan, rule: str) -> tuple[str, str]:
    """Return what of a limit is used and allowed: in the goal's terms where the rule counts something else."""
    used, allowed = plan.activities[rule], plan.limits[rule]
    found = plan.reached.get(rule)
    if found is None or abs(found.value - used) <= 1e-6 * max(1.0, abs(used)):
        return _number(used), ("≥ " if used > allowed + 1e-9 else "") + _number(allowed)
    sign = "≥" if found.op == ">=" else "≤"
    if found.unit in ("fraction", "%"):
        return f"{100 * found.value:,.2f} %", f"{sign} {100 * found.asked:g} %"
    return f"{_number(found.value)} {found.unit}".rstrip(), f"{sign} {found.asked:g} {found.unit}".rstrip()


def _risk(page: Page, stress: StressReport, currency: str) -> None:
    name = "fresh" if stress.costs.get("fresh") else "full" if stress.costs.get("full") else "in_sample"
    costs = stress.costs.get(name)
    if not costs:
        return
    bars, low, high = histogram(costs)
    figures = stress.sets.get(name, {})
    page.line(f"Risk over {len(costs)} {name.replace('_', '-')} scenarios (cost, {currency})")
    page.line(f"  {_number(low, 0)} {bars} {_number(high, 0)}")
    parts = [
        f"{label} {_number(figures[key], 0)}"
        for label, key in (("mean", "cost_mean"), ("p95", "cost_p95"), ("CVaR95", "cost_cvar95"), ("worst", "cost_worst"))
        if key in figures
    ]
    page.line("  " + "   ".join(parts))
    if stress.vss is not None and stress.evpi is not None:
        page.line(f"  planning for uncertainty is worth {_number(stress.vss)}, a perfect forecast {_number(stress.evpi)} {currency}")


def _prices(page: Page, explanation: Explanation, currency: str) -> None:
    costly = sorted((b for b in explanation.binding if b.price), key=lambda b: (-abs(b.price), b.name))[:3]
    if costly:
        page.line()
        page.line("What costs most")
        for rule in costly:
            unit = rule.unit or "unit"
            page.line(f"  {rule.sentence or rule.name}: one more {unit} changes the objective by {rule.price:,.4g} {currency}")


def _obeyed(page: Page, explanation: Explanation, currency: str) -> None:
    """Say what it costs to obey each policy that is in the model: the objective with it less the one without."""
    obeyed = [c for c in explanation.sensitivities if c.name.startswith("POL-")]
    if obeyed:
        page.line()
    for change in obeyed:
        ends = sorted(abs(e) for e in (change.low, change.high) if e is not None) or [abs(change.delta)]
        about = "" if change.resolved else "about "
        cost = f"{about}{ends[0]:,.2f} {currency}" if ends[-1] >= 0.005 else "nothing"
        if ends[-1] - ends[0] >= max(0.005, 1e-3 * ends[-1]):
            cost = f"between {ends[0]:,.2f} and {ends[-1]:,.2f} {currency}"
        page.line(f"Obeying {change.name} costs {cost}")


def _no_plan(page: Page, plan: Plan, explanation: Explanation | None, places: Mapping[str, str]) -> None:
    page.line(f"No plan: {plan.status.lower()} ({plan.termination})")
    if explanation is None:
        return
    for conflict in explanation.conflicts:
        page.line("These cannot all hold" + ("" if conflict.proven else " (not proven to be all needed)") + ":")
        for rule, sentence, source in zip(conflict.rules, conflict.sentences, conflict.sources, strict=False):
            page.line(f"  {rule}: {sentence}  ({places.get(source, _FLAGS.get(source, source))})")
    for way in explanation.ways[:3]:
        settings = " ".join(f"--set {r.setting}" for r in way.relaxations if r.setting)
        words = ", ".join(f"{r.rule} from {_number(r.from_)} to {_number(r.to)} {r.unit or ''}".strip() for r in way.relaxations)
        price = f", for an objective of {_number(way.objective)} {plan.currency}" if way.objective is not None else ""
        page.line(f"Would do: {words}" + (price if way.verified else " (not verified)"))
        if settings:
            page.line(f"  {settings}")
        for r in way.relaxations:
            if r.allowed is False:
                page.line(f"  not allowed by policy: {r.verdict or r.rule}")
    for note in explanation.notes:
        page.line(f"note: {note}")


def show_plan(
    plan: Plan,
    *,
    stress: StressReport | None,
    explanation: Explanation | None,
    title: str,
    places: Callable[[], Mapping[str, str]],
    place: str,
    everything: bool = False,
    draft: str = "",
) -> None:
    """Print a plan for a person on standard output."""
    page = Page()
    if draft:
        page.line(f"DRAFT, policy not evaluated: {draft}")
    page.line(title)
    gap = "" if plan.gap is None else f", within {plan.gap:.2%} of the best possible"
    if plan.objective is None:
        _no_plan(page, plan, explanation, places())
    else:
        page.line(f"{plan.status} · objective {_number(plan.objective)} {plan.currency}{gap} · {len(plan.steps)} lines")
        page.line()
        _steps(page, plan, everything=everything)
        page.line()
        _kpis(page, plan)
        if stress is not None:
            page.line()
            _risk(page, stress, plan.currency)
        if explanation is not None:
            _prices(page, explanation, plan.currency)
            _obeyed(page, explanation, plan.currency)
    for note in plan.approximations:
        page.line(f"approximation: {note}")
    if place:
        page.line()
        if plan.bound is not None and plan.objective is not None:
            page.line(f"bound   {_number(plan.bound)} {plan.currency}, which no plan can be better than")
        page.line(f"run     {place}")
        if plan.objective is not None:
            page.line(f"report  {place}/report.html")


def plan_json(result: Any) -> dict[str, Any]:
    """Return what `plan --json` prints."""
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.views import explained

    plan, stress, execution = result.value("plan"), result.value("stress_report"), result.execution
    explanation = explained(result.value("explanation"), result.value("verdict"))

    manifest = result.manifest.manifest if result.manifest is not None else None
    shape: dict[str, Any] = {}
    if plan is not None:
        shape = resolve("kernel.plan.shape:solution_json")(plan, result.value("solution"), explanation, stress)
    return {
        "run_id": result.run_id,
        "run_fingerprint": result.fingerprint,
        "status": result.status[0],
        "objective": shape.get("objective"),
        "gap": shape.get("gap"),
        "kpis": shape.get("kpis", {}),
        "risk": shape.get("risk", {}),
        "steps": shape.get("steps", []),
        "binding_constraints": shape.get("binding_constraints", []),
        "shadow_prices": shape.get("shadow_prices", {}),
        "evidence": {"evidence_ref": result.evidence_ref, "snapshot_hash": result.snapshot_hash},
        "run_dir": result.place,
        "fingerprints": dict(result.prints),
        "warnings": list(execution.memo.warnings) + (list(manifest.warnings) if manifest else []) + _lint_warnings(execution),
        "timings": {
            name: {"state": state, "seconds": round(execution.seconds.get(name, 0.0), 4)} for name, state in execution.states.items()
        },
        "termination": result.status[1],
        "iis": shape.get("iis", []),
        "relaxations": shape.get("relaxations", []),
    }


def _lint_warnings(execution: Any) -> list[str]:
    """Return what the rules of the language warn of."""
    held = execution.held.get("lint_report")
    findings = held.value.findings if held is not None else ()
    return [f"{f.id}: {f.message}" for f in findings if f.severity == "warning"]

"""What a planner sees: the plan as a table, KPIs against limits, risk as a histogram, the rules that cost most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.cli.page import Column, Page, counted
from dyocense_cli.runner.incumbents import within
from dyocense_cli.runner.nouns import resolve

if TYPE_CHECKING:
    from dyocense_cli.artifacts.optimodel import OptiModel
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
    return "–" if value is None else f"{value:,.{digits}f}"


def _money(value: float) -> str:
    """Return an amount of money of which cents say nothing beyond a thousand."""
    return _number(value, 0 if abs(value) >= 1000 else 2)


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.2f}"


def _figure(name: str, value: float, unit: str, currency: str) -> tuple[str, str]:
    """Return a KPI and its unit: money to the cent, a share as a percentage, a small number with four decimals."""
    if resolve("kernel.report.numbers:is_share")(value, unit, name):
        return f"{100 * value:.2f}", "%"
    if unit == currency:
        return _number(value), unit
    return (_number(value, 4) if abs(value) < 10 and abs(value - round(value)) > 1e-9 else _quantity(value)), unit


def _setting(value: float | None, unit: str | None) -> str:
    """Return the setting of a limit with its unit, to as many digits as `--set` is told."""
    if value is None:
        return "–"
    if unit == "fraction":
        return f"{100 * value:.4g} %"
    return f"{_number(value)} {unit or ''}".strip()


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


def _kpis(page: Page, plan: Plan, units: Mapping[str, str]) -> None:
    flat = list(_flat(plan.kpis))
    figures = [_figure(name, value, plan.units.get(name, ""), plan.currency) for name, value in flat]
    page.table(
        [
            Column("", [name.replace("_", " ") for name, _ in flat]),
            Column("", [text for text, _ in figures], right=True),
            Column("", [unit for _, unit in figures]),
        ],
        header=False,
    )
    # what is always at its limit, an equality or a row in which all is zero, says nothing
    rules = [r for r in plan.limits if r in plan.activities and (r in plan.binding or abs(plan.slacks.get(r, 1.0)) > 1e-9)][:12]
    if rules:
        used = [_used(plan, r, units.get(r, "")) for r in rules]
        page.line()
        page.table(
            [
                Column("limit", rules),
                Column("used", [u for u, _, _ in used], right=True),
                Column("allowed", [a for _, a, _ in used], right=True),
                Column("", [unit for _, _, unit in used], optional=True),
                Column("", ["at its limit" if r in plan.binding else "" for r in rules], optional=True),
            ]
        )


def _used(plan: Plan, rule: str, unit: str) -> tuple[str, str, str]:
    """Return what of a limit is used and allowed, and in what: in the goal's terms where the rule counts something else."""
    used, allowed = plan.activities[rule], plan.limits[rule]
    found = plan.reached.get(rule)
    if found is None or abs(found.value - used) <= 1e-6 * max(1.0, abs(used)):
        return _number(used), ("≥ " if used > allowed + 1e-9 else "") + _number(allowed), unit
    sign = "≥" if found.op == ">=" else "≤"
    if found.unit in ("fraction", "%"):
        return f"{100 * found.value:,.2f}", f"{sign} {100 * found.asked:g}", "%"
    return _number(found.value), f"{sign} {found.asked:g}", found.unit


def _risk(page: Page, stress: StressReport, currency: str) -> None:
    name = "fresh" if stress.costs.get("fresh") else "full" if stress.costs.get("full") else "in_sample"
    costs = stress.costs.get(name)
    if not costs:
        return
    bars, low, high = histogram(costs)
    figures = stress.sets.get(name, {})
    page.line()
    page.line(f"Risk over {len(costs)} {name.replace('_', '-')} scenarios (cost, {currency})")
    page.line(f"  {_number(low, 0)} {bars} {_number(high, 0)}")
    parts = [
        f"{label} {_number(figures[key], 0)}"
        for label, key in (("mean", "cost_mean"), ("p95", "cost_p95"), ("CVaR95", "cost_cvar95"), ("worst", "cost_worst"))
        if key in figures
    ]
    page.line("  " + "   ".join(parts))
    if stress.vss is not None and stress.evpi is not None:
        page.line(
            f"  planning for uncertainty is worth {_money(stress.vss)} {currency}, a perfect forecast {_money(stress.evpi)} {currency}"
        )


def _prices(page: Page, explanation: Explanation, plan: Plan, model: OptiModel | None) -> None:
    costly = sorted((b for b in explanation.binding if b.price), key=lambda b: (-abs(b.price), b.name))[:3]
    if costly:
        page.line()
        page.line("What costs most")
        words = resolve("kernel.report.words:price_words")
        for rule in costly:
            page.line(f"  {rule.sentence or rule.name}: {words(replace(rule, low=None), model, plan)}")


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
        words = ", ".join(f"{r.rule} from {_setting(r.from_, r.unit)} to {_setting(r.to, r.unit)}" for r in way.relaxations)
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
    model: OptiModel | None = None,
) -> None:
    """Print a plan for a person on standard output; `model` says in which units and directions its rules are."""
    page = Page()
    if draft:
        page.line(f"DRAFT, policy not evaluated: {draft}")
    page.line(title)
    gap = "" if plan.gap is None else f", {within(plan.gap)}"
    units = {r.origin or r.name: r.unit or "" for r in model.rules} if model is not None else {}
    if plan.objective is None:
        _no_plan(page, plan, explanation, places())
    else:
        page.line(f"{plan.status} · objective {_number(plan.objective)} {plan.currency}{gap} · {counted(len(plan.steps), 'line')}")
        page.line()
        _steps(page, plan, everything=everything)
        page.line()
        _kpis(page, plan, units)
        if stress is not None:
            _risk(page, stress, plan.currency)
        if explanation is not None:
            _prices(page, explanation, plan, model)
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

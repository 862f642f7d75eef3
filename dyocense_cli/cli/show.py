"""What a planner sees: the plan as a table, KPIs against limits, risk as a histogram, the rules that cost most."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from dyocense_cli.cli.render import coloured

if TYPE_CHECKING:
    from dyocense_cli.artifacts.plan import Explanation, Plan, StressReport

__all__ = ["console", "histogram", "show_plan"]

BARS: Final = " ▁▂▃▄▅▆▇█"
ROWS: Final = 40


def console() -> Console:
    """Return a console on standard output that is plain in a pipe and wide enough to read."""
    plain = not coloured(sys.stdout)
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 120
    return Console(
        file=sys.stdout,
        no_color=plain,
        highlight=False,
        width=max(width, 40),
        soft_wrap=False,
        legacy_windows=False,
        emoji=False,
        markup=False,
    )


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


def _steps(out: Console, plan: Plan, *, everything: bool) -> None:
    if not plan.steps:
        out.print("Nothing to order.")
        return
    keys = [k for k in plan.steps[0].keys if k != "period" and not (k == "location" and {s.keys.get(k) for s in plan.steps} == {"main"})]
    shown = plan.steps if everything else plan.steps[:ROWS]
    columns: list[tuple[str, str, list[str]]] = [("line", "left", [s.line for s in shown])]
    columns += [(k, "left", [s.keys.get(k, "") for s in shown]) for k in keys]
    columns.append(("quantity", "right", [_quantity(s.qty) for s in shown]))
    extra: list[tuple[str, str, list[str]]] = [
        ("order on", "left", [s.date or s.period or "" for s in shown]),
        ("arrives", "left", [s.arrives or "" for s in shown]),
        ("cost", "right", [_number(s.cost) for s in shown]),
    ]
    used = sum(_width(c) + 2 for c in columns)
    for column in extra:
        if used + _width(column) + 2 <= out.width and any(column[2]):
            columns.append(column)
            used += _width(column) + 2
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for title, justify, cells in columns:
        least = _width((title, justify, cells))
        table.add_column(title, justify=justify, no_wrap=True, overflow="ellipsis", min_width=None if used > out.width else least)  # type: ignore[arg-type]
    why = out.width - used >= 24
    if why:
        table.add_column("why", overflow="ellipsis", no_wrap=True, ratio=1)
    for i, step in enumerate(shown):
        table.add_row(*(cells[i] for _, _, cells in columns), *([step.reason] if why else []))
    out.print(table)
    if len(shown) < len(plan.steps):
        out.print(f"… and {len(plan.steps) - len(shown)} more lines (--all shows them; plan.csv has them)")


def _width(column: tuple[str, str, list[str]]) -> int:
    return max(len(column[0]), *(len(c) for c in column[2]))


def _flat(kpis: Mapping[str, float | Mapping[str, float]]) -> Iterable[tuple[str, float]]:
    for name, value in kpis.items():
        if not isinstance(value, Mapping):
            yield name, value


def _kpis(out: Console, plan: Plan) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    for name, value in _flat(plan.kpis):
        table.add_row(name.replace("_", " "), _number(value, 2 if abs(value) >= 10 else 4), plan.units.get(name, ""))
    out.print(table)
    rules = [r for r in plan.limits if r in plan.activities]
    if rules:
        rows = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("limit", "used", "allowed", ""):
            rows.add_column(title, justify="left" if title in ("limit", "") else "right", no_wrap=True)
        for rule in rules[:12]:
            rows.add_row(rule, _number(plan.activities[rule]), _number(plan.limits[rule]), "at its limit" if rule in plan.binding else "")
        out.print()
        out.print(rows)


def _risk(out: Console, stress: StressReport, currency: str) -> None:
    name = "fresh" if stress.costs.get("fresh") else "full" if stress.costs.get("full") else "in_sample"
    costs = stress.costs.get(name)
    if not costs:
        return
    bars, low, high = histogram(costs)
    figures = stress.sets.get(name, {})
    out.print(f"Risk over {len(costs)} {name.replace('_', '-')} scenarios (cost, {currency})")
    out.print(f"  {_number(low, 0)} {bars} {_number(high, 0)}")
    parts = [
        f"{label} {_number(figures[key], 0)}"
        for label, key in (("mean", "cost_mean"), ("p95", "cost_p95"), ("CVaR95", "cost_cvar95"), ("worst", "cost_worst"))
        if key in figures
    ]
    out.print("  " + "   ".join(parts))
    if stress.vss is not None and stress.evpi is not None:
        out.print(f"  planning for uncertainty is worth {_number(stress.vss)}, a perfect forecast {_number(stress.evpi)} {currency}")


def _prices(out: Console, explanation: Explanation, currency: str) -> None:
    costly = sorted((b for b in explanation.binding if b.price), key=lambda b: (-abs(b.price), b.name))[:3]
    if costly:
        out.print("What costs most")
        for rule in costly:
            unit = rule.unit or "unit"
            out.print(f"  {rule.sentence or rule.name}: one more {unit} changes the objective by {rule.price:,.4g} {currency}")


def _no_plan(out: Console, plan: Plan, explanation: Explanation | None, places: Mapping[str, str]) -> None:
    out.print(f"No plan: {plan.status.lower()} ({plan.termination})")
    if explanation is None:
        return
    for conflict in explanation.conflicts:
        out.print("These cannot all hold" + ("" if conflict.proven else " (not proven to be all needed)") + ":")
        for rule, sentence, source in zip(conflict.rules, conflict.sentences, conflict.sources, strict=False):
            out.print(f"  {rule}: {sentence}  ({places.get(source, source)})")
    for way in explanation.ways[:3]:
        settings = " ".join(f"--set {r.setting}" for r in way.relaxations if r.setting)
        words = ", ".join(f"{r.rule} from {_number(r.from_)} to {_number(r.to)} {r.unit or ''}".strip() for r in way.relaxations)
        out.print(f"Would do: {words}" + ("" if way.verified else " (not verified)"))
        if settings:
            out.print(f"  {settings}")
        for r in way.relaxations:
            if r.allowed is False:
                out.print(f"  not allowed by policy: {r.verdict or r.rule}")


def show_plan(
    plan: Plan,
    *,
    stress: StressReport | None,
    explanation: Explanation | None,
    title: str,
    places: Mapping[str, str],
    place: str,
    everything: bool = False,
    draft: str = "",
) -> None:
    """Print a plan for a person on standard output."""
    out = console()
    if draft:
        out.print(f"DRAFT, policy not evaluated: {draft}")
    out.print(title)
    gap = "" if plan.gap is None else f", within {plan.gap:.2%} of the best possible"
    if plan.objective is None:
        _no_plan(out, plan, explanation, places)
    else:
        out.print(f"{plan.status} · objective {_number(plan.objective)} {plan.currency}{gap} · {len(plan.steps)} lines")
        out.print()
        _steps(out, plan, everything=everything)
        out.print()
        _kpis(out, plan)
        if stress is not None:
            out.print()
            _risk(out, stress, plan.currency)
        if explanation is not None:
            out.print()
            _prices(out, explanation, plan.currency)
    for note in plan.approximations:
        out.print(f"approximation: {note}")
    if place:
        out.print()
        out.print(f"run     {place}")
        if plan.objective is not None:
            out.print(f"report  {place}/report.html")


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
        "warnings": list(execution.memo.warnings) + (list(manifest.warnings) if manifest else []),
        "timings": {
            name: {"state": state, "seconds": round(execution.seconds.get(name, 0.0), 4)} for name, state in execution.states.items()
        },
        "termination": result.status[1],
        "iis": shape.get("iis", []),
        "relaxations": shape.get("relaxations", []),
    }

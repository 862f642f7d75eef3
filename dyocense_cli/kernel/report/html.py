"""`report.html`: one self-contained page, no script, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dyocense_cli.artifacts.plan import Plan, StressReport
from dyocense_cli.kernel.report.charts import bars, fan_chart, histogram
from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.fan import fans
from dyocense_cli.kernel.report.lines import Rows, plan_rows
from dyocense_cli.kernel.report.numbers import figure, label, number
from dyocense_cli.kernel.report.words import forecast_words, headline, place, provenance, rule_words

__all__ = ["render", "template"]

#: Charts of stock and demand on one page; the costliest SKUs come first and the page says how many are left out.
MAX_FANS: Final = 240
#: Figures that stand first, sets of scenarios and figures under stress in the order they are read.
FIRST_KPIS: Final = ("total_cost", "profit", "service")
SETS: Final = ("in_sample", "full", "fresh")
STRESS_FIGURES: Final = tuple(f"{what}_{of}" for what in ("cost", "service") for of in ("mean", "sd", "p5", "p95", "cvar95", "worst"))
#: Figures of a shock that the page shows, in this order.
SHOCK_FIGURES: Final = ("cost_mean", "cost_delta", "cost_p95", "service_mean", "service_delta", "rules_kept")
#: Bars in a chart; the rest is summed into one.
MAX_BARS: Final = 20


@lru_cache(maxsize=1)
def template() -> Template:
    """Return the page's template, compiled on first use."""
    env = Environment(
        loader=PackageLoader("dyocense_cli", "kernel/report/templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters.update(number=number, label=label, short=_short, figure=figure)
    return env.get_template("report.html.j2")


def render(facts: Facts) -> str:
    """Return the page of a run, also of one that ended infeasible or denied: sections without content are left out."""
    plan = facts.plan
    return template().render(
        facts=facts,
        plan=plan,
        headline=headline(facts),
        kpis=_kpis(plan),
        by_key=_by_key(plan),
        rows=_filled(plan_rows(plan)),
        calendar=_calendar(plan),
        spend=_spend(plan),
        fans=_fans(facts),
        left_out=max(0, _n_fans(facts) - MAX_FANS),
        histograms=_histograms(facts.stress_report, plan),
        rules=rule_words(facts),
        place=lambda source: place(facts, source),
        provenance=provenance(facts),
        stress_sets=_ordered(facts.stress_report.sets, SETS) if facts.stress_report is not None else [],
        stress_figures=_stress_figures(facts.stress_report),
        shock_columns=_shock_columns(facts.stress_report),
        forecast=forecast_words(facts),
    )


@dataclass(frozen=True, slots=True)
class _Tile:
    name: str
    value: str
    note: str


def _kpis(plan: Plan) -> list[_Tile]:
    tiles = []
    for name in _ordered(plan.kpis, FIRST_KPIS):
        value = plan.kpis[name]
        if isinstance(value, Mapping):
            continue
        unit = plan.units.get(name)
        tiles.append(_Tile(label(name), figure(float(value), plan.currency if unit == "currency" else unit, name=name), ""))
    if plan.gap is not None:
        tiles.append(_Tile("Gap", number(100 * plan.gap, digits=2) + " %", "distance to the best that is proven possible"))
    return tiles


def _by_key(plan: Plan) -> list[tuple[str, str, Mapping[str, float]]]:
    return [(label(name), plan.units.get(name, ""), value) for name, value in plan.kpis.items() if isinstance(value, Mapping) and value]


@dataclass(frozen=True, slots=True)
class _Calendar:
    columns: list[tuple[str, str]]  # period, date
    rows: list[tuple[str, list[tuple[float, int, int]], float]]  # who, (cost, lines, shade 0..4) per column, total


def _calendar(plan: Plan) -> _Calendar | None:
    """Return spend per supplier (or first key) and period; a plan without costs counts quantities."""
    if not plan.steps or all(s.period is None for s in plan.steps):
        return None
    dates: dict[str, str] = {}
    cells: dict[str, dict[str, tuple[float, int]]] = {}
    for step in plan.steps:
        period = step.period or ""
        dates.setdefault(period, step.date or "")
        who = step.keys.get("supplier") or next(iter(step.keys.values()), "")
        amount, count = cells.setdefault(who, {}).get(period, (0.0, 0))
        cells[who][period] = (amount + (step.cost if step.cost is not None else step.qty), count + 1)
    columns = sorted(dates, key=lambda p: (dates[p], len(p), p))
    top = max(a for row in cells.values() for a, _ in row.values()) or 1.0
    rows = []
    for who in sorted(cells):
        found = [cells[who].get(p, (0.0, 0)) for p in columns]
        rows.append((who, [(a, n, 0 if not n else 1 + min(3, int(4 * a / top * 0.999))) for a, n in found], sum(a for a, _ in found)))
    return _Calendar([(p, dates[p]) for p in columns], rows)


def _spend(plan: Plan) -> Markup | None:
    totals: dict[str, float] = {}
    for step in plan.steps:
        if "supplier" in step.keys and step.cost is not None:
            totals[step.keys["supplier"]] = totals.get(step.keys["supplier"], 0.0) + step.cost
    if not totals:
        return None
    ranked = sorted(totals.items(), key=lambda kv: (-kv[1], kv[0]))
    shown = ranked[:MAX_BARS]
    if len(ranked) > MAX_BARS:
        shown.append((f"{len(ranked) - MAX_BARS} others", sum(v for _, v in ranked[MAX_BARS:])))
    return bars(shown, title="Spend by supplier", unit=plan.currency)


def _all_fans(facts: Facts) -> bool:
    return facts.optimodel is not None and bool(facts.plan.steps or facts.values)


def _n_fans(facts: Facts) -> int:
    if facts.optimodel is None or "sku" not in facts.optimodel.dims:
        return 0
    return len(facts.optimodel.dims["sku"]) * len(facts.optimodel.dims.get("location", ("",)))


@dataclass(frozen=True, slots=True)
class _Fans:
    charts: list[tuple[str, Markup]]
    keys: list[tuple[str, str]]  # class and words of each kind of mark that a chart has


def _fans(facts: Facts) -> _Fans | None:
    if facts.optimodel is None or not _all_fans(facts):
        return None
    drawn = fans(facts.optimodel, facts.values, facts.scenario_set, facts.plan)[:MAX_FANS]
    found = [f for f in drawn if f.demand is not None or f.stock is not None]
    keys = [
        ("d", "demand", [f.demand is not None for f in found]),
        ("s", "stock at the end of the period", [f.stock is not None for f in found]),
    ]
    keys.append(("a", "arrivals", [bool(f.arrivals.any()) for f in found]))
    periods = facts.optimodel.dims.get("period", ())
    charts = [(f.name, fan_chart(f, periods)) for f in found]
    return _Fans(charts, [(mark, words) for mark, words, there in keys if any(there)]) if charts else None


def _filled(rows: Rows) -> Rows:
    """Return a table without the columns in which no row says anything."""
    kept = [i for i in range(len(rows.columns)) if any(row[i] not in (None, "") for row in rows.rows)]
    return Rows(tuple(rows.columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows.rows))


def _short(value: float | None) -> str:
    """Return a figure of a table of mixed figures: money to the cent, shares to a tenth of a per cent."""
    return number(value, digits=2 if value is not None and abs(value) >= 10 else 3)


def _ordered(names: Iterable[str], first: tuple[str, ...]) -> list[str]:
    """Return names, those of `first` in its order, then the rest as they come."""
    found = list(names)
    return [n for n in first if n in found] + [n for n in found if n not in first]


def _stress_figures(stress: StressReport | None) -> list[str]:
    found = dict.fromkeys(f for figures in stress.sets.values() for f in figures) if stress is not None else {}
    return _ordered(found, STRESS_FIGURES)


def _shock_columns(stress: StressReport | None) -> list[str]:
    """Return the figures of shocks worth a column, as far as any shock has them."""
    found = {f for figures in stress.shocks.values() for f in figures} if stress is not None else set()
    return [f for f in SHOCK_FIGURES if f in found] or sorted(found)


def _histograms(stress: StressReport | None, plan: Plan) -> list[tuple[str, Markup]]:
    if stress is None:
        return []
    name = next((n for n in ("fresh", "full", "in_sample") if stress.costs.get(n)), None)
    if name is None:
        return []
    figures, words = stress.sets.get(name, {}), name.replace("_", " ")
    cost_marks = [(n, figures[k]) for n, k in (("mean", "cost_mean"), ("p95", "cost_p95"), ("CVaR95", "cost_cvar95")) if k in figures]
    out = [(f"Cost, {words} scenarios", histogram(stress.costs[name], title="Cost under stress", unit=plan.currency, marks=cost_marks))]
    if stress.services.get(name):
        marks = [(n, figures[k]) for n, k in (("mean", "service_mean"), ("p5", "service_p5")) if k in figures]
        out.append(
            (f"Service, {words} scenarios", histogram(stress.services[name], title="Service under stress", unit="share", marks=marks))
        )
    return [(title, chart) for title, chart in out if chart]

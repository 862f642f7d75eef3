"""What a planner sees of a forecast: statistics per SKU, what was chosen and why, scores, drift."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from dyocense_cli.cli.page import Column, Page, counted

__all__ = ["show_forecast"]

_ROWS = 60


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def show_forecast(document: dict[str, Any], charts: Sequence[str], *, report: bool = False) -> None:
    """Print a forecast document for a person on standard output."""
    out = Page()
    reduced = document["reduction"]
    note = f", reduced from {reduced['from']:.0f} by {reduced['method']}" if reduced else ""
    size = f"{counted(document['num_scenarios'], 'scenario')} over {counted(document['horizon'], 'period')}"
    out.line(f"{size}, {document['distinct']} distinct{note}")
    if not document["stats"]:
        out.line("The context states the scenarios; nothing is forecast.")
        return
    if reduced:
        out.line(
            f"reduction error: total mean {reduced['error_mean']:+.2%}, spread {reduced['error_sigma']:+.2%}, "
            f"p95 {reduced['error_p95']:+.2%}; newsvendor decisions cost {reduced['newsvendor_gap']:.2%} more"
        )
    out.line()
    reports = {r["sku"]: r for r in document["series"]}
    shown = list(document["stats"].items())[:_ROWS]
    about = [reports.get(sku.partition("@")[0], {}) for sku, _ in shown]
    figures = (("mean", "mean"), ("sigma", "sigma"), ("p95", "p95"), ("total p95", "total_p95"))
    out.table(
        [
            Column("sku", [sku for sku, _ in shown]),
            *(Column(title, [_number(stats[key]) for _, stats in shown], right=True) for title, key in figures),
            Column("demand", [r.get("demand_class", "") for r in about], optional=True),
            Column("method", [f"POOR: {r['reason']}" if r.get("quality") == "poor" else r.get("method", "") for r in about], last=True),
        ]
    )
    if len(document["stats"]) > _ROWS:
        out.line(f"… and {len(document['stats']) - _ROWS} more (--json has them)")
    if report:
        out.line()
        _histories(out, document)
    for chart in charts:
        out.line()
        sys.stdout.write(chart + "\n")
    if "backtest" in document:
        out.line()
        _scores(out, document["backtest"])
    if "drift" in document:
        out.line()
        _drift(out, document["drift"])


def _histories(out: Page, document: dict[str, Any]) -> None:
    """Say of each series what its history holds, how wide its band is and why its method was taken; poor ones first."""
    rows = sorted(document["series"], key=lambda r: (r["quality"] != "poor", not r["stockouts"], r["sku"], r["location"]))
    several = len({r["location"] for r in rows}) > 1
    names = [f"{r['sku']}@{r['location']}" if several else r["sku"] for r in rows]
    stats = [document["stats"].get(name) or {} for name in names]
    band = [f"{s['p95'] / s['mean']:.2f}" if s.get("mean") else "–" for s in stats]
    out.line("Histories: periods known, without data, out of stock; p95 over mean of the first period")
    out.table(
        [
            Column("sku", names),
            *(
                Column(title, [str(r[key]) for r in rows], right=True)
                for title, key in (("known", "length"), ("gaps", "gaps"), ("out", "stockouts"))
            ),
            Column("band", band, right=True),
            Column("method and why", [f"{r['method']}: {r['reason'] or r['why']}" for r in rows], last=True),
        ]
    )
    for name, row in zip(names, rows, strict=True):
        if row["quality"] == "poor":
            out.line(f"{name}: {row['reason']}, so {row['method']} stands in, with a wider band")
        if row["stockouts"]:
            out.line(f"{name}: " + "; ".join(note for note in row["notes"] if "out of stock" in note))


def _scores(out: Page, found: dict[str, Any]) -> None:
    out.line(f"Backtest from {found['origins']} origins, {found['horizon']} periods each (scaled by the naive error; 90 % interval)")
    methods = found["methods"]
    metrics = [*methods[0]["pooled"], "energy", "variogram"]
    out.table([Column("score", metrics), *(Column(m["name"], [_score(m, metric) for metric in metrics], right=True) for m in methods)])


def _score(method: dict[str, Any], metric: str) -> str:
    if metric in method["pooled"]:
        cell = method["pooled"][metric]
        return f"{cell['value']:.3f} ({cell['low']:.3f} … {cell['high']:.3f})"
    value = method["joint"].get(metric)
    return "–" if value is None or value != value else f"{value:.3f}"  # noqa: PLR0124  # NaN is not itself


def _drift(out: Page, rows: list[dict[str, Any]]) -> None:
    alarms = [r for r in rows if r["drifted"]]
    total = rows[0]
    out.line(
        f"Drift over {total['periods']} observations: live RMSE {total['live_rmse']:.3g}, backtest {total['backtest_rmse']:.3g}, "
        f"{total['above_p95']:.1%} above p95; " + ("no drift" if not alarms else "drift in " + ", ".join(r["name"] for r in alarms))
    )

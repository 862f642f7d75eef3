"""What a planner sees of a forecast: statistics per SKU, what was chosen and why, scores, drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from dyocense_cli.cli.show import console

__all__ = ["show_forecast"]

_ROWS = 60


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def show_forecast(document: dict[str, Any], charts: Sequence[str]) -> None:
    """Print a forecast document for a person on standard output."""
    out = console()
    reduced = document["reduction"]
    note = f", reduced from {reduced['from']:.0f} by {reduced['method']}" if reduced else ""
    out.print(f"{document['num_scenarios']} scenarios over {document['horizon']} periods, {document['distinct']} distinct{note}")
    if reduced:
        out.print(
            f"reduction error: total mean {reduced['error_mean']:+.2%}, spread {reduced['error_sigma']:+.2%}, "
            f"p95 {reduced['error_p95']:+.2%}; newsvendor decisions cost {reduced['newsvendor_gap']:.2%} more"
        )
    out.print()
    reports = {r["sku"]: r for r in document["series"]}
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("sku", overflow="fold")
    for name in ("mean", "sigma", "p95", "total p95"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("demand", no_wrap=True)
    table.add_column("method", overflow="ellipsis", no_wrap=True)
    for sku, stats in list(document["stats"].items())[:_ROWS]:
        report = reports.get(sku.partition("@")[0], {})
        table.add_row(
            sku,
            *(_number(stats[k]) for k in ("mean", "sigma", "p95", "total_p95")),
            report.get("demand_class", ""),
            f"POOR: {report['reason']}" if report.get("quality") == "poor" else report.get("method", ""),
        )
    out.print(table)
    if len(document["stats"]) > _ROWS:
        out.print(f"… and {len(document['stats']) - _ROWS} more (--json has them)")
    for chart in charts:
        out.print()
        out.print(chart)
    if "backtest" in document:
        out.print()
        _scores(out, document["backtest"])
    if "drift" in document:
        out.print()
        _drift(out, document["drift"])


def _scores(out: Any, found: dict[str, Any]) -> None:
    out.print(f"Backtest from {found['origins']} origins, {found['horizon']} periods each (scaled by the naive error; 90 % interval)")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("score")
    for method in found["methods"]:
        table.add_column(method["name"], justify="right")
    for metric in found["methods"][0]["pooled"]:
        cells = [m["pooled"][metric] for m in found["methods"]]
        table.add_row(metric, *(f"{c['value']:.3f} ({c['low']:.3f} … {c['high']:.3f})" for c in cells))
    for metric in ("energy", "variogram"):
        cells = [m["joint"].get(metric) for m in found["methods"]]
        table.add_row(metric, *("–" if c is None or c != c else f"{c:.3f}" for c in cells))  # noqa: PLR0124  # NaN is not itself
    out.print(table)


def _drift(out: Any, rows: list[dict[str, Any]]) -> None:
    alarms = [r for r in rows if r["drifted"]]
    total = rows[0]
    out.print(
        f"Drift over {total['periods']} observations: live RMSE {total['live_rmse']:.3g}, backtest {total['backtest_rmse']:.3g}, "
        f"{total['above_p95']:.1%} above p95; " + ("no drift" if not alarms else "drift in " + ", ".join(r["name"] for r in alarms))
    )

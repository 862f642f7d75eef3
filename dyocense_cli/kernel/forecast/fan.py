"""Fan charts of a forecast: history, median and bands, as text for a terminal and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.series import read_batch

__all__ = ["Fan", "fans_of", "html_page", "terminal_fan"]

_PAST: Final = 26


@dataclass(frozen=True, slots=True)
class Fan:
    """One series: its last periods (NaN without data), and quantiles p5, p25, p50, p75, p95 (5, h) in its unit."""

    name: str
    past: np.ndarray
    bands: np.ndarray
    note: str


def fans_of(forecast_set: ForecastSet, request: ForecastRequest) -> tuple[Fan, ...]:
    """Return a fan per series with its last 26 periods of history."""
    batch = read_batch(request)
    rows = [forecast_set.levels.index(p) for p in (0.05, 0.25, 0.5, 0.75, 0.95)]
    return tuple(
        Fan(
            s if loc == "main" else f"{s}@{loc}",
            batch.y[-_PAST:, i],
            forecast_set.quantiles[i][rows],
            f"{r.demand_class}, {r.method}" + (f", poor: {r.reason}" if r.quality == "poor" else ""),
        )
        for i, (s, loc, r) in enumerate(zip(forecast_set.skus, forecast_set.locations, forecast_set.reports, strict=True))
    )


def terminal_fan(fan: Fan, *, rows: int = 8) -> str:
    """Return a chart of `rows` lines: ``•`` history, ``█`` middle half, ``░`` p5 to p95, ``─`` median."""
    top = max(float(np.nanmax(np.concatenate([fan.past, fan.bands[4]]), initial=0.0)), 1e-9)

    def row(value: float) -> int:
        return min(rows - 1, int(value / top * rows))

    columns: list[list[str]] = []
    for value in fan.past.tolist():
        cell = [" "] * rows
        if value == value:  # noqa: PLR0124  # NaN is not itself
            cell[row(value)] = "•"
        columns.append(cell)
    columns.append(["│"] * rows)
    for low, inner, middle, outer, high in fan.bands.T.tolist():
        cell = [" "] * rows
        for r in range(row(low), row(high) + 1):
            cell[r] = "░"
        for r in range(row(inner), row(outer) + 1):
            cell[r] = "█"
        cell[row(middle)] = "─"
        columns.append([c * 2 for c in cell])
    label = f"{top:,.0f}"
    ticks = {rows - 1: label, 0: "0"}
    chart = (ticks.get(r, "").rjust(len(label)) + " ┤" + "".join(c[r] for c in columns) for r in reversed(range(rows)))
    return "\n".join([f"{fan.name}  ({fan.note})", *chart])


def html_page(fans: Sequence[Fan], *, title: str) -> str:
    """Return one HTML page with a chart per series; no script, nothing loaded from elsewhere, and it prints."""
    body = "\n".join(f"<figure><figcaption><b>{escape(f.name)}</b> {escape(f.note)}</figcaption>{_svg(f)}</figure>" for f in fans)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>
body {{ font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; background: #fff }}
figure {{ margin: 1.5em 0; break-inside: avoid }} figcaption {{ margin-bottom: .3em }} svg {{ width: 100%; height: auto }}
.p {{ fill: none; stroke: #444; stroke-width: 1.5 }} .m {{ fill: none; stroke: #0b5394; stroke-width: 2 }}
.o {{ fill: #9fc5e8; opacity: .5 }} .i {{ fill: #6fa8dc; opacity: .6 }} text {{ font-size: 11px; fill: #555 }} line {{ stroke: #ccc }}
</style></head><body>
<h1>{escape(title)}</h1>
<p>Grey: history. Blue line: median. Dark band: middle half of all futures. Light band: 5 % to 95 %.</p>
{body}
</body></html>
"""


def _svg(fan: Fan) -> str:
    width, height, left = 760.0, 180.0, 60.0
    past, h = fan.past.tolist(), fan.bands.shape[1]
    top = max(float(np.nanmax(np.concatenate([fan.past, fan.bands[4]]), initial=0.0)), 1e-9)
    step = (width - left - 10) / max(len(past) + h - 1, 1)

    def point(k: int, value: float) -> str:
        return f"{left + k * step:.1f},{height - 20 - value / top * (height - 35):.1f}"

    def band(low: np.ndarray, high: np.ndarray) -> str:
        n = len(past)
        up = [point(n + k, v) for k, v in enumerate(high.tolist())]
        return " ".join(up + [point(n + k, v) for k, v in reversed(list(enumerate(low.tolist())))])

    runs, run = [], []
    for k, value in enumerate(past):
        if value == value:  # noqa: PLR0124  # NaN is not itself
            run.append(point(k, value))
        elif run:
            runs.append(run)
            run = []
    runs.append(run)
    lines = "".join(f'<polyline class="p" points="{" ".join(r)}"/>' for r in runs if r)
    middle = " ".join(point(len(past) + k, v) for k, v in enumerate(fan.bands[2].tolist()))
    base = height - 20
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="fan chart of {escape(fan.name, quote=True)}">'
        f'<line x1="{left}" y1="{base}" x2="{width - 10}" y2="{base}"/><text x="4" y="20">{top:,.4g}</text><text x="4" y="{base}">0</text>'
        f'<polygon class="o" points="{band(fan.bands[0], fan.bands[4])}"/><polygon class="i" points="{band(fan.bands[1], fan.bands[3])}"/>'
        f'{lines}<polyline class="m" points="{middle}"/></svg>'
    )

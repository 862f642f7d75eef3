"""Charts as inline SVG: a title and a description for screen readers, colours by class so that dark and print styles apply."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from dyocense_cli.kernel.report.fan import Fan
from dyocense_cli.kernel.report.numbers import figure, number

__all__ = ["bars", "fan_chart", "histogram", "ticks"]

_W, _H, _LEFT, _BOTTOM, _TOP = 320, 150, 44, 20, 8


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return at most `count` + 1 round values that cover [low, high] (1, 2, 2.5 or 5 times a power of ten apart)."""
    span = (high - low) or abs(high) or 1.0
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


class _Frame:
    """Maps values to a drawing of `width` × `height` with an axis on the left."""

    def __init__(self, n: int, low: float, high: float, *, width: int = _W, height: int = _H) -> None:
        self.marks = ticks(low, high)
        self.low, self.high = self.marks[0], self.marks[-1]
        self.n, self.width, self.height = n, width, height

    def x(self, i: float) -> float:
        inner = self.width - _LEFT - 8
        return round(_LEFT + inner * ((i + 0.5) / self.n), 1)

    def y(self, value: float) -> float:
        inner = self.height - _BOTTOM - _TOP
        return round(_TOP + inner * (1 - (value - self.low) / ((self.high - self.low) or 1.0)), 1)

    def axes(self, names: Sequence[str]) -> str:
        parts = [
            f'<line class="grid" x1="{_LEFT}" x2="{self.width - 4}" y1="{self.y(m)}" y2="{self.y(m)}"/>'
            f'<text class="tick" x="{_LEFT - 5}" y="{self.y(m) + 3.5:.1f}" text-anchor="end">{short(m)}</text>'
            for m in self.marks
        ]
        every = max(1, math.ceil(len(names) / 8))
        parts += [
            f'<text class="tick" x="{self.x(i)}" y="{self.height - 5}" text-anchor="middle">{escape(name)}</text>'
            for i, name in enumerate(names)
            if i % every == 0
        ]
        return "".join(parts)


def short(value: float) -> str:
    """Return an axis label: 1.2k, 3M."""
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return number(value / (1e3 if mark == "k" else size), digits=1) + mark
    return number(value)


def _svg(inner: str, *, title: str, text: str, width: int = _W, height: int = _H, name: str = "chart") -> Markup:
    return Markup(  # noqa: S704  # every text below is escaped, every number formatted by us
        f'<svg class="{name}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}: {escape(text)}">{inner}</svg>'
    )


def _band(frame: _Frame, rows: np.ndarray, name: str) -> str:
    """Draw p5..p95 as an area and p50 as a line; `rows` is float64[3, n]."""
    n = rows.shape[1]
    up = [f"{frame.x(i)},{frame.y(float(rows[2, i]))}" for i in range(n)]
    down = [f"{frame.x(i)},{frame.y(float(rows[0, i]))}" for i in reversed(range(n))]
    middle = " ".join(f"{frame.x(i)},{frame.y(float(rows[1, i]))}" for i in range(n))
    area = f'<polygon class="{name} area" points="{" ".join(up + down)}"/>' if n > 1 else ""
    dots = "" if n > 1 else f'<circle class="{name} dot" cx="{frame.x(0)}" cy="{frame.y(float(rows[1, 0]))}" r="3"/>'
    return area + f'<polyline class="{name} line" points="{middle}"/>' + dots


def fan_chart(fan: Fan, periods: Sequence[str], *, unit: str = "") -> Markup:
    """Draw the stock and demand bands of one SKU with what arrives as bars."""
    bands = [(rows, name) for rows, name in ((fan.demand, "demand"), (fan.stock, "stock")) if rows is not None]
    top = max([float(fan.arrivals.max(initial=0.0)), *(float(rows.max(initial=0.0)) for rows, _ in bands)])
    low = min([0.0, *(float(rows.min(initial=0.0)) for rows, _ in bands)])
    frame = _Frame(len(periods), low, top or 1.0)
    inner = [frame.axes(periods)]
    half = (_W - _LEFT) / max(len(periods), 1) * 0.16
    inner += [
        f'<rect class="arrival" x="{frame.x(i) - half:.1f}" width="{2 * half:.1f}" y="{frame.y(float(q))}" '
        f'height="{frame.y(0.0) - frame.y(float(q)):.1f}"/>'
        for i, q in enumerate(fan.arrivals.tolist())
        if q > 0
    ]
    inner += [_band(frame, rows, name) for rows, name in bands]
    said = [f"median {name} {number(float(rows[1, 0]))} to {number(float(rows[1, -1]))}" for rows, name in bands if rows.shape[1]]
    said.append(f"arrivals {number(float(fan.arrivals.sum()))}")
    return _svg("".join(inner), title=fan.name, text=", ".join(said) + (f" {unit}" if unit else ""))


def bars(items: Sequence[tuple[str, float]], *, title: str, unit: str) -> Markup:
    """Draw horizontal bars, largest first as given."""
    width, row = 640, 22
    top = max((abs(v) for _, v in items), default=1.0) or 1.0
    inner = []
    for i, (name, value) in enumerate(items):
        y, length = 4 + i * row, 340 * abs(value) / top
        shown = name if len(name) <= 24 else name[:23] + "…"
        inner.append(
            f'<text class="name" x="150" y="{y + 13}" text-anchor="end">{escape(shown)}</text>'
            f'<rect class="bar" x="158" y="{y}" width="{max(length, 1):.1f}" height="16" rx="2"/>'
            f'<text class="value" x="{164 + length:.1f}" y="{y + 13}">{escape(figure(value, unit))}</text>'
        )
    said = "; ".join(f"{name} {number(value)} {unit}".strip() for name, value in items[:12])
    return _svg("".join(inner), title=title, text=said or "nothing", width=width, height=8 + row * max(len(items), 1), name="chart bars")


def histogram(values: Sequence[float], *, title: str, unit: str, marks: Sequence[tuple[str, float]] = ()) -> Markup:
    """Draw how often each range of values occurs; `marks` are named vertical lines."""
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    if not data.size:
        return Markup("")
    width, height = 420, 170
    low, high = float(data.min()), float(data.max())
    if high - low <= 1e-9 * max(abs(high), 1.0):
        pad = max(abs(low), 1.0) * 0.05
        low, high = low - pad, high + pad
    counts, edges = np.histogram(data, bins=min(24, max(6, int(math.sqrt(data.size) * 1.6))), range=(low, high))
    frame = _Frame(len(counts), 0.0, float(counts.max()), width=width, height=height)
    inner_width = width - _LEFT - 8
    scale = inner_width / (float(edges[-1]) - float(edges[0]))
    inner = [frame.axes(())]
    inner += [
        f'<rect class="bar" x="{_LEFT + inner_width * i / len(counts) + 0.5:.1f}" y="{frame.y(float(c))}" '
        f'width="{inner_width / len(counts) - 1:.1f}" height="{frame.y(0.0) - frame.y(float(c)):.1f}"/>'
        for i, c in enumerate(counts.tolist())
        if c
    ]
    inner += [
        f'<text class="tick" x="{_LEFT + (m - edges[0]) * scale:.1f}" y="{height - 5}" text-anchor="middle">{short(m)}</text>'
        for m in ticks(float(edges[0]), float(edges[-1]), 5)
        if edges[0] <= m <= edges[-1]
    ]
    for row, (name, value) in enumerate(marks):
        if edges[0] <= value <= edges[-1]:
            x = round(_LEFT + (value - float(edges[0])) * scale, 1)
            anchor, dx = ("end", -4) if x > width * 0.7 else ("start", 4)
            inner.append(
                f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
                f'<text class="value halo" x="{x + dx}" y="{_TOP + 10 + 12 * row}" text-anchor="{anchor}">{escape(name)}</text>'
            )
    said = f"{data.size} scenarios from {number(low)} to {number(high)} {unit}, " + ", ".join(f"{n} {number(v)}" for n, v in marks)
    return _svg("".join(inner), title=title, text=said, width=width, height=height)

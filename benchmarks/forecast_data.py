"""The public sets of the forecast benchmark, split by SKU into a half to tune on and a half that nobody tuned on."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: by name: file, length of a period, season, horizon, whether it holds counts
SETS = {
    "grocery-weekly": ("grocery_weekly.csv", "week", 1, 4, False),
    "grocery-daily": ("grocery_daily.csv", "day", 7, 7, False),
    "jewelry-weekly": ("jewelry_weekly.csv", "week", 1, 4, False),
    "carparts-monthly": ("carparts_monthly.csv", "month", 12, 6, True),
    "m3-micro-monthly": ("m3_micro_monthly.csv", "month", 12, 6, False),
}


@dataclass(frozen=True)
class Window:
    """Series of one set up to an origin, (T, n) time-major with NaN where there is none, and what came after, (h, n)."""

    name: str
    every: str
    season: int
    counts: bool
    origin: int
    skus: tuple[str, ...]
    days: np.ndarray
    past: np.ndarray
    future: np.ndarray


def is_tune(sku: str) -> bool:
    """Say whether a SKU is in the half that constants are tuned on; the sets at hand hold residues 0 to 3 only."""
    return int(hashlib.sha1(sku.encode()).hexdigest(), 16) % 10 < 2


def load(folder: Path, name: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return SKUs, days (T,) and demand (T, n), right-aligned: series of other calendars end on the same row."""
    series: dict[str, list[tuple[str, float]]] = {}
    with (folder / SETS[name][0]).open() as file:
        for row in csv.DictReader(file):
            series.setdefault(row["sku"], []).append((row["period"], float(row["demand"]) if row["demand"] else np.nan))
    skus = tuple(sorted(series))
    length = max(len(v) for v in series.values())
    y = np.full((length, len(skus)), np.nan)
    days = np.zeros(length, dtype=np.int64)
    for i, sku in enumerate(skus):
        rows = sorted(series[sku])
        y[length - len(rows) :, i] = [v for _, v in rows]
        if len(rows) == length:
            days = np.array([d for d, _ in rows], dtype="datetime64[D]").astype(np.int64)
    return skus, days, y


def windows(folder: Path, name: str, *, origins: int = 3, tune: bool | None = None) -> list[Window]:
    """Return the last `origins` non-overlapping windows of a set, of one half or of both."""
    _, every, season, h, counts = SETS[name]
    skus, days, y = load(folder, name)
    keep = [i for i, s in enumerate(skus) if tune is None or is_tune(s) == tune]
    found = []
    for k in range(origins):
        cut = len(days) - h * (k + 1)
        kept = tuple(skus[i] for i in keep)
        found.append(Window(name, every, season, counts, k, kept, days[:cut], y[:cut][:, keep], y[cut : cut + h][:, keep]))
    return found

"""Lead times: a supplier's own deliveries, or the figures it gives, drawn in the same scenarios as demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.context import Table
from dyocense_cli.artifacts.request import SampleRequest
from dyocense_cli.defaults import default
from dyocense_cli.kernel.scenarios.streams import keys_of, uniforms, upper_quantile

__all__ = ["LeadTimes", "draw_leads", "lead_times"]

_LEVELS = 201


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """Quantile tables of lead time in days, float64 (n_suppliers, 201) at levels 0, 0.005 … 1; `whole` if only whole days occur."""

    suppliers: tuple[str, ...]
    table: np.ndarray
    whole: np.ndarray
    notes: tuple[str, ...]


def lead_times(request: SampleRequest) -> LeadTimes:
    """Read each supplier's lead times: deliveries where there are enough, else `lead_days` with `lead_sd`.

    Notes
    -----
    A delivery dated before its order is no data. With fewer deliveries than `forecast.min_deliveries` and no given figure, the few there
    are give the mean, and the spread is a third of it. A supplier with neither delivers in the same period.
    """
    given = _given(request.tables.get("suppliers"))
    seen, notes = _deliveries(request.tables.get("deliveries"))
    suppliers = tuple(sorted(given if given else seen))
    table = np.zeros((len(suppliers), _LEVELS))
    whole = np.ones(len(suppliers), dtype=bool)
    enough = int(str(default("forecast.min_deliveries")))
    for row, name in enumerate(suppliers):
        days = seen.get(name, np.empty(0))
        mean, sd = given.get(name, (np.nan, np.nan))
        if len(days) >= enough:
            table[row] = _smoothed(days)
            continue
        if np.isnan(mean):
            if len(days) == 0:
                notes.append(f"{name}: no lead time is known, orders arrive in the period they are placed")
                continue
            mean, sd = float(days.mean()), float(days.mean()) / 3
            notes.append(f"{name}: {len(days)} deliveries, fewer than {enough}: their mean with a third of it as spread")
        table[row], whole[row] = _given_table(mean, 0.0 if np.isnan(sd) else sd), float(mean).is_integer()
    return LeadTimes(suppliers, table, whole, tuple(notes))


def draw_leads(leads: LeadTimes, *, count: int, seed: int, purpose: str, start: int = 0) -> np.ndarray:
    """Return lead times in days, float64 (n_suppliers, count), each from the stream of its supplier."""
    u = uniforms(keys_of(seed, purpose + "/lead", leads.suppliers), start, count) * (_LEVELS - 1)
    index = u.astype(np.int64)
    low = np.take_along_axis(leads.table, index, axis=1)
    high = np.take_along_axis(leads.table, index + 1, axis=1)
    days = low + (u - index) * (high - low)
    return np.asarray(np.where(leads.whole[:, None], np.rint(days), days))


def _given(table: Table | None) -> dict[str, tuple[float, float]]:
    if table is None or "supplier" not in table.columns:
        return {}
    nothing = np.full(table.n_rows, np.nan)
    mean = table.columns["lead_days"].values if "lead_days" in table.columns else nothing
    sd = table.columns["lead_sd"].values if "lead_sd" in table.columns else nothing
    names = table.columns["supplier"].text()
    return {n: (float(m), float(s)) for n, m, s in zip(names, mean, sd, strict=True) if n is not None}


def _deliveries(table: Table | None) -> tuple[dict[str, np.ndarray], list[str]]:
    if table is None or table.n_rows == 0:
        return {}, []
    days = (_dates(table, "received_on") - _dates(table, "ordered_on")).astype(np.float64)
    days[np.isnat(_dates(table, "received_on") - _dates(table, "ordered_on"))] = np.nan
    names = table.columns["supplier"]
    found: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for code, name in enumerate(names.labels or ()):
        own = days[names.values == code]
        good = np.sort(own[own >= 0])
        if (own < 0).any():
            notes.append(f"{name}: {int((own < 0).sum())} deliveries dated before their order are left out")
        found[name] = good
    return found, notes


def _dates(table: Table, column: str) -> np.ndarray:
    col = table.columns[column]
    labels = np.array([label[:10] for label in col.labels or ()] + ["NaT"], dtype="datetime64[D]")
    return np.asarray(labels[col.values])


def _smoothed(days: np.ndarray) -> np.ndarray:
    """Interpolate between sorted deliveries; the ends reach past the extremes by 1/m of their distance from the median."""
    m = len(days)
    median = float(np.median(days))
    low = max(0.0, days[0] - (median - days[0]) / m)
    high = days[-1] + (days[-1] - median) / m
    at = np.concatenate([[0.0], (np.arange(m) + 0.5) / m, [1.0]])
    return np.asarray(np.interp(np.linspace(0, 1, _LEVELS), at, np.concatenate([[low], days, [high]])))


def _given_table(mean: float, sd: float) -> np.ndarray:
    """Quantiles of a gamma distribution of this mean and spread (Wilson and Hilferty 1931), never negative."""
    if sd <= 0 or mean <= 0:
        return np.full(_LEVELS, max(mean, 0.0))
    c = (sd / mean) ** 2
    # 201 levels of the normal, ends at 0.1 % and 99.9 %
    z = _Z
    return np.asarray(np.maximum(mean * np.maximum(1 - c / 9 + z * np.sqrt(c) / 3, 0.0) ** 3, 0.0))


def _normal_levels() -> np.ndarray:
    p = np.clip(np.linspace(0, 1, _LEVELS), 0.001, 0.999)
    return np.asarray(np.where(p <= 0.5, -upper_quantile(np.minimum(p, 0.5)), upper_quantile(np.minimum(1 - p, 0.5))))


_Z = _normal_levels()

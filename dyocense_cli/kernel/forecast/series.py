"""From history rows to one matrix of series on the calendar of the goal, with what was found on the way.

A row's quantity belongs to the period that holds its date. A period without a row between a series' first and last is a *gap* and holds
no data; a zero while nothing was on hand, or while stock was not known, holds no data either. Rows of one day that are there twice are
added up and counted. A history that records no zero at all and misses a third of its periods or more is a list of sales: there,
missing periods are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import InputError, Ref
from dyocense_cli.kernel.forecast.calendar import Calendar

__all__ = ["Batch", "read_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """All series of a request, sorted by (sku, location).

    `y` is float64 (T, n), time-major, NaN where there is no data; its last row is the period before the horizon. `days` are the
    starts of its rows, days since 1970, int64 (T,). Counts are int64 (n,). `integer` is true where all quantities are whole.
    `regressors` are float64 (T + h, n) by name, NaN where unknown.
    """

    skus: tuple[str, ...]
    locations: tuple[str, ...]
    categories: tuple[str, ...]
    y: np.ndarray
    days: np.ndarray
    season: int
    h: int
    integer: np.ndarray
    gaps: np.ndarray
    stockouts: np.ndarray
    duplicates: np.ndarray
    negatives: np.ndarray
    ignored: np.ndarray
    listed: np.ndarray
    absent: np.ndarray  # no row here, though the SKU has rows at another location: it is not sold here
    grain: np.ndarray  # days between a series' rows where they are finer than a period, else 0
    regressors: dict[str, np.ndarray]

    @property
    def n(self) -> int:
        """Number of series."""
        return len(self.skus)


@dataclass(frozen=True, slots=True)
class _Rows:
    """History rows as arrays, one entry per row: series index, period index (negative before the horizon), day, quantity."""

    series: np.ndarray
    period: np.ndarray
    day: np.ndarray
    quantity: np.ndarray
    empty: np.ndarray
    index: np.ndarray


def read_batch(request: ForecastRequest) -> Batch:
    """Arrange a request's history as a `Batch`.

    Raises
    ------
    InputError
        DY2501 if a quantity is infinite, DY2502 if a date cannot be read, DY2503 if the history has no location column where several
        locations exist.
    """
    pairs = [(s, loc) for s in sorted(request.skus) for loc in sorted(request.locations or ("main",))]
    calendar = Calendar.of(request.every, request.period_starts)
    table = request.tables.get("history")
    rows = _rows(table, pairs, request, calendar) if table is not None and table.n_rows else _no_rows()
    past = rows.period < 0
    # one row more than the horizon, so that every step has an origin
    length = max(len(request.periods) + 1, int(-rows.period[past].min()) if past.any() else 0)
    n = len(pairs)
    filled = _fill(rows, past, length, n, calendar)
    y, counts = filled
    return Batch(
        tuple(s for s, _ in pairs),
        tuple(loc for _, loc in pairs),
        _categories(request, pairs),
        y,
        calendar.days(-length, 0),
        calendar.season,
        len(request.periods),
        **counts,
        absent=_absent([s for s, _ in pairs], rows),
        regressors={r: _regressor(table, r, rows, length=length, n=n, h=len(request.periods)) for r in request.regressors},
    )


def _absent(skus: list[str], rows: _Rows) -> np.ndarray:
    """Return which series (n,) have no row while their SKU has some at another location."""
    here = np.bincount(rows.series, minlength=len(skus)) > 0
    sold = {sku for sku, found in zip(skus, here.tolist(), strict=True) if found}
    return np.array([sku in sold for sku in skus], dtype=bool) & ~here


def _no_rows() -> _Rows:
    none = np.zeros(0, dtype=np.int64)
    return _Rows(none, none, none, np.zeros(0), np.zeros(0, dtype=bool), none)


def _rows(table: Table, pairs: list[tuple[str, str]], request: ForecastRequest, calendar: Calendar) -> _Rows:
    sku = table.columns["sku"]
    at_sku = {s: i for i, s in enumerate(sorted(request.skus))}
    locations = sorted(request.locations or ("main",))
    series = _codes(sku, at_sku) * len(locations)
    if "location" in table.columns and len(locations) > 1:
        where = _codes(table.columns["location"], {loc: j for j, loc in enumerate(locations)})
        series = np.where((series >= 0) & (where >= 0), series + where, -1)
    elif len(locations) > 1:
        raise InputError(
            "DY2503",
            f"history has no column `location`, and the context has {len(locations)} locations",
            where=Ref("history"),
            hints="add a column `location` to the history",
        )
    keep = np.flatnonzero(series >= 0)
    day = _days(table.columns["date"])[keep]
    quantity = table.columns["quantity"].values.astype(np.float64)[keep]
    if np.isinf(quantity).any():
        row = int(keep[np.flatnonzero(np.isinf(quantity))[0]])
        raise InputError(
            "DY2501", f"history has an infinite quantity for {pairs[series[row]][0]}", where=Ref("history", _source_row(table, row))
        )
    return _Rows(series[keep], calendar.period_of(day), day, quantity, _was_empty(table, quantity, keep), keep)


def _source_row(table: Table, row: int) -> int:
    return int(table.rows[row]) if table.rows is not None else row + 1


def _codes(column: Column, at: dict[str, int]) -> np.ndarray:
    labels = np.array([at.get(label, -(1 << 30)) for label in column.labels or ()] + [-(1 << 30)], dtype=np.int64)
    return np.asarray(labels[column.values])


def _days(column: Column) -> np.ndarray:
    try:
        labels = np.array([label[:10] for label in column.labels or ()] + ["1970-01-01"], dtype="datetime64[D]")
    except ValueError as error:
        raise InputError(
            "DY2502",
            f"history has a date that cannot be read: {error}",
            where=Ref("history", column="date"),
            hints="write dates as 2026-03-02",
        ) from error
    return np.asarray(labels.astype(np.int64)[column.values])


def _was_empty(table: Table, quantity: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Say of each row whether nothing could be sold: no stock, or stock unknown beside a zero."""
    none = np.zeros(len(keep), dtype=bool)
    if "stocked_out" in table.columns:
        none |= table.columns["stocked_out"].values[keep] > 0
    if "on_hand" in table.columns:
        on_hand = table.columns["on_hand"].values.astype(np.float64)[keep]
        none |= (quantity <= 0) & ~(on_hand > 0)
    return none


def _fill(rows: _Rows, past: np.ndarray, length: int, n: int, calendar: Calendar) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    s, p, q = rows.series[past], rows.period[past] + length, rows.quantity[past]
    empty = rows.empty[past]
    flat, size = p * n + s, length * n
    known = ~np.isnan(q) & ~empty
    total = np.bincount(flat[known], weights=q[known], minlength=size).reshape(length, n)
    good = np.bincount(flat[known], minlength=size).reshape(length, n)
    out = np.bincount(flat[empty], minlength=size).reshape(length, n)
    y = np.where(good > 0, total * (good + out) / np.maximum(good, 1), np.nan)
    y[out > good] = np.nan
    grain = _grain(rows, past, n)
    _trim(y, rows, past, length=length, grain=grain, calendar=calendar)
    negatives = (y < 0).sum(axis=0)
    y = np.where(y < 0, 0.0, y)
    spanned = _spanned(~np.isnan(y) | (out > 0))
    gaps = (spanned & np.isnan(y) & (out == 0)).sum(axis=0)
    zeros = (y == 0).sum(axis=0)
    listed = (zeros == 0) & (gaps * 3 >= spanned.sum(axis=0)) & (gaps > 0) & (out.sum(axis=0) == 0)
    y = np.where(listed & spanned & np.isnan(y), 0.0, y)
    fraction = np.bincount(s[known], weights=(q[known] != np.floor(q[known])), minlength=n) > 0
    key = rows.series[past] * (1 << 24) + rows.day[past] + (1 << 20)
    unique, repeat = np.unique(key, return_counts=True)
    twice = np.bincount(unique // (1 << 24), weights=repeat - 1, minlength=n).astype(np.int64)
    return y, {
        "integer": ~fraction,
        "gaps": gaps,
        "stockouts": (out > 0).sum(axis=0),
        "duplicates": twice,
        "negatives": negatives,
        "ignored": np.bincount(rows.series[~past & ~np.isnan(rows.quantity)], minlength=n),
        "listed": listed,
        "grain": np.where(grain < int(np.diff(calendar.days(-1, 1))[0]), grain, 0),
    }


def _spanned(seen: np.ndarray) -> np.ndarray:
    """Return, per series, the periods from the first to the last with a row."""
    forward = np.logical_or.accumulate(seen, axis=0)
    backward = np.logical_or.accumulate(seen[::-1], axis=0)[::-1]
    return forward & backward


def _grain(rows: _Rows, past: np.ndarray, n: int) -> np.ndarray:
    """Return the usual distance in days between a series' rows (1 for daily histories), int64 (n,); large for fewer than two."""
    order = np.lexsort((rows.day[past], rows.series[past]))
    s, d = rows.series[past][order], rows.day[past][order]
    step = np.diff(d)
    ok = (np.diff(s) == 0) & (step > 0)
    grain = np.full(n, 1 << 20, dtype=np.int64)
    np.minimum.at(grain, s[1:][ok], step[ok])
    return grain


def _trim(y: np.ndarray, rows: _Rows, past: np.ndarray, *, length: int, grain: np.ndarray, calendar: Calendar) -> None:
    """Drop a first or last period that its rows do not cover whole: half a week of a daily history is no week of demand."""
    n = y.shape[1]
    first = np.full(n, 1 << 40, dtype=np.int64)
    last = np.full(n, -(1 << 40), dtype=np.int64)
    np.minimum.at(first, rows.series[past], rows.day[past])
    np.maximum.at(last, rows.series[past], rows.day[past])
    starts = calendar.days(-length, 1)
    for row in range(length):
        width = starts[row + 1] - starts[row]
        fine = grain < width
        begins = fine & (first > starts[row]) & (first < starts[row + 1]) & (first - starts[row] >= grain)
        ends = fine & (last >= starts[row]) & (last < starts[row + 1]) & (last + grain < starts[row + 1])
        y[row, begins | ends] = np.nan


def _categories(request: ForecastRequest, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    table = request.tables.get("skus")
    if table is None or "category" not in table.columns:
        return ("",) * len(pairs)
    found = dict(zip(table.columns["sku"].text(), table.columns["category"].text(), strict=True))
    return tuple(found.get(s) or "" for s, _ in pairs)


def _regressor(table: Table | None, name: str, rows: _Rows, *, length: int, n: int, h: int) -> np.ndarray:
    """Return a regressor's period means, (T + h, n); rows dated in the horizon give its future values."""
    out = np.full((length + h, n), np.nan)
    if table is None or name not in table.columns:
        raise InputError(
            "DY2504",
            f"history has no column `{name}`, which `forecast.regressors` names",
            where=Ref("history"),
            hints="name columns of the history, such as price or promo",
        )
    values = table.columns[name].values.astype(np.float64)[rows.index]
    ok = ~np.isnan(values) & (rows.period < h)
    flat = (rows.period[ok] + length) * n + rows.series[ok]
    count = np.bincount(flat, minlength=out.size).reshape(out.shape)
    total = np.bincount(flat, weights=values[ok], minlength=out.size).reshape(out.shape)
    out[count > 0] = total[count > 0] / count[count > 0]
    return out

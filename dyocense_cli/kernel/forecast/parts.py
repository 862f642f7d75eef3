"""A forecast set taken apart by SKU and put together again, so that what is known of a SKU need not be forecast twice."""

from __future__ import annotations

import hashlib

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.report import pooled_rmse

__all__ = ["join", "only", "parts_of", "series_keys"]


def parts_of(forecast_set: ForecastSet) -> dict[str, ForecastSet]:
    """Return the forecast of each SKU, at all its locations, on its own dates."""
    bounds = _bounds(forecast_set.skus)
    notes: dict[str, list[str]] = {}
    for warning in forecast_set.warnings:
        notes.setdefault(warning.partition(": ")[0].partition("@")[0], []).append(warning)
    return {sku: _part(forecast_set, slice(first, last), tuple(notes.get(sku, ()))) for sku, first, last in bounds}


def _bounds(skus: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Return each SKU with its first row and the row after its last, of labels in sorted order."""
    starts = [i for i, sku in enumerate(skus) if i == 0 or skus[i - 1] != sku]
    return [(skus[a], a, b) for a, b in zip(starts, [*starts[1:], len(skus)], strict=True)]


def _part(forecast_set: ForecastSet, rows: slice, warnings: tuple[str, ...]) -> ForecastSet:
    scores = forecast_set.state["scores"][rows]
    used = np.flatnonzero(scores.any(axis=0))
    first = int(used[0]) if len(used) else scores.shape[1]
    state = {k: v if k in ("z", "dates") else np.ascontiguousarray(v[rows]) for k, v in forecast_set.state.items()}
    state["scores"], state["dates"] = np.ascontiguousarray(scores[:, first:]), forecast_set.state["dates"][first:]
    reports = forecast_set.reports[rows]
    return ForecastSet(
        forecast_set.skus[rows],
        forecast_set.locations[rows],
        forecast_set.h,
        forecast_set.levels,
        forecast_set.mean[rows],
        forecast_set.quantiles[rows],
        reports,
        state,
        scores={"rmse": pooled_rmse(reports)},
        warnings=warnings,
        config=forecast_set.config,
    )


def join(parts: list[ForecastSet]) -> ForecastSet:
    """Put forecasts of different SKUs together, in the order of their SKUs; dates are the union of theirs."""
    parts = sorted(parts, key=lambda p: p.skus[0])
    dates = np.unique(np.concatenate([p.state["dates"] for p in parts]))
    state: dict[str, np.ndarray] = {"z": parts[0].state["z"], "dates": dates.astype(np.int32)}
    for name in sorted(set(parts[0].state) - {"z", "dates", "scores"}):
        state[name] = np.concatenate([p.state[name] for p in parts])
    state["scores"] = np.concatenate([_on_dates(p, dates) for p in parts])
    reports = tuple(r for p in parts for r in p.reports)
    return ForecastSet(
        tuple(s for p in parts for s in p.skus),
        tuple(loc for p in parts for loc in p.locations),
        parts[0].h,
        parts[0].levels,
        np.concatenate([p.mean for p in parts]),
        np.concatenate([p.quantiles for p in parts]),
        reports,
        state,
        scores={"rmse": pooled_rmse(reports)},
        warnings=tuple(w for p in parts for w in p.warnings),
        config=parts[0].config,
    )


def _on_dates(part: ForecastSet, dates: np.ndarray) -> np.ndarray:
    out = np.zeros((len(part.skus), len(dates)), dtype=np.int16)
    out[:, np.searchsorted(dates, part.state["dates"])] = part.state["scores"]
    return out


def only(request: ForecastRequest, skus: tuple[str, ...]) -> ForecastRequest:
    """Return the part of a request that concerns some SKUs."""
    kept = set(skus)
    return ForecastRequest(
        {name: _rows_of(table, kept) for name, table in request.tables.items()},
        skus,
        request.locations,
        request.periods,
        request.period_starts,
        request.every,
        request.model,
        request.regressors,
    )


def _rows_of(table: Table, skus: set[str]) -> Table:
    if "sku" not in table.columns:
        return table
    column = table.columns["sku"]
    chosen = np.array([label in skus for label in column.labels or ()] + [False])
    rows = np.flatnonzero(chosen[column.values])
    return Table({k: Column(c.values[rows], c.unit, c.labels) for k, c in table.columns.items()}, len(rows))


def series_keys(request: ForecastRequest, forecaster: str) -> dict[str, str]:
    """Return the key of each SKU's forecast, 64 hex digits: (sku, horizon, features, model configuration).

    Features are the SKU's own rows of history with their regressors; labels that other SKUs use do not count.
    """
    head = (request.period_starts, request.every, request.locations, request.periods, forecaster, request.model, request.regressors)
    digests = {sku: hashlib.sha256(repr((sku, *head)).encode()) for sku in sorted(request.skus)}
    for name, table in sorted(request.tables.items()):
        if "sku" in table.columns:
            _add_rows(digests, name, table)
    return {sku: digest.hexdigest() for sku, digest in digests.items()}


def _add_rows(digests: dict[str, hashlib._Hash], name: str, table: Table) -> None:
    """Add each SKU's own rows of a table to its digest, column by column."""
    codes = table.columns["sku"].values
    order = np.argsort(codes, kind="stable")
    labels = table.columns["sku"].labels or ()
    edges = np.searchsorted(codes[order], np.arange(len(labels) + 1))
    for column, held in sorted(table.columns.items()):
        if column == "sku":
            continue
        mark = f"\x1e{name}\x1f{column}\x1f".encode()
        values = held.values[order]
        text = None if held.labels is None else [*held.labels, "\x00"]
        for code, sku in enumerate(labels):
            if sku in digests:
                own = values[edges[code] : edges[code + 1]]
                data = own.tobytes() if text is None else "\x1f".join([text[k] for k in own.tolist()]).encode()
                digests[sku].update(mark + data)

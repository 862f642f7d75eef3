"""A forecast set taken apart by SKU and put together again, so that what is known of a SKU need not be forecast twice."""

from __future__ import annotations

import hashlib

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.report import pooled_rmse

__all__ = ["join", "only", "part_of", "series_key"]


def part_of(forecast_set: ForecastSet, sku: str) -> ForecastSet:
    """Return the forecast of one SKU, at all its locations, on its own dates."""
    rows = np.array([i for i, s in enumerate(forecast_set.skus) if s == sku])
    scores = forecast_set.state["scores"][rows]
    used = np.flatnonzero(scores.any(axis=0))
    first = int(used[0]) if len(used) else scores.shape[1]
    state = {k: v if k in ("z", "dates") else np.ascontiguousarray(v[rows]) for k, v in forecast_set.state.items()}
    state["scores"], state["dates"] = np.ascontiguousarray(scores[:, first:]), forecast_set.state["dates"][first:]
    names = {sku} | {f"{sku}@{loc}" for loc in forecast_set.locations}
    return ForecastSet(
        tuple(forecast_set.skus[i] for i in rows),
        tuple(forecast_set.locations[i] for i in rows),
        forecast_set.h,
        forecast_set.levels,
        forecast_set.mean[rows],
        forecast_set.quantiles[rows],
        tuple(forecast_set.reports[i] for i in rows),
        state,
        scores=forecast_set.scores,
        warnings=tuple(w for w in forecast_set.warnings if w.partition(": ")[0] in names),
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
        scores={"forecast_rmse": pooled_rmse(reports)},
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


def series_key(request: ForecastRequest, sku: str, forecaster: str) -> str:
    """Return the key of a SKU's forecast, 64 hex digits: (sku, horizon, features, model configuration).

    Features are the SKU's own rows of history with their regressors; labels that other SKUs use do not count.
    """
    digest = hashlib.sha256()
    head = (sku, request.period_starts, request.every, request.locations, request.periods, forecaster, request.model, request.regressors)
    digest.update(repr(head).encode())
    for name, table in sorted(only(request, (sku,)).tables.items()):
        for column, values in sorted(table.columns.items()):
            digest.update(f"\x1e{name}\x1f{column}\x1f".encode())
            digest.update(repr(values.text()).encode() if values.labels is not None else np.ascontiguousarray(values.values).tobytes())
    return digest.hexdigest()

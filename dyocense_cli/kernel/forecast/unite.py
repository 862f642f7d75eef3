"""Several requests put together, so that all their series are forecast in one vectorised pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.parts import only, series_keys

__all__ = ["unite"]


@dataclass(slots=True)
class _Heap:
    """What one pass will forecast: SKUs by the request they come from, each name once."""

    pieces: list[tuple[ForecastRequest, list[str]]]
    names: set[str]


def unite(requests: Sequence[ForecastRequest], forecaster: str, *, most: int) -> list[ForecastRequest]:
    """Return few requests that hold every series of the given ones once, each with at most `most` SKUs.

    Requests go together when calendar, method and the columns of their tables are the same; a name that has two histories goes into two.
    Law: what is said of a SKU is the same bytes as in its own request, wherever forecasts are taken apart by SKU.
    """
    heaps: dict[str, list[_Heap]] = {}
    seen: set[str] = set()
    for request in requests:
        own: dict[int, list[str]] = {}
        row = heaps.setdefault(_shape(request), [])
        for sku, key in sorted(series_keys(request, forecaster).items()):
            if key in seen:
                continue
            seen.add(key)
            at = next((i for i, h in enumerate(row) if sku not in h.names and len(h.names) < most), len(row))
            if at == len(row):
                row.append(_Heap([], set()))
            row[at].names.add(sku)
            own.setdefault(at, []).append(sku)
        for at, skus in own.items():
            row[at].pieces.append((request, skus))
    return [_joined(heap) for row in heaps.values() for heap in row]


def _shape(request: ForecastRequest) -> str:
    """Return what requests must share to go together, as a digest."""
    head = (request.locations, request.periods, request.period_starts, request.every, request.model, request.regressors)
    columns = [
        (name, [(c, v.unit, v.labels is None, v.values.dtype.str) for c, v in sorted(table.columns.items())])
        for name, table in sorted(request.tables.items())
    ]
    digest = hashlib.sha256(repr((head, columns)).encode())
    for name, table in sorted(request.tables.items()):
        if "sku" not in table.columns:
            digest.update(name.encode() + b"".join(c.values.tobytes() + repr(c.labels).encode() for _, c in sorted(table.columns.items())))
    return digest.hexdigest()


def _joined(heap: _Heap) -> ForecastRequest:
    parts = [only(request, tuple(skus)) for request, skus in heap.pieces]
    tables = {
        name: _stacked([p.tables[name] for p in parts]) if "sku" in table.columns else table for name, table in parts[0].tables.items()
    }
    return replace(parts[0], tables=tables, skus=tuple(sorted(heap.names)))


def _stacked(tables: list[Table]) -> Table:
    columns = {name: _column([t.columns[name] for t in tables]) for name in tables[0].columns}
    return Table(columns, sum(t.n_rows for t in tables))


def _column(parts: list[Column]) -> Column:
    if parts[0].labels is None:
        return Column(np.concatenate([p.values for p in parts]), parts[0].unit)
    labels = tuple(sorted({label for p in parts for label in p.labels or ()}))
    codes = {label: i for i, label in enumerate(labels)}
    values = [np.array([*(codes[label] for label in p.labels or ()), -1], dtype=np.int32)[p.values] for p in parts]
    return Column(np.concatenate(values), parts[0].unit, labels)

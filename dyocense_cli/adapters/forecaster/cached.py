"""A forecaster in front of another: SKUs that it knows come from the cache, the rest are forecast and kept."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol

import numpy as np

from dyocense_cli.artifacts.codec import Encoded, decode, encode
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.fallback import BORROWED
from dyocense_cli.kernel.forecast.parts import join, only, parts_of, series_keys
from dyocense_cli.ports import Forecaster

__all__ = ["CachedForecaster", "EntryStore", "NoEntries"]


class EntryStore(Protocol):
    """Payloads by key of 64 hex digits."""

    def get(self, key: str) -> bytes | None:
        """Return a payload, or None."""
        ...

    def put(self, key: str, payload: bytes, about: Mapping[str, str | int]) -> None:
        """Store a payload."""
        ...


class NoEntries:
    """Keeps nothing: every SKU is forecast, and the answer is put together as if it had been kept."""

    def get(self, key: str) -> bytes | None:
        """Return None."""
        del key
        return None

    def put(self, key: str, payload: bytes, about: Mapping[str, str | int]) -> None:
        """Keep nothing."""


class CachedForecaster:
    """Wraps `inner`, whose name and version are part of every key.

    A forecaster whose `cache_limit` is smaller than the number of SKUs is asked directly: beyond it, looking up takes longer than
    forecasting. Forecasts that depend on other SKUs (reconciled sums, levels borrowed by SKUs without history) are never kept.
    """

    features: ClassVar[frozenset[str]] = frozenset({"cached"})

    def __init__(self, inner: Forecaster, store: EntryStore, *, name: str) -> None:
        self._inner, self._store, self.name = inner, store, name
        #: Whether each series takes its own time, so that halves of a request take half of it.
        self.by_series: bool = getattr(inner, "by_series", False)
        #: SKUs of one request beyond which nothing is kept.
        self.most: int = getattr(inner, "cache_limit", 1_000_000)

    def missing(self, request: ForecastRequest) -> tuple[str, ...]:
        """Return the SKUs that are not kept; none where nothing is, or where they cannot be forecast one by one."""
        if len(request.skus) > self.most or not request.skus or not self._separable(request):
            return ()
        return tuple(sku for sku, key in series_keys(request, self.name).items() if self._store.get(key) is None)

    def forecast(self, request: ForecastRequest) -> ForecastSet:
        """Forecast every (sku, location) of the request."""
        if not request.skus or len(request.skus) > self.most or not self._separable(request):
            return self._inner.forecast(request)
        keys = series_keys(request, self.name)
        known = {sku: part for sku, key in keys.items() if (part := self._load(key)) is not None}
        missing = tuple(sku for sku in keys if sku not in known)
        if missing:
            fresh = parts_of(self._inner.forecast(only(request, missing)))
            if any(_borrows(part) for part in fresh.values()) and len(missing) < len(keys):
                fresh = parts_of(self._inner.forecast(request))
            known.update(fresh)
            for sku in missing:
                if not _borrows(fresh[sku]):
                    self._save(keys[sku], fresh[sku], sku, request)
        return join(list(known.values()))

    def carry(
        self, request: ForecastRequest, *, store: Callable[[str, bytes], None], fetch: Callable[[str], bytes | None], skus: Sequence[str]
    ) -> None:
        """Store what is kept of a request's SKUs elsewhere under their keys, and fetch from there what is not kept here."""
        for sku, key in series_keys(request, self.name).items():
            if sku not in skus:
                continue
            payload = self._store.get(key)
            if payload is not None:
                store(key, payload)
            elif (found := fetch(key)) is not None:
                self._store.put(key, found, self._about(sku, request))

    @staticmethod
    def _separable(request: ForecastRequest) -> bool:
        history = request.tables.get("history")
        if request.model.rpartition(":")[2] == "hierarchy" or history is None:
            return False
        labels = history.columns["sku"].labels or ()
        seen = {labels[i] for i in np.unique(history.columns["sku"].values).tolist() if i >= 0}
        return set(request.skus) <= seen

    def _load(self, key: str) -> ForecastSet | None:
        payload = self._store.get(key)
        return None if payload is None else _unpack(payload)

    def _save(self, key: str, part: ForecastSet, sku: str, request: ForecastRequest) -> None:
        self._store.put(key, _pack(encode(part)), self._about(sku, request))

    def _about(self, sku: str, request: ForecastRequest) -> dict[str, str | int]:
        return {"sku": sku, "horizon": len(request.periods), "model": f"{self.name.split()[0]}:{request.model}"}


def _borrows(part: ForecastSet) -> bool:
    return any(r.method in BORROWED for r in part.reports)


def _pack(encoded: Encoded) -> bytes:
    out = io.BytesIO()
    head = json.dumps({"doc": encoded.doc, "arrays": sorted(encoded.arrays)}, sort_keys=True).encode()
    out.write(len(head).to_bytes(8, "little") + head)
    for sha in sorted(encoded.arrays):
        np.lib.format.write_array(out, np.ascontiguousarray(encoded.arrays[sha]), allow_pickle=False)
    return out.getvalue()


def _unpack(payload: bytes) -> ForecastSet:
    size = int.from_bytes(payload[:8], "little")
    head = json.loads(payload[8 : 8 + size])
    file = io.BytesIO(payload[8 + size :])
    arrays = {sha: np.lib.format.read_array(file, allow_pickle=False) for sha in head["arrays"]}
    return decode(ForecastSet, head["doc"], arrays)

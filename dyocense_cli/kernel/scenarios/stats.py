"""What a planner reads of a scenario set: mean, spread and p95 per SKU, and how many futures are distinct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["count_distinct", "demand_stats", "weighted_quantile"]


def weighted_quantile(values: np.ndarray, probability: np.ndarray, level: float) -> np.ndarray:
    """Return the smallest value whose cumulative probability reaches `level`, along the last axis."""
    order = np.argsort(values, axis=-1, kind="stable")
    cum = np.cumsum(probability[order], axis=-1)
    at = np.minimum((cum < level - 1e-12).sum(axis=-1), values.shape[-1] - 1)
    index = np.take_along_axis(order, at[..., None], axis=-1)
    return np.take_along_axis(values, index, axis=-1)[..., 0]


def _figures(demand: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return (6, n) figures of demand (n, h, s): of a period's demand over all periods, and of the total over the horizon."""
    h = demand.shape[1]
    flat = demand.reshape(demand.shape[0], -1)
    p = np.tile(probability / h, h)
    total = demand.sum(axis=1)
    rows = []
    for values, weight in ((flat, p), (total, probability)):
        mean = values @ weight
        sigma = np.sqrt(np.maximum(((values - mean[:, None]) ** 2) @ weight, 0.0))
        rows += [mean, sigma, weighted_quantile(values, weight, 0.95)]
    return np.stack(rows)


def demand_stats(demand: np.ndarray, probability: np.ndarray, skus: Sequence[str], locations: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return per SKU mean, sigma, p95 of a period's demand and total_mean, total_sigma, total_p95 of the horizon's.

    `demand` is (sku, location, period, scenario). With several locations a SKU's figures are of their sum, and each pair has an entry
    ``SKU@LOC`` of its own.
    """
    names = ("mean", "sigma", "p95", "total_mean", "total_sigma", "total_p95")
    out: dict[str, dict[str, float]] = {}
    blocks: list[tuple[str | None, np.ndarray]] = [(None, demand[:, 0] if len(locations) == 1 else demand.sum(axis=1))]
    if len(locations) > 1:
        blocks += [(loc, demand[:, j]) for j, loc in enumerate(locations)]
    for loc, block in blocks:
        for i0 in range(0, len(skus), 256):
            part = np.round(_figures(block[i0 : i0 + 256], probability), 6)
            for i, sku in enumerate(skus[i0 : i0 + 256]):
                out[sku if loc is None else f"{sku}@{loc}"] = dict(zip(names, part[:, i].tolist(), strict=True))
    return out


def count_distinct(tables: Mapping[str, np.ndarray]) -> int:
    """Return how many scenarios differ from one another in at least one value."""
    arrays = [np.ascontiguousarray(np.moveaxis(a, -1, 0)).reshape(a.shape[-1], -1) for a in tables.values()]
    arrays = [a for a in arrays if a.shape[1]]
    if not arrays:
        return 1
    return len({b"".join(a[s].tobytes() for a in arrays) for s in range(len(arrays[0]))})

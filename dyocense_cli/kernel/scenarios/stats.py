"""What a planner reads of a scenario set: mean, spread and p95 per SKU, and how many futures are distinct."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dyocense_cli.kernel.scenarios.streams import step_keys

__all__ = ["count_distinct", "demand_stats", "weighted_quantile"]


def weighted_quantile(values: np.ndarray, probability: np.ndarray, level: float) -> np.ndarray:
    """Return the smallest value whose cumulative probability reaches `level`, along the last axis."""
    if (probability == probability[0]).all():  # equal weights need no sorting of pairs
        at = min(max(math.ceil(level * len(probability) - 1e-9) - 1, 0), len(probability) - 1)
        return np.asarray(np.partition(values, at, axis=-1)[..., at])
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
    """Return how many scenarios differ from one another in at least one value.

    Scenarios are told apart by a 64-bit sum of their values' bits times odd numbers, one per coordinate; two that differ have equal sums
    with a chance of about 2⁻⁶⁴.
    """
    total: np.ndarray | None = None
    for number, array in enumerate(tables.values()):
        flat = np.ascontiguousarray(array, dtype=np.float64).reshape(-1, array.shape[-1])
        factors = step_keys(np.array([number], dtype=np.uint64), len(flat))[0] | np.uint64(1)
        total = np.zeros(flat.shape[1], dtype=np.uint64) if total is None else total
        for d0 in range(0, len(flat), 1024):
            part = slice(d0, d0 + 1024)
            total += ((flat[part] + 0.0).view(np.uint64) * factors[part, None]).sum(axis=0, dtype=np.uint64)
    return 1 if total is None else len(np.unique(total))

"""Figures of a set of costs and services: mean, tails, what a risk attitude makes of them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from dyocense_cli.optimodel.named import cvar, quantile

__all__ = ["attitude", "cost_figures", "interval", "service_figures"]

_ATTITUDE: Final = re.compile(r"(p|cvar)(\d+(?:\.\d+)?)")


def cost_figures(costs: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Return cost_mean, cost_p5, cost_p95, cost_cvar95, cost_worst and cost_sd, in the objective's unit."""
    mean = float(costs @ probability)
    return {
        "cost_mean": mean,
        "cost_sd": float(np.sqrt(max(0.0, float(((costs - mean) ** 2) @ probability)))),
        "cost_p5": float(quantile(costs, probability, 0.05, axis=0)),
        "cost_p95": float(quantile(costs, probability, 0.95, axis=0)),
        "cost_cvar95": float(cvar(costs, probability, 0.95, axis=0)),
        "cost_worst": float(costs.max()),
    }


def service_figures(services: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Return service_mean, service_p5, service_p95, service_cvar95 (mean of the worst 5 %) and service_worst, as shares."""
    return {
        "service_mean": float(services @ probability),
        "service_p5": float(quantile(services, probability, 0.05, axis=0)),
        "service_p95": float(quantile(services, probability, 0.95, axis=0)),
        "service_cvar95": -float(cvar(-services, probability, 0.95, axis=0)),
        "service_worst": float(services.min()),
    }


def attitude(costs: np.ndarray, probability: np.ndarray, aggregation: str) -> float:
    """Return what a risk attitude (``mean``, ``worst``, ``p95``, ``cvar90``) makes of costs."""
    found = _ATTITUDE.fullmatch(aggregation)
    if found is None:
        return float(costs.max()) if aggregation == "worst" else float(costs @ probability)
    reduce = quantile if found.group(1) == "p" else cvar
    return float(reduce(costs, probability, float(found.group(2)) / 100.0, axis=0))


def interval(sample: np.ndarray, reference: float) -> tuple[float, float] | None:
    """Return the 95 % interval of a sample's mean less a reference, None for fewer than two values.

    Notes
    -----
    Normal approximation with the sample's own deviation; Birge and Louveaux, *Introduction to Stochastic Programming*, ch. 9.
    """
    if sample.size < 2:
        return None
    half = 1.96 * float(sample.std(ddof=1)) / float(np.sqrt(sample.size))
    middle = float(sample.mean()) - reference
    return middle - half, middle + half

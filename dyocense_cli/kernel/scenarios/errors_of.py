"""How much a reduced scenario set differs from the full one, in the figures that decisions depend on."""

from __future__ import annotations

import numpy as np

from dyocense_cli.kernel.scenarios.stats import weighted_quantile

__all__ = ["newsvendor_gap", "reduction_errors"]

_RATIOS = (0.8, 0.9, 0.95)


def newsvendor_gap(full: np.ndarray, full_p: np.ndarray, kept: np.ndarray, weight: np.ndarray) -> float:
    """Return the extra cost of ordering by the reduced set, relative to ordering by the full one, both paid under the full set.

    Each coordinate is a newsvendor with critical ratio 0.8, 0.9 and 0.95; costs are summed over coordinates and ratios.
    """
    best = lost = 0.0
    for ratio in _RATIOS:
        for d0 in range(0, len(full), 512):
            part = slice(d0, d0 + 512)
            best += _cost(full[part], full_p, weighted_quantile(full[part], full_p, ratio), ratio)
            lost += _cost(full[part], full_p, weighted_quantile(kept[part], weight, ratio), ratio)
    return lost / best - 1.0 if best > 0 else 0.0


def _cost(demand: np.ndarray, p: np.ndarray, q: np.ndarray, ratio: float) -> float:
    over = q[:, None] - demand
    return float((np.maximum(ratio * -over, (1 - ratio) * over) @ p).sum())


def reduction_errors(full: np.ndarray, full_p: np.ndarray, kept: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Return relative errors of the total's mean, spread and p95, of the coordinates' spread, and the newsvendor decision gap."""
    t_full, t_kept = full.sum(axis=0), kept.sum(axis=0)
    mean, mean_k = float(t_full @ full_p), float(t_kept @ weight)
    sd, sd_k = float(np.sqrt((t_full - mean) ** 2 @ full_p)), float(np.sqrt((t_kept - mean_k) ** 2 @ weight))
    p95, p95_k = float(weighted_quantile(t_full, full_p, 0.95)), float(weighted_quantile(t_kept, weight, 0.95))
    m, m_k = full @ full_p, kept @ weight
    s = float(np.sqrt(((full - m[:, None]) ** 2) @ full_p).sum())
    s_k = float(np.sqrt(((kept - m_k[:, None]) ** 2) @ weight).sum())
    figures = {
        "error_mean": _relative(mean_k, mean),
        "error_sigma": _relative(sd_k, sd),
        "error_p95": _relative(p95_k, p95),
        "error_marginal_sigma": _relative(s_k, s),
        "newsvendor_gap": newsvendor_gap(full, full_p, kept, weight),
    }
    return {k: round(v, 9) for k, v in figures.items()}


def _relative(got: float, want: float) -> float:
    return got / want - 1.0 if want else 0.0

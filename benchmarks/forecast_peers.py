"""Peers of the forecast benchmark: each `(past (T,), h, season) -> quantiles (h, 99)`, their answers kept on disk because they are slow."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from forecast_data import Window

from dyocense_cli.kernel.forecast.shapes import LEVELS, Z, negative_binomial_quantiles

Q = np.arange(1, 100) / 100.0
ZQ = np.interp(Q, LEVELS, Z)
BANDS = [10, 30, 50, 70, 80, 90, 95, 98]


def _from_bands(answer: dict[str, np.ndarray]) -> np.ndarray:
    levels = sorted([0.5 - b / 200 for b in BANDS] + [0.5 + b / 200 for b in BANDS])
    columns = [answer[f"lo-{b}"] for b in reversed(BANDS)] + [answer[f"hi-{b}"] for b in BANDS]
    table = np.sort(np.stack(columns, axis=1), axis=1)
    z = np.interp(levels, LEVELS, Z)
    out = np.stack([np.interp(ZQ, z, row) for row in table])
    slope_low, slope_high = (table[:, 1] - table[:, 0]) / (z[1] - z[0]), (table[:, -1] - table[:, -2]) / (z[-1] - z[-2])
    out += np.minimum(ZQ - z[0], 0) * slope_low[:, None] + np.maximum(ZQ - z[-1], 0) * slope_high[:, None]
    return np.maximum(out, 0.0)


def _model(name: str) -> Callable[[np.ndarray, int, int], np.ndarray]:
    def run(y: np.ndarray, h: int, season: int) -> np.ndarray:
        import statsforecast.models as sf

        model = getattr(sf, name)(season_length=season)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _from_bands(model.forecast(y, h=h, level=BANDS))

    return run


def seasonal_naive(y: np.ndarray, h: int, season: int) -> np.ndarray:
    """Last season again, with a normal of the seasonal differences that widens with each season."""
    m = season if len(y) > season else 1
    mean = np.array([y[len(y) - m + (k % m)] for k in range(h)])
    sd = float(np.sqrt(np.mean((y[m:] - y[:-m]) ** 2))) if len(y) > m else 0.0
    return np.maximum(mean[:, None] + ZQ * sd * np.sqrt(1 + np.arange(h) // m)[:, None], 0.0)


def ses_negative_binomial(y: np.ndarray, h: int, _season: int) -> np.ndarray:
    """Simple exponential smoothing, alpha by squared error, and a negative binomial with the errors' variance."""
    best, level, var = np.inf, 0.0, 0.0
    for alpha in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        a = float(y[: min(6, len(y))].mean())
        errors = np.empty(len(y))
        for t, v in enumerate(y):
            errors[t] = v - a
            a += alpha * errors[t]
        if (errors**2).mean() < best:
            best, level, var = float((errors**2).mean()), max(a, 1e-3), float((errors**2).mean())
    return np.maximum(np.repeat(_at_q(negative_binomial_quantiles(np.array([level]), np.array([max(var, level * 1.01)]))), h, axis=0), 0.0)


def _at_q(grid: np.ndarray) -> np.ndarray:
    return np.rint(np.stack([np.interp(ZQ, Z, row) for row in grid]))


PEERS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "AutoETS": _model("AutoETS"),
    "DynamicOptimizedTheta": _model("DynamicOptimizedTheta"),
    "AutoCES": _model("AutoCES"),
    "SES+NegBin": ses_negative_binomial,
    "seasonal naive": seasonal_naive,
}


def answer(peer: str, window: Window, cache: Path) -> tuple[np.ndarray, float]:
    """Return a peer's quantiles (n, h, 99) and CPU seconds, from `cache` if they are there."""
    file = cache / f"{window.name}-{window.origin}-{peer}.npz"
    if file.exists():
        stored = np.load(file)
        return stored["q"], float(stored["cpu"])
    h, n = window.future.shape
    out = np.empty((n, h, len(Q)))
    PEERS[peer](np.arange(1.0, 40.0) % 7, 3, 1)
    start = time.process_time()
    for i in range(n):
        y = window.past[:, i]
        y = y[~np.isnan(y)]
        try:
            out[i] = PEERS[peer](y, h, window.season)
        except Exception:  # a peer that fails answers with the naive forecast
            out[i] = seasonal_naive(y, h, window.season)
    cpu = time.process_time() - start
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(file, q=out.astype(np.float32), cpu=cpu)
    return out, cpu

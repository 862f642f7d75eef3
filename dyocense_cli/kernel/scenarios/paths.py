"""Joint demand paths from a forecast: common shocks by date, own shocks by SKU, marginals by table.

The latent normal of series *i* at step *t* in scenario *s* is ``sqrt(c_i) · e_i·W / |e_i| + sqrt(1 - c_i) · ε`` where `e_i` are the
normal scores of its residuals by date, `W` holds one normal per *date*, step and scenario, and `ε` is its own. The correlation of two
series over `W` is exactly that of their residuals on the dates that both have, yet each path is a function of its own series and of
streams that have names: another SKU more or less changes no bit. Scores and normals are small integers, so the matrix product is
exact and does not depend on how a BLAS orders its sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.kernel.scenarios.streams import keys_of, normals, step_keys

__all__ = ["draw_paths", "forecast_paths"]

#: elements handled at once: small enough for the second-level cache, and the bound on working memory
_CHUNK = 1 << 17
_SCORE_SCALE = 64.0
_W_SCALE = 128.0


def draw_paths(
    state: Mapping[str, np.ndarray], names: Sequence[str], *, h: int, count: int, seed: int, purpose: str, start: int = 0
) -> np.ndarray:
    """Return demand paths, float64 (n_series, h, count), in the unit of the series.

    Parameters
    ----------
    state : mapping
        Arrays of `ForecastSet.state` (see `artifacts.forecast`).
    names : sequence of str
        Stream name of each series.
    h, count : int
        Steps and scenarios.
    seed, purpose : int, str
        Root of all streams of this draw.
    start : int
        Position of the first scenario in every stream, a multiple of 4.

    Notes
    -----
    Never negative; integer where the history is. Working memory beyond the result is bounded.
    """
    n = len(names)
    out = np.empty((n, h, count))
    own = step_keys(keys_of(seed, purpose + "/series", names), h)
    scores, norm = _scores(state)
    share = np.where(norm > 0, state["common"].astype(np.float32), np.float32(0))
    dates = step_keys(keys_of(seed, purpose + "/date", [str(d) for d in state["dates"].tolist()]), h)
    width = max(4, min(count, (1 << 22) // max(1, h * max(1, len(dates)))) // 4 * 4)
    for s0 in range(0, count, width):
        s1 = min(count, s0 + width)
        w = _integers(dates, start + s0, s1 - s0, scores.dtype)
        rows = max(1, _CHUNK // (h * (s1 - s0)))
        for i0 in range(0, n, rows):
            part = slice(i0, min(n, i0 + rows))
            z = _latent(own[part], start + s0, s1 - s0, scores=scores[part], w=w, norm=norm[part], share=share[part])
            _remember(z, state["memory"][part])
            out[part, :, s0:s1] = _lookup(z, state, part)
    return out


def forecast_paths(forecast_set: ForecastSet, *, count: int, seed: int, purpose: str) -> np.ndarray:
    """Return demand paths (n_series, h, count) of a forecast, from streams named by SKU and location."""
    names = [f"{s}\x1f{loc}" for s, loc in zip(forecast_set.skus, forecast_set.locations, strict=True)]
    return draw_paths(forecast_set.state, names, h=forecast_set.h, count=count, seed=seed, purpose=purpose)


def _scores(state: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return integer scores in the narrowest float type whose sums of products stay exact, and the length of each row."""
    scores = state["scores"]
    exact32 = scores.shape[1] * 256 * 560 < 2**24
    norm = np.sqrt((scores.astype(np.int64) ** 2).sum(axis=1)).astype(np.float32)
    return scores.astype(np.float32 if exact32 else np.float64), norm


def _integers(dates: np.ndarray, start: int, count: int, dtype: np.dtype) -> np.ndarray:
    w = np.rint(normals(dates, start, count) * np.float32(_W_SCALE))
    return w.reshape(len(dates), -1).astype(dtype)


def _latent(
    own: np.ndarray, start: int, count: int, *, scores: np.ndarray, w: np.ndarray, norm: np.ndarray, share: np.ndarray
) -> np.ndarray:
    z = normals(own, start, count)
    if not share.any():
        return z
    z *= np.sqrt(np.float32(1) - share)[:, None, None]
    scale = np.sqrt(share) / (np.maximum(norm, np.float32(1)) * np.float32(_W_SCALE))
    common = (scores @ w).astype(np.float32, copy=False)
    common *= scale[:, None]
    z += common.reshape(z.shape)
    return z


def _remember(z: np.ndarray, memory: np.ndarray) -> None:
    """Let a shock persist: z_t becomes (ε_t + m Σ_{j<t} ε_j) / sqrt(1 + t m²), in place; the error of a drifting level."""
    if not memory.any():
        return
    m = memory.astype(np.float32)[:, None]
    total = z[:, 0, :].copy()
    for t in range(1, z.shape[1]):
        fresh = z[:, t, :].copy()
        z[:, t, :] += m * total
        z[:, t, :] /= np.sqrt(np.float32(1) + np.float32(t) * m * m)
        total += fresh


def _lookup(z: np.ndarray, state: Mapping[str, np.ndarray], part: slice) -> np.ndarray:
    """Return the value of each latent normal, by linear interpolation in the series' quantile table."""
    grid = state["grid"][part]
    knots = state["z"]
    k = len(knots)
    step = np.float32((knots[-1] - knots[0]) / (k - 1))
    z -= np.float32(knots[0])
    z /= step
    np.clip(z, np.float32(0), np.float32(k - 1.001), out=z)
    index = z.astype(np.int32)
    z -= index
    n, h, _ = z.shape
    index += (np.arange(n * h, dtype=np.int32) * k).reshape(n, h, 1)
    flat = np.ascontiguousarray(grid, dtype=np.float32).reshape(-1)
    low = flat.take(index)
    index += 1
    high = flat.take(index)
    high -= low
    high *= z
    high += low
    np.maximum(high, np.float32(0), out=high)
    whole = state["integer"][part]
    if whole.all():
        np.rint(high, out=high)
    elif whole.any():
        high[whole] = np.rint(high[whole])
    return high

"""Fewer scenarios that lead to the same decisions, and how far they do not.

Select, then match: scenarios are chosen by a method and weigh the same; each coordinate's values are replaced, rank by rank, by the
mean of the full set over the same stretch of probability. The reduced set so keeps every marginal mean, nearly every quantile, and the
joint ranks of real scenarios. Where values must stay as they are (scenarios that a context states), weights are tilted instead so that
means and spreads of the totals hold. Nearest-cell weights are not used as they are: they pile on central scenarios and lose the tails.

Sources: Heitsch and Römisch, *Scenario reduction algorithms in stochastic programming*, 2003 (forward selection); Kaufman and Rousseeuw,
*Finding groups in data*, 1990 (k-medoids); Deming and Stephan 1940 (raking); Clark et al., *The Schaake shuffle*, 2004 (ranks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.scenarios.errors_of import reduction_errors
from dyocense_cli.kernel.scenarios.select import SELECT, stratified
from dyocense_cli.kernel.scenarios.streams import keys_of, uniforms
from dyocense_cli.kernel.scenarios.weights import tilt

__all__ = ["METHODS", "Reduced", "match_marginals", "reduce_scenarios"]

METHODS = ("none", *sorted(SELECT))
#: a stratum's scenario is tried at these quantiles of distance from its centre; the set whose total is nearest to the full one's is kept
_DEPTHS = (0.5, 0.3, 0.4, 0.6, 0.7)
_FEW = 4096


@dataclass(frozen=True, slots=True)
class Reduced:
    """Chosen scenarios (indices into the full set), their values (dims, k), weights that sum to 1, and the error figures."""

    index: np.ndarray
    values: np.ndarray
    probability: np.ndarray
    errors: dict[str, float | str]


def reduce_scenarios(
    values: np.ndarray,
    probability: np.ndarray,
    *,
    to: int,
    method: str,
    whole: np.ndarray | None = None,
    match: bool = True,
    groups: np.ndarray | None = None,
) -> Reduced:
    """Reduce the scenarios of `values` (dims, n) to `to` of them.

    Parameters
    ----------
    values, probability : float64 (dims, n), (n,)
        The full set.
    to, method : int, str
        How many to keep; one of `METHODS`.
    whole : bool (dims,), optional
        Coordinates that hold whole numbers; they stay whole.
    match : bool
        Replace values by rank (see above); false keeps the chosen scenarios as they are.
    groups : int (dims,), optional
        Coordinates whose totals are told apart when weights are tilted (periods, say).

    Raises
    ------
    InputError
        DY2511 for an unknown method or a count below 1.
    """
    if method not in METHODS or to < 1:
        raise InputError("DY2511", f"cannot reduce to {to} scenarios by `{method}`", hints="use one of " + ", ".join(METHODS))
    n = values.shape[1]
    if method == "none" or to >= n:
        return Reduced(np.arange(n), values, probability, {"method": "none", "from": float(n), "to": float(n)})
    if not match:
        index, cells = SELECT[method](values, probability, to)
        weight = tilt(values, probability, index, cells, groups)
        return _reduced(values, probability, values[:, index], weight, index=index, method=method)
    tries = _DEPTHS if method == "stratified" and len(values) <= _FEW else (None,)
    found = [_matched(values, probability, to, method=method, depth=d, whole=whole) for d in tries]
    return min(found, key=lambda r: abs(float(r.errors["error_sigma"])) + abs(float(r.errors["error_p95"])))


def _matched(
    values: np.ndarray, probability: np.ndarray, to: int, *, method: str, depth: float | None, whole: np.ndarray | None
) -> Reduced:
    index, _ = SELECT[method](values, probability, to) if depth is None else stratified(values, probability, to, depth=depth)
    weight = np.full(len(index), 1.0 / len(index))
    return _reduced(
        values, probability, match_marginals(values, probability, values[:, index], weight, whole), weight, index=index, method=method
    )


def _reduced(
    values: np.ndarray, probability: np.ndarray, kept: np.ndarray, weight: np.ndarray, *, index: np.ndarray, method: str
) -> Reduced:
    errors: dict[str, float | str] = {"method": method, "from": float(values.shape[1]), "to": float(len(index))}
    errors.update(reduction_errors(values, probability, kept, weight))
    return Reduced(index, kept, weight, errors)


def match_marginals(
    full: np.ndarray, full_p: np.ndarray, kept: np.ndarray, weight: np.ndarray, whole: np.ndarray | None = None
) -> np.ndarray:
    """Return `kept` (dims, k) with each coordinate's values replaced, by rank, by means of the full set's quantile function.

    The value of rank r is the mean of the quantile function of `full` over the r-th stretch of probability, so each mean is kept;
    whole coordinates round the running sum, which keeps their mean within 1/k.
    """
    out = np.empty_like(kept)
    for d0 in range(0, len(full), 512):
        part = slice(d0, d0 + 512)
        order = np.lexsort((_ties(d0, kept[part].shape), kept[part]), axis=1)
        edge = np.cumsum(weight[order], axis=1)
        ranked = np.argsort(full[part], axis=1, kind="stable")
        level = np.cumsum(full_p[ranked], axis=1)
        area = np.cumsum(full_p[ranked] * np.take_along_axis(full[part], ranked, axis=1), axis=1)
        mean = _stretch_means(level, area, edge, np.take_along_axis(full[part], ranked, axis=1), weight[order])
        if whole is not None and whole[part].any():
            rows = whole[part]
            mean[rows] = _whole(mean[rows], weight[order][rows])
        np.put_along_axis(out[part], order, mean, axis=1)
    return out


def _ties(first: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return what breaks ties of equal values: a draw per coordinate and scenario, for a common order would make rare sales coincide."""
    return uniforms(keys_of(0, "ties", [str(first + d) for d in range(shape[0])]), 0, shape[1])


def _stretch_means(level: np.ndarray, area: np.ndarray, edge: np.ndarray, ranked: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return means of each row's step quantile function between consecutive edges, (dims, k)."""
    dims, n = level.shape
    shift = np.arange(dims)[:, None] * 2.0
    edge = np.minimum(edge, level[:, -1:])
    at = np.searchsorted((level + shift).ravel(), (edge + shift).ravel() - 1e-12).reshape(edge.shape)
    at = np.clip(at - np.arange(dims)[:, None] * n, 0, n - 1)
    before_level = np.where(at > 0, np.take_along_axis(level, np.maximum(at - 1, 0), axis=1), 0.0)
    before_area = np.where(at > 0, np.take_along_axis(area, np.maximum(at - 1, 0), axis=1), 0.0)
    upto = before_area + (edge - before_level) * np.take_along_axis(ranked, at, axis=1)
    return np.asarray(np.diff(upto, axis=1, prepend=0.0) / weight)


def _whole(mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Round ranked values so that the running weighted sum stays within half a unit of one scenario."""
    out = np.empty_like(mean)
    debt = np.zeros(len(mean))
    for r in range(mean.shape[1] - 1, -1, -1):
        want = mean[:, r] + debt / weight[:, r]
        out[:, r] = np.maximum(np.rint(want), 0.0)
        debt = (want - out[:, r]) * weight[:, r]
    return np.sort(out, axis=1)

"""Weights of a reduced set, tilted as little as possible so that the totals keep their mean and spread."""

from __future__ import annotations

import numpy as np

__all__ = ["tilt"]

_FLOOR = 0.25


def tilt(values: np.ndarray, probability: np.ndarray, index: np.ndarray, cells: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Return weights of the chosen scenarios, (k,), positive, that sum to 1.

    Starts half way between nearest-cell and equal weights (cells alone pile on central scenarios and lose the tails) and tilts
    them exponentially until the mean and the second moment of the total, and the mean of each group's total, match the full set
    (Deming and Stephan 1940); a ridge keeps the tilt small when they cannot.
    """
    k = len(index)
    start = 0.5 * cells / cells.sum() + 0.5 / k
    if k < 4:
        return np.asarray(start / start.sum())
    a = _moments(values, probability, groups)
    goal = a @ probability
    x = a[:, index] - goal[:, None]
    lam = np.zeros(len(a))
    for _ in range(50):
        w = _tilted(start, lam, x)
        gradient = x @ w + 1e-3 * lam
        if np.abs(gradient).max() < 1e-9:
            break
        mean = x @ w
        hessian = (x * w) @ x.T - np.outer(mean, mean) + 1e-3 * np.eye(len(a))
        lam = lam - np.linalg.solve(hessian, gradient).clip(-1, 1)
    w = np.maximum(_tilted(start, lam, x), _FLOOR / k)
    return np.asarray(w / w.sum())


def _tilted(start: np.ndarray, lam: np.ndarray, x: np.ndarray) -> np.ndarray:
    e = lam @ x
    w = start * np.exp(e - e.max())
    return np.asarray(w / w.sum())


def _moments(values: np.ndarray, probability: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    sd = values.std(axis=1, keepdims=True)
    x = (values - (values @ probability)[:, None]) / np.where(sd > 0, sd, 1.0)
    total = x.sum(axis=0)
    total /= max(float(total.std()), 1e-12)
    rows = [total, total**2]
    if groups is not None:
        for g in np.unique(groups)[:12]:
            part = x[groups == g].sum(axis=0)
            rows.append(part / max(float(part.std()), 1e-12))
    return np.stack(rows)

"""Prices of shared rows: what they make each block quantity cost, and what the blocks use of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.form import BlockForm, sum_to_rows

__all__ = ["Costs", "master_reduced", "priced", "usage"]


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of the block quantities at given prices: c, fo [S, A, T] and ph, pb [S, T, W], per lot, C order."""

    c: np.ndarray
    fo: np.ndarray
    ph: np.ndarray
    pb: np.ndarray


def priced(form: BlockForm, prices: np.ndarray, *, own: float = 1.0) -> Costs:
    """Return ``own``·cost + prices·use. With `own` 0 only what the shared rows charge remains."""
    S, A, T, W = form.shape
    full = {"x": (S, A, T), "y": (S, A, T), "pos": (S, T, W), "neg": (S, T, W)}
    base = {"x": form.cx, "y": form.cy, "pos": form.cpos, "neg": form.cneg}
    extra: dict[str, list[np.ndarray]] = {name: [] for name in full}
    for c in form.couplings:
        p = prices[c.offset : c.offset + c.size]
        if not p.any():
            continue
        for part in c.parts:
            if part.target != "one":
                extra[part.target].append(part.coef * p[part.rows].sum(axis=-1))
    out = {}
    for name, shape in full.items():
        total = np.empty(shape)
        np.multiply(base[name], own, out=total)
        for array in sorted(extra[name], key=lambda a: a.size):
            total += array
        out[name] = total
    return Costs(out["x"], out["y"], out["pos"], out["neg"])


def usage(form: BlockForm, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return float64[n_rows]: what lots `x` with positions `u` use of every shared row."""
    out = np.zeros(form.n_rows)
    lots = x.astype(float)
    values = {"x": lots, "y": (x > 0).astype(float), "pos": np.maximum(u, 0.0), "neg": np.maximum(-u, 0.0)}
    for c in form.couplings:
        for part in c.parts:
            if part.target != "one":
                out[c.offset : c.offset + c.size] += sum_to_rows(values[part.target], part, c.size)
    return out


def master_reduced(form: BlockForm, prices: np.ndarray) -> np.ndarray:
    """Return the reduced cost of each master column at these prices."""
    reduced = form.master_cost.copy()
    for c in form.couplings:
        rows, cols, coef = c.master
        np.add.at(reduced, cols, coef * prices[c.offset + rows])
    return reduced

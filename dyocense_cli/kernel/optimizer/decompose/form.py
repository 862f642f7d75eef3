"""The block form: what the dynamic programs need of a model, as arrays.

S blocks, A sources (orders of a block in one period), T periods, W scenarios. A block orders whole lots x[s, a, t], with y = 1 where
x > 0, and holds u = (arrived lots) - net[s, t, w], split into pos = max(u, 0) and neg = max(-u, 0). Everything is per lot.

Shared rows couple the blocks: ``sum(parts) + master ≤ rhs`` (or ``==``). Master columns belong to no block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

__all__ = ["BlockForm", "Coupling", "Part", "Target", "subset", "sum_to_rows"]

Target: TypeAlias = Literal["x", "y", "pos", "neg", "one"]


@dataclass(frozen=True, slots=True)
class Part:
    """What one family of block quantities uses of shared rows.

    `coef` broadcasts to the target's shape ([S, A, T] for x and y, [S, T, W] for pos and neg, [S, m, 1] for one: constants of
    the blocks); `rows` numbers rows of the coupling and has one more axis, over which each quantity counts in every row named.
    """

    target: Target
    coef: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, slots=True)
class Coupling:
    """One rule that sums over blocks. Rows are ``sum(parts) + sum(master) ≤ rhs`` after multiplying by `sign` (-1 for ≥);
    `equal` rows hold with equality. `master` is (rows, columns, coefficients)."""

    name: str
    sign: float
    equal: bool
    rhs: np.ndarray
    parts: tuple[Part, ...]
    master: tuple[np.ndarray, np.ndarray, np.ndarray]
    offset: int = 0

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.rhs.size)


@dataclass(frozen=True, slots=True)
class BlockForm:
    """See the module. Costs may broadcast; `limit` is None where blocks have no service row, and `no_backlog` where u ≥ 0 must hold."""

    net: np.ndarray  # [S, T, W] cumulative need in lots
    lead: np.ndarray  # int32[S, A, W] periods
    qmin: np.ndarray  # int32[S, A, T] lots
    qmax: np.ndarray  # int32[S, A, T] lots; below qmin where the order does not exist
    cx: np.ndarray  # [S, A, T] cost per lot
    cy: np.ndarray  # [S, A, T] cost per order
    cpos: np.ndarray  # broadcasts to [S, T, W]
    cneg: np.ndarray
    kw: np.ndarray  # broadcasts to [S, T, W]: weight of neg in the block's service row
    limit: np.ndarray | None  # [S]
    no_backlog: bool
    couplings: tuple[Coupling, ...]
    master_cost: np.ndarray
    master_lower: np.ndarray
    master_upper: np.ndarray
    offset: float = 0.0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(S, A, T, W)."""
        S, A, T = self.cx.shape
        return S, A, T, int(self.net.shape[2])

    @property
    def n_rows(self) -> int:
        """Number of shared rows."""
        return sum(c.size for c in self.couplings)

    @property
    def rhs(self) -> np.ndarray:
        """Right-hand sides of all shared rows, less what constants of the blocks use."""
        out = np.concatenate([c.rhs for c in self.couplings]) if self.couplings else np.zeros(0)
        for c in self.couplings:
            for part in c.parts:
                if part.target == "one":
                    full = np.broadcast_shapes((self.net.shape[0], 1, 1), part.coef.shape, part.rows.shape[:3])
                    out[c.offset : c.offset + c.size] -= sum_to_rows(np.ones(full), part, c.size)
        return out


def sum_to_rows(values: np.ndarray, part: Part, size: int) -> np.ndarray:
    """Return float64[size]: ``sum coef·values`` per row; `values` has the target's full shape."""
    keep = [a for a in range(3) if part.rows.shape[a] > 1]
    axes = [a for a in range(3) if part.coef.shape[a] > 1]
    coef = part.coef.reshape([part.coef.shape[a] for a in axes])
    total = np.asarray(np.einsum(values, [0, 1, 2], coef, axes, keep))
    weights = np.expand_dims(total, tuple(a for a in range(3) if a not in keep))[..., None]
    shape = np.broadcast_shapes(weights.shape, part.rows.shape)
    return np.bincount(
        np.broadcast_to(part.rows, shape).ravel(), weights=np.broadcast_to(weights, shape).ravel(), minlength=size
    )


def _pick(array: np.ndarray, index: np.ndarray) -> np.ndarray:
    return array if array.shape[0] == 1 else np.ascontiguousarray(array[index])


def subset(form: BlockForm, index: np.ndarray) -> BlockForm:
    """Return the form of the blocks `index`, with the right-hand sides of the shared rows scaled to their number."""
    share = index.size / form.shape[0]
    couplings = tuple(
        replace(c, rhs=c.rhs * share, parts=tuple(replace(p, coef=_pick(p.coef, index), rows=_pick(p.rows, index)) for p in c.parts))
        for c in form.couplings
    )
    def pick(array: np.ndarray) -> np.ndarray:
        return _pick(array, index)

    return replace(
        form, net=pick(form.net), lead=pick(form.lead), qmin=pick(form.qmin), qmax=pick(form.qmax), cx=pick(form.cx), cy=pick(form.cy),
        cpos=pick(form.cpos), cneg=pick(form.cneg), kw=pick(form.kw), limit=None if form.limit is None else form.limit[index],
        couplings=couplings,
    )

"""Arrays whose axes have names, kept in the model's order of dims, so that arithmetic aligns by inserting axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Named", "aligned", "cvar", "quantile", "reduced", "shifted", "summed"]


@dataclass(frozen=True, slots=True)
class Named:
    """`data` has one axis per dim, in the model's order of dims; `exists` (same shape) is false in rows that a shift vacated."""

    dims: tuple[str, ...]
    data: np.ndarray
    exists: np.ndarray | None = None

    def over(self, dims: Sequence[str], sizes: Mapping[str, int]) -> np.ndarray:
        """Return the data broadcast over `dims` (a superset, in any order), as a read-only view where possible."""
        return np.broadcast_to(_spread(self.data, self.dims, dims), tuple(sizes[d] for d in dims))

    def existing(self, dims: Sequence[str], sizes: Mapping[str, int]) -> np.ndarray:
        """Return where the value exists, broadcast over `dims`."""
        shape = tuple(sizes[d] for d in dims)
        if self.exists is None:
            return np.ones(shape, dtype=bool)
        return np.broadcast_to(_spread(self.exists, self.dims, dims), shape)


def _spread(data: np.ndarray, own: tuple[str, ...], dims: Sequence[str]) -> np.ndarray:
    order = [own.index(d) for d in dims if d in own]
    moved = np.transpose(data, order) if order != list(range(len(own))) else data
    return moved.reshape(tuple(moved.shape[order.index(own.index(d))] if d in own else 1 for d in dims))


def aligned(values: Sequence[Named], order: Sequence[str]) -> tuple[tuple[str, ...], list[np.ndarray], np.ndarray | None]:
    """Return the union of dims, each value's data with axes inserted, and where all of them exist (None = everywhere)."""
    if len({v.dims for v in values}) == 1:
        dims = values[0].dims
    else:
        present = {d for v in values for d in v.dims}
        dims = tuple(d for d in order if d in present)
    exists: np.ndarray | None = None
    for value in values:
        if value.exists is not None:
            one = _spread(value.exists, value.dims, dims)
            exists = one if exists is None else exists & one
    return dims, [_spread(v.data, v.dims, dims) for v in values], exists


def summed(value: Named, over: Sequence[str]) -> Named:
    """Return the sum over some dims; what does not exist contributes nothing."""
    axes = tuple(i for i, d in enumerate(value.dims) if d in over)
    data = value.data if value.exists is None else np.where(value.exists, value.data, 0.0)
    return Named(tuple(d for d in value.dims if d not in over), np.asarray(data.sum(axis=axes)))


def shifted(body: Named, along: str, *, offset: Named, edge: Named | None, order: Sequence[str], sizes: Mapping[str, int]) -> Named:
    """Return the value `offset` positions earlier along a dim; vacated rows take `edge`, or do not exist without one."""
    present = {along, *body.dims, *offset.dims, *(edge.dims if edge is not None else ())}
    dims = tuple(d for d in order if d in present)
    axis = dims.index(along)
    size = sizes[along]
    place = np.arange(size).reshape(tuple(-1 if i == axis else 1 for i in range(len(dims))))
    source = place - np.rint(_spread(offset.data, offset.dims, dims)).astype(np.int64)
    vacated = (source < 0) | (source >= size)
    shape = np.broadcast_shapes(source.shape, _spread(body.data, body.dims, dims).shape)
    at = np.broadcast_to(np.clip(source, 0, size - 1), shape)
    data = np.take_along_axis(np.broadcast_to(_spread(body.data, body.dims, dims), shape), at, axis=axis)
    exists = None
    if body.exists is not None:
        exists = np.take_along_axis(np.broadcast_to(_spread(body.exists, body.dims, dims), shape), at, axis=axis)
    if edge is not None:
        data = np.where(vacated, _spread(edge.data, edge.dims, dims), data)
        return Named(dims, data, None if exists is None else exists | vacated)
    kept = np.broadcast_to(~vacated, data.shape)
    return Named(dims, np.where(kept, data, 0.0), kept if exists is None else exists & kept)


def quantile(data: np.ndarray, probability: np.ndarray, level: float, *, axis: int) -> np.ndarray:
    """Return the least value whose cumulative probability reaches `level` (within 1e-9), along an axis."""
    order = np.argsort(data, axis=axis, kind="stable")
    ranked = np.take_along_axis(data, order, axis=axis)
    weight = np.cumsum(np.take(probability, order), axis=axis)
    first = np.argmax(weight >= level - 1e-9, axis=axis)
    return np.take_along_axis(ranked, np.expand_dims(first, axis), axis=axis).squeeze(axis)


def cvar(data: np.ndarray, probability: np.ndarray, level: float, *, axis: int) -> np.ndarray:
    """Return the mean of the worst (largest) 1 − level of the probability, along an axis.

    Notes
    -----
    For a discrete distribution the scenario at the quantile counts in part; Rockafellar and Uryasev, *Conditional value-at-risk for
    general loss distributions*, J. Banking and Finance 26 (2002), prop. 8.
    """
    order = np.argsort(-data, axis=axis, kind="stable")
    ranked = np.take_along_axis(data, order, axis=axis)
    weight = np.take(probability, order)
    before = np.cumsum(weight, axis=axis) - weight
    tail = 1.0 - level
    part = np.clip(tail - before, 0.0, weight)
    return np.asarray((ranked * part).sum(axis=axis) / tail)


def reduced(value: Named, kind: str, level: float | None, probability: np.ndarray) -> Named:
    """Return the value reduced over the scenario dim: ``mean``, ``worst`` (largest), ``quantile`` or ``cvar``."""
    if "scenario" not in value.dims:
        return value
    axis = value.dims.index("scenario")
    dims = tuple(d for d in value.dims if d != "scenario")
    if kind == "mean":
        return Named(dims, np.asarray(np.tensordot(value.data, probability, axes=([axis], [0]))))
    if kind == "worst":
        return Named(dims, np.asarray(value.data.max(axis=axis)))
    assert level is not None
    reduce = quantile if kind == "quantile" else cvar
    return Named(dims, np.asarray(reduce(value.data, probability, level, axis=axis)))

"""Arrays with named dims, and the arithmetic of parameters on them.

A grid is dense (`data` has the shape of `dims`, `mask` tells where a value exists) or sparse (`index` int32[n_dims, n] in C order, `data`
[n]). A missing value is 0 in arithmetic and false in a condition. No dense product of a sparse grid is ever made, unless an operation
needs a value where the sparse one has none, such as ``price + 1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.optimodel.symbols import union

__all__ = ["Grid", "align", "combine", "dense", "existence", "from_param", "linear", "multiply", "reduce_sum", "to_param"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Values over named dims."""

    dims: tuple[str, ...]
    data: np.ndarray
    mask: np.ndarray | None = None
    index: np.ndarray | None = None

    @property
    def is_sparse(self) -> bool:
        """Say whether only members with a value are stored."""
        return self.index is not None


def from_param(param: Param) -> Grid:
    """Return a parameter as a grid; the arrays are shared."""
    return Grid(param.dims, param.data, param.mask, param.index)


def to_param(grid: Grid, *, unit: str | None, dtype: str = "f8") -> Param:
    """Return a grid as a parameter."""
    kinds = {"f8": np.float64, "i8": np.int64, "bool": np.bool_}
    return Param(grid.dims, np.asarray(grid.data, dtype=kinds[dtype], order="C"), unit, dtype, grid.index, grid.mask)


def linear(index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the C-order position (int64) of each column of `index` in an array of `shape`."""
    key = np.zeros(index.shape[1], np.int64)
    for axis, size in enumerate(shape):
        key *= size
        key += index[axis]
    return key


def align(data: np.ndarray, dims: tuple[str, ...], to: tuple[str, ...]) -> np.ndarray:
    """Return a view of dense `data` whose axes are `to`, with length 1 where it has no such dim."""
    order = [dims.index(d) for d in to if d in dims]
    view = data.transpose(order) if order != list(range(len(order))) else data
    return view.reshape(tuple(view.shape[[d for d in to if d in dims].index(d)] if d in dims else 1 for d in to))


def existence(grid: Grid, *, truth: bool = False) -> Grid:
    """Return where `grid` has a value; for booleans (`truth`) where it is true."""
    if grid.index is not None:
        if truth:
            keep = grid.data.astype(bool)
            return Grid(grid.dims, np.ones(int(keep.sum()), bool), None, grid.index[:, keep])
        return Grid(grid.dims, np.ones(grid.data.shape, bool), None, grid.index)
    if truth:
        held = grid.data.astype(bool)
        return Grid(grid.dims, held if grid.mask is None else held & grid.mask)
    return Grid(grid.dims, np.ones(grid.data.shape, bool) if grid.mask is None else grid.mask)


def dense(grid: Grid, sizes: Mapping[str, int]) -> Grid:
    """Return the dense form of a grid, missing values 0 (or false)."""
    if grid.index is None:
        return grid
    shape = tuple(sizes[d] for d in grid.dims)
    data = np.zeros(shape, grid.data.dtype)
    mask = np.zeros(shape, bool)
    where = tuple(grid.index)
    data[where] = grid.data
    mask[where] = True
    return Grid(grid.dims, data, mask)


def _zeroed(grid: Grid) -> np.ndarray:
    if grid.mask is None:
        return grid.data
    return np.where(grid.mask, grid.data, np.zeros((), grid.data.dtype))


def _gather(grid: Grid, dims: tuple[str, ...], index: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values and existence of a dense grid at members of `dims`."""
    where = tuple(index[dims.index(d)] for d in grid.dims)
    return grid.data[where], None if grid.mask is None else grid.mask[where]


def _lookup(grid: Grid, dims: tuple[str, ...], index: np.ndarray, sizes: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values and existence of any grid at members of `dims`, which include its own."""
    if grid.index is None:
        return _gather(grid, dims, index)
    shape = tuple(sizes[d] for d in grid.dims)
    if grid.dims == dims and grid.index.shape == index.shape and (grid.index is index or np.array_equal(grid.index, index)):
        return grid.data, None
    own = linear(grid.index, shape)
    wanted = linear(index[[dims.index(d) for d in grid.dims]], shape)
    at = np.searchsorted(own, wanted)
    at[at == own.size] = 0
    found = own[at] == wanted if own.size else np.zeros(wanted.shape, bool)
    values = grid.data[at] if own.size else np.zeros(wanted.shape, grid.data.dtype)
    return np.where(found, values, np.zeros((), values.dtype)), found


def multiply(left: Grid, right: Grid, operation: Callable[[np.ndarray, np.ndarray], np.ndarray], sizes: Mapping[str, int]) -> Grid:
    """Combine where both exist (product, quotient by `left`, conjunction): a sparse side gives the members."""
    if left.index is None and right.index is None:
        return _elementwise(left, right, operation, both=True)
    lead, other = (left, right) if left.index is not None and (right.index is None or left.data.size <= right.data.size) else (right, left)
    if not set(other.dims) <= set(lead.dims):
        wide = _spread(lead, tuple(d for d in other.dims if d not in lead.dims), sizes)
        left, right = (wide, other) if lead is left else (other, wide)
        return multiply(left, right, operation, sizes) if other.index is None else _joined(left, right, operation, sizes)
    return _joined(left, right, operation, sizes, lead)


def _joined(
    left: Grid, right: Grid, operation: Callable[[np.ndarray, np.ndarray], np.ndarray], sizes: Mapping[str, int], lead: Grid | None = None
) -> Grid:
    lead = lead or (left if left.index is not None and set(right.dims) <= set(left.dims) else right)
    assert lead.index is not None
    a, has_a = _lookup(left, lead.dims, lead.index, sizes)
    b, has_b = _lookup(right, lead.dims, lead.index, sizes)
    keep = has_a if has_b is None else has_b if has_a is None else has_a & has_b
    if keep is None or keep.all():
        return Grid(lead.dims, operation(a, b), None, lead.index)
    return Grid(lead.dims, operation(a[keep], b[keep]), None, lead.index[:, keep])


def _spread(grid: Grid, extra: tuple[str, ...], sizes: Mapping[str, int]) -> Grid:
    """Repeat a sparse grid over further dims, appended last, so that C order is kept."""
    assert grid.index is not None
    count = int(np.prod([sizes[d] for d in extra], dtype=np.int64))
    more = np.indices(tuple(sizes[d] for d in extra), np.int32).reshape(len(extra), count)
    n = grid.data.size
    index = np.concatenate([np.repeat(grid.index, count, axis=1), np.tile(more, n)])
    return Grid((*grid.dims, *extra), np.repeat(grid.data, count), None, index)


def _elementwise(left: Grid, right: Grid, operation: Callable[[np.ndarray, np.ndarray], np.ndarray], *, both: bool) -> Grid:
    dims = union(left.dims, right.dims)
    a, b = align(_zeroed(left), left.dims, dims), align(_zeroed(right), right.dims, dims)
    data = operation(a, b)
    if left.mask is None and right.mask is None:
        return Grid(dims, data)
    has_a = np.ones((1,) * len(dims), bool) if left.mask is None else align(left.mask, left.dims, dims)
    has_b = np.ones((1,) * len(dims), bool) if right.mask is None else align(right.mask, right.dims, dims)
    mask = np.broadcast_to(has_a & has_b if both else has_a | has_b, data.shape)
    return Grid(dims, data, None if mask.all() else np.ascontiguousarray(mask))


def combine(left: Grid, right: Grid, operation: Callable[[np.ndarray, np.ndarray], np.ndarray], sizes: Mapping[str, int]) -> Grid:
    """Combine where either exists (sum, difference, maximum), a missing value counting 0."""
    if left.index is not None and right.index is not None and set(left.dims) == set(right.dims):
        return _merged(left, right, operation, sizes)
    for one, other in ((left, right), (right, left)):
        # A coarser grid beside a sparse one: the result is kept where the sparse one exists, or its dense product would be made.
        if one.index is not None and other.index is None and set(other.dims) < set(one.dims) and other.mask is None:
            return _joined(left, right, operation, sizes, one)
    return _elementwise(dense(left, sizes), dense(right, sizes), operation, both=False)


def _merged(left: Grid, right: Grid, operation: Callable[[np.ndarray, np.ndarray], np.ndarray], sizes: Mapping[str, int]) -> Grid:
    assert left.index is not None
    assert right.index is not None
    if left.dims == right.dims and np.array_equal(left.index, right.index):
        return Grid(left.dims, operation(left.data, right.data), None, left.index)
    shape = tuple(sizes[d] for d in left.dims)
    keys = np.union1d(linear(left.index, shape), linear(right.index[[right.dims.index(d) for d in left.dims]], shape))
    index = np.array(np.unravel_index(keys, shape), np.int32).reshape(len(shape), keys.size)
    a, _ = _lookup(left, left.dims, index, sizes)
    b, _ = _lookup(_ordered(right, left.dims, sizes), left.dims, index, sizes)
    return Grid(left.dims, operation(a, b), None, index)


def _ordered(grid: Grid, dims: tuple[str, ...], sizes: Mapping[str, int]) -> Grid:
    """Return a sparse grid with its dims in another order, sorted in C order again."""
    assert grid.index is not None
    if grid.dims == dims:
        return grid
    index = grid.index[[grid.dims.index(d) for d in dims]]
    order = np.argsort(linear(index, tuple(sizes[d] for d in dims)), kind="stable")
    return Grid(dims, grid.data[order], None, np.ascontiguousarray(index[:, order]))


def reduce_sum(grid: Grid, over: tuple[str, ...], sizes: Mapping[str, int], *, kind: str = "sum") -> Grid:
    """Sum (or take the maximum) over dims; a missing value adds nothing."""
    keep = tuple(d for d in grid.dims if d not in over)
    if grid.index is None:
        axes = tuple(i for i, d in enumerate(grid.dims) if d in over)
        data = _zeroed(grid)
        return Grid(keep, data.sum(axis=axes) if kind == "sum" else data.max(axis=axes))
    shape = tuple(sizes[d] for d in keep)
    data = grid.data.astype(np.float64)
    if not keep:
        total = data.sum() if kind == "sum" else data.max(initial=0.0)
        return Grid((), np.asarray(total))
    key = linear(grid.index[[grid.dims.index(d) for d in keep]], shape)
    size = int(np.prod(shape, dtype=np.int64))
    if kind == "sum":
        return Grid(keep, np.bincount(key, data, size).reshape(shape))
    out = np.zeros(size)
    np.maximum.at(out, key, data)
    return Grid(keep, out.reshape(shape))

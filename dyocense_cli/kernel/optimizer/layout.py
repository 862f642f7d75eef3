"""Which members of a family exist, and where they stand: columns of variables, rows of rules.

Order is a law that others rely on: families in the order of the model, existing members in C order of their dims.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.ground import Block
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.calc import Calculator
from dyocense_cli.optimodel.expr.nodes import Node
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.grid import Grid, align, from_param, linear

__all__ = ["Family", "calculator", "families", "lookup", "members"]

#: Members of a family are found through a dense table up to this many cells of its product, through binary search beyond.
_TABLE_CELLS = 1 << 25


@dataclass(slots=True)
class Family:
    """Members `start` … `start + count` over `dims`; `coords` int32[n_dims, count] in C order, None for the full product."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    start: int
    count: int
    coords: np.ndarray | None = None
    where: str = ""
    table: np.ndarray | None = None
    keys: np.ndarray | None = None

    @property
    def strides(self) -> tuple[int, ...]:
        """Distance in members between neighbours along each dim of the full product."""
        out = [1] * len(self.shape)
        for i in range(len(self.shape) - 2, -1, -1):
            out[i] = out[i + 1] * self.shape[i + 1]
        return tuple(out)

    def block(self) -> Block:
        """Return the family as a block of a GroundModel."""
        return Block(self.name, self.dims, self.start, self.start + self.count, self.coords)


def calculator(model: OptiModel) -> Calculator:
    """Return a calculator over the parameters of a model."""
    sizes = {d: len(labels) for d, labels in model.dims.items()}
    grids = {n: from_param(p) for n, p in model.params.items()}
    scenario = "scenario" if "scenario" in model.dims else None
    if scenario is not None:
        grids.setdefault("probability", Grid((scenario,), model.probability))
    return Calculator(grids, sizes, scenario, model.probability)


def members(where: Node | None, dims: tuple[str, ...], calc: Calculator) -> np.ndarray | None:
    """Return the coordinates (int32, C order) of the members where a condition holds, None if it is all of them."""
    if where is None:
        return None
    grid = calc.condition(where)
    shape = tuple(calc.sizes[d] for d in dims)
    if grid.index is None:
        held = grid.data.astype(bool) if grid.mask is None else grid.data.astype(bool) & grid.mask
        if held.all():
            return None
        if not dims:
            return np.zeros((0, 0), np.int32)
        full = np.broadcast_to(align(held, grid.dims, dims), shape)
        return np.array(np.nonzero(full), np.int32).reshape(len(dims), -1)
    keep = grid.data.astype(bool)
    index = grid.index if keep.all() else grid.index[:, keep]
    return _spread(index, grid.dims, dims, shape)


def _spread(index: np.ndarray, own: tuple[str, ...], dims: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return coordinates over `dims` of every member whose part over `own` is in `index`."""
    extra = [i for i, d in enumerate(dims) if d not in own]
    count = int(np.prod([shape[i] for i in extra], dtype=np.int64))
    more = np.indices(tuple(shape[i] for i in extra), np.int32).reshape(len(extra), count)
    out = np.empty((len(dims), index.shape[1] * count), np.int32)
    for axis, dim in enumerate(dims):
        if dim in own:
            out[axis] = np.repeat(index[own.index(dim)], count)
        else:
            out[axis] = np.tile(more[extra.index(axis)], index.shape[1])
    if list(own) == list(dims[: len(own)]):
        return out
    return out[:, np.argsort(linear(out, shape), kind="stable")]


def families(model: OptiModel, calc: Calculator) -> dict[str, Family]:
    """Return every variable family with its columns."""
    out: dict[str, Family] = {}
    start = 0
    known: dict[tuple[str, tuple[str, ...]], np.ndarray | None] = {}
    for v in model.vars:
        shape = tuple(calc.sizes[d] for d in v.dims)
        key = (v.where or "", v.dims)
        if key not in known:
            known[key] = members(parse(v.where) if v.where else None, v.dims, calc)
        coords = known[key]
        count = int(np.prod(shape, dtype=np.int64)) if coords is None else coords.shape[1]
        out[v.name] = Family(v.name, v.dims, shape, start, count, coords, v.where or "")
        start += count
    return out


def lookup(family: Family, positions: list[np.ndarray]) -> np.ndarray:
    """Return member numbers (from `family.start`) at positions per dim, -1 where a member does not exist.

    Positions broadcast against each other and lie within the dims.
    """
    cells = int(np.prod(family.shape, dtype=np.int64))
    wide = np.int32 if cells < 2**31 else np.int64
    key: np.ndarray = np.zeros((), wide)
    for position, stride in zip(positions, family.strides, strict=True):
        key = key + position * wide(stride)
    if family.coords is None:
        return key + wide(family.start)
    if cells <= _TABLE_CELLS:
        if family.table is None:
            family.table = np.full(cells, -1, np.int32)
            family.table[linear(family.coords, family.shape)] = np.arange(family.start, family.start + family.count, dtype=np.int32)
        return np.asarray(family.table[key])
    if family.keys is None:
        family.keys = linear(family.coords, family.shape)
    at = np.searchsorted(family.keys, key)
    at[at == family.keys.size] = 0
    if not family.keys.size:
        return np.full(np.shape(key), -1)
    return np.asarray(np.where(family.keys[at] == key, at + family.start, -1))

"""Members of a family of rows or columns: where they are and what they are called."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel

__all__ = ["coordinates", "labels_along", "member_name"]


def coordinates(block: Block, dims: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    """Return the members' places, int[n_dims, members], in the labels of the block's dims."""
    if block.coords is not None:
        return block.coords
    shape = tuple(len(dims[d]) for d in block.dims)
    return np.array(np.unravel_index(np.arange(block.stop - block.start), shape)) if shape else np.zeros((0, 1), dtype=np.int64)


def labels_along(ground: GroundModel, dim: str) -> np.ndarray:
    """Return each column's place in the labels of a dim, int[n_cols]; -1 for columns without it."""
    out = np.full(ground.n_cols, -1)
    for block in ground.columns:
        if dim in block.dims:
            out[block.start : block.stop] = coordinates(block, ground.dims)[block.dims.index(dim)]
    return out


def member_name(block: Block, at: int, dims: Mapping[str, tuple[str, ...]]) -> str:
    """Return the name of the block's `at`-th member, ``lots[MILK-1L,S1,t1]``."""
    if not block.dims:
        return block.name
    shape = tuple(len(dims[d]) for d in block.dims)
    place = np.unravel_index(at, shape) if block.coords is None else block.coords[:, at]
    return f"{block.name}[{','.join(dims[d][int(i)] for d, i in zip(block.dims, place, strict=True))}]"

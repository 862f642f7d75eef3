"""Arrays for a solver, with the way back to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

__all__ = ["Block", "GroundModel"]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows or columns `start:stop` that came from one family; `coords` is int32[n_dims, stop-start] into the dims' labels,
    or None where the block is the full C-order product of its dims."""

    name: str
    dims: tuple[str, ...]
    start: int
    stop: int
    coords: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class GroundModel:
    """min/max offset + cost·x, row_lower ≤ A x ≤ row_upper, lower ≤ x ≤ upper, x integer where `integrality`.

    A is column-wise (CSC): `start` int32[n_cols+1] (int64 above 2³¹ nonzeros), `index` int32[nnz], `value` float64[nnz];
    in each column rows ascend and no entry is zero. Infinite bounds are ±inf.
    """

    kind: ClassVar[str] = "ground_model"
    schema_version: ClassVar[int] = 1

    sense: str  # min | max
    offset: float
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integrality: np.ndarray  # uint8, 1 = integer
    row_lower: np.ndarray
    row_upper: np.ndarray
    start: np.ndarray
    index: np.ndarray
    value: np.ndarray
    columns: tuple[Block, ...]
    rows: tuple[Block, ...]
    dims: dict[str, tuple[str, ...]]

    @property
    def n_cols(self) -> int:
        """Number of columns."""
        return int(self.cost.size)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.row_lower.size)

    @property
    def nnz(self) -> int:
        """Number of nonzeros."""
        return int(self.index.size)

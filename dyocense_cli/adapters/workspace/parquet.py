"""Columns to Parquet bytes through DuckDB, one thread, so that equal columns give equal bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

__all__ = ["parquet_bytes"]


def parquet_bytes(columns: Mapping[str, np.ndarray]) -> bytes:
    """Return a Parquet file of equal-length columns (float64, int64, bool, or object arrays of text)."""
    if not columns:
        columns = {"empty": np.zeros(0)}
    with tempfile.TemporaryDirectory(prefix="dyocense-") as folder, duckdb.connect(":memory:", config={"threads": 1}) as connection:
        path = Path(folder) / "table.parquet"
        connection.register("columns_in_hand", dict(columns))
        connection.sql("from columns_in_hand").write_parquet(str(path), compression="zstd")
        return path.read_bytes()

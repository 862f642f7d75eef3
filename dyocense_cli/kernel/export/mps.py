"""GroundModel → MPS, free format. The same arrays give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.kernel.export.names import column_names, number, row_names

__all__ = ["to_mps"]


def to_mps(model: GroundModel, *, name: str = "model") -> str:
    """Return a model as free-format MPS: sections ROWS, COLUMNS (integers between markers), RHS, RANGES, BOUNDS.

    The objective's constant is the negative right-hand side of its row, as solvers read it.
    """
    rows, columns = row_names(model), column_names(model)
    lines = [f"NAME {name}", "OBJSENSE", "  MAX" if model.sense == "max" else "  MIN", "ROWS", " N objective"]
    lines += [f" {kind} {row}" for kind, row in zip(_kinds(model), rows, strict=True)]
    lines.append("COLUMNS")
    lines += _columns(model, rows, columns)
    lines.append("RHS")
    lines += _right(model, rows)
    lines += _ranges(model, rows)
    lines.append("BOUNDS")
    lines += _bounds(model, columns)
    return "\n".join([*lines, "ENDATA", ""])


def _kinds(model: GroundModel) -> list[str]:
    low, high = model.row_lower, model.row_upper
    kinds = np.where(low == high, "E", np.where(np.isinf(low), np.where(np.isinf(high), "N", "L"), "G"))
    return [str(k) for k in kinds]


def _columns(model: GroundModel, rows: list[str], columns: list[str]) -> Iterator[str]:
    inside = False
    starts, index, value = model.start.tolist(), model.index.tolist(), model.value.tolist()
    for j, (column, whole, cost) in enumerate(zip(columns, model.integrality.tolist(), model.cost.tolist(), strict=True)):
        if bool(whole) != inside:
            inside = bool(whole)
            yield f" MARKER{j} 'MARKER' '{'INTORG' if inside else 'INTEND'}'"
        if cost or starts[j] == starts[j + 1]:
            yield f" {column} objective {number(cost)}"
        for k in range(starts[j], starts[j + 1]):
            yield f" {column} {rows[index[k]]} {number(value[k])}"
    if inside:
        yield " MARKEREND 'MARKER' 'INTEND'"


def _right(model: GroundModel, rows: list[str]) -> Iterator[str]:
    if model.offset:
        yield f" RHS objective {number(-model.offset)}"
    right = np.where(np.isinf(model.row_lower), model.row_upper, model.row_lower)
    for row, value in zip(rows, right.tolist(), strict=True):
        if value and abs(value) != float("inf"):
            yield f" RHS {row} {number(value)}"


def _ranges(model: GroundModel, rows: list[str]) -> list[str]:
    low, high = model.row_lower, model.row_upper
    both = np.flatnonzero(np.isfinite(low) & np.isfinite(high) & (low != high))
    return ["RANGES", *(f" RANGE {rows[i]} {number(float(high[i] - low[i]))}" for i in both.tolist())] if both.size else []


def _bounds(model: GroundModel, columns: list[str]) -> Iterator[str]:
    whole = model.integrality.tolist()
    for column, low, high, is_whole in zip(columns, model.lower.tolist(), model.upper.tolist(), whole, strict=True):
        if low == high:
            yield f" FX BOUND {column} {number(low)}"
        elif low == float("-inf"):
            yield f" {'FR' if high == float('inf') else 'MI'} BOUND {column}"
            if high != float("inf"):
                yield f" UP BOUND {column} {number(high)}"
        else:
            if low or is_whole:
                yield f" LO BOUND {column} {number(low)}"
            # Readers disagree on the bounds of integers without any; both sides are written.
            if high != float("inf"):
                yield f" UP BOUND {column} {number(high)}"
            elif is_whole:
                yield f" PL BOUND {column}"

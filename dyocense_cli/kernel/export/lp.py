"""GroundModel → LP format. The same arrays give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.kernel.export.names import column_names, number, row_names

__all__ = ["to_lp"]

#: Terms per line, so that no line is longer than readers take.
_PER_LINE = 6


def to_lp(model: GroundModel) -> str:
    """Return a model in LP format: objective, rows, bounds, integers."""
    rows, columns = row_names(model), column_names(model)
    lines = ["Maximize" if model.sense == "max" else "Minimize"]
    costed = np.flatnonzero(model.cost)
    terms = [(columns[j], c) for j, c in zip(costed.tolist(), model.cost[costed].tolist(), strict=True)]
    lines += _wrapped(" objective:", terms, model.offset)
    lines.append("Subject To")
    lines += _rows(model, rows, columns)
    lines.append("Bounds")
    lines += _bounds(model, columns)
    whole = [columns[j] for j in np.flatnonzero(model.integrality).tolist()]
    if whole:
        lines.append("General")
        lines += [" " + " ".join(whole[i : i + _PER_LINE]) for i in range(0, len(whole), _PER_LINE)]
    return "\n".join([*lines, "End", ""])


def _wrapped(head: str, terms: list[tuple[str, float]], constant: float = 0.0, tail: str = "") -> Iterator[str]:
    words = [f"{'-' if c < 0 else '+'} {number(abs(c))} {name}" for name, c in terms]
    if constant:
        words.append(f"{'-' if constant < 0 else '+'} {number(abs(constant))}")
    chunks = [words[i : i + _PER_LINE] for i in range(0, len(words), _PER_LINE)] or [[]]
    for i, chunk in enumerate(chunks):
        yield " ".join([head if i == 0 else "  ", *chunk, *([tail] if tail and i == len(chunks) - 1 else [])])


def _rows(model: GroundModel, rows: list[str], columns: list[str]) -> Iterator[str]:
    # Row-wise view of the column-wise matrix, columns ascending in each row.
    order = np.argsort(model.index, kind="stable")
    column_of = np.repeat(np.arange(model.n_cols), np.diff(model.start))[order].tolist()
    value = model.value[order].tolist()
    ends = np.cumsum(np.bincount(model.index, minlength=model.n_rows)).tolist()
    begin = 0
    for i, row in enumerate(rows):
        terms = [(columns[column_of[k]], value[k]) for k in range(begin, ends[i])] or [(columns[0], 0.0)]
        begin = ends[i]
        low, high = float(model.row_lower[i]), float(model.row_upper[i])
        if low == high:
            yield from _wrapped(f" {row}:", terms, tail=f"= {number(low)}")
            continue
        if low != float("-inf"):
            yield from _wrapped(f" {row}:", terms, tail=f">= {number(low)}")
        if high != float("inf"):
            label = row if low == float("-inf") else f"{row}.high"
            yield from _wrapped(f" {label}:", terms, tail=f"<= {number(high)}")


def _bounds(model: GroundModel, columns: list[str]) -> Iterator[str]:
    for column, low, high in zip(columns, model.lower.tolist(), model.upper.tolist(), strict=True):
        if low == float("-inf") and high == float("inf"):
            yield f" {column} free"
        elif low == high:
            yield f" {column} = {number(low)}"
        elif low != 0 or high != float("inf"):
            least = "-inf" if low == float("-inf") else number(low)
            most = "" if high == float("inf") else f" <= {number(high)}"
            yield f" {least} <= {column}{most}"

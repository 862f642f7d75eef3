"""Cells as read → typed columns: whole columns at a time, and the cells that do not fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

__all__ = ["Cells", "Dates", "Labels", "Numbers", "is_numeric", "to_dates", "to_flags", "to_labels", "to_numbers"]

Cells: TypeAlias = "Sequence[str | float | int | bool | None]"

_FLAGS: Final = {
    "true": 1.0, "yes": 1.0, "y": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "n": 0.0, "0": 0.0, "0.0": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """`values` float64, NaN where missing; `bad` rows hold no finite number."""

    values: np.ndarray
    bad: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """`codes` int32 into sorted `labels`, -1 where missing."""

    codes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dates:
    """Labels that are ISO dates; `bad` rows hold none."""

    codes: np.ndarray
    labels: tuple[str, ...]
    bad: tuple[int, ...] = ()


def _number(cell: str | float | int | bool | None) -> float:
    """Return a cell as a number, NaN if missing; ValueError if it is none."""
    if cell is None:
        return float("nan")
    if isinstance(cell, str) and ("_" in cell or not cell.isascii()):
        raise ValueError(cell)
    value = float(cell)
    if not np.isfinite(value):
        raise ValueError(cell)
    return value


def to_numbers(cells: Cells) -> Numbers:
    """Return a column of numbers: text such as ``1e3`` is read, ``1_000``, ``1,000``, ``inf`` and ``nan`` are not."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))  # type: ignore[arg-type]  # None goes the slow way
        if np.isfinite(values).all() and not _odd_digits(cells):
            return Numbers(values)
    except (TypeError, ValueError):
        pass
    values = np.full(len(cells), np.nan)
    bad = []
    for i, cell in enumerate(cells):
        try:
            values[i] = _number(cell)
        except (TypeError, ValueError, OverflowError):
            bad.append(i)
    return Numbers(values, tuple(bad))


def _odd_digits(cells: Cells) -> bool:
    """Say whether a cell has digits that `float` takes and people do not mean: ``1_000``, digits of other scripts."""
    if not cells or not isinstance(cells[0], str):
        return any(isinstance(cell, str) for cell in cells)
    try:
        joined = "".join(cells)  # type: ignore[arg-type]  # mixed columns go the slow way
    except TypeError:
        return True
    return "_" in joined or not joined.isascii()


def is_numeric(cells: Cells) -> bool:
    """Say whether all cells that are there are numbers, and there is one; true and false are not numbers."""
    if any(isinstance(cell, bool) for cell in cells[:100]):
        return False
    found = to_numbers(cells)
    return not found.bad and not bool(np.isnan(found.values).all())


def to_flags(cells: Cells) -> Numbers:
    """Return a column of switches as 1 and 0: true, yes, 1 and false, no, 0."""
    values = np.full(len(cells), np.nan)
    bad = []
    for i, cell in enumerate(cells):
        if cell is None:
            continue
        value = _FLAGS.get(str(cell).strip().lower())
        if value is None:
            bad.append(i)
        else:
            values[i] = value
    return Numbers(values, tuple(bad))


def _label(cell: str | float | int | bool) -> str:
    if isinstance(cell, str):
        text = cell.strip()
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if float(cell).is_integer() else repr(cell)


def to_labels(cells: Cells) -> Labels:
    """Return a column of labels, stripped, in Unicode normal form C; numbers as their text."""
    written: dict[str | float | int | bool | None, str] = {cell: _label(cell) for cell in set(cells) if cell is not None}
    labels = sorted({text for text in written.values() if text})
    at: dict[str, int] = {text: i for i, text in enumerate(labels)}
    codes = {cell: at.get(text, -1) for cell, text in written.items()}
    codes[None] = -1
    return Labels(np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells)), tuple(labels))


def to_dates(cells: Cells) -> Dates:
    """Return a column of dates as ISO text; a time of day is dropped."""
    found = to_labels(cells)
    days = [_day(label) for label in found.labels]
    labels = sorted({day for day in days if day})
    at = {day: i for i, day in enumerate(labels)}
    codes = np.array([at[day] if day else -2 for day in days] + [-1], dtype=np.int32)[found.codes]
    bad = tuple(int(i) for i in np.flatnonzero(codes == -2))
    return Dates(np.where(codes == -2, -1, codes).astype(np.int32), tuple(labels), bad)


def _day(text: str) -> str | None:
    day = text[:10]
    if len(day) != 10 or day[4] != "-" or day[7] != "-" or (len(text) > 10 and text[10] not in "T "):
        return None
    try:
        np.datetime64(day, "D")
    except ValueError:
        return None
    return day

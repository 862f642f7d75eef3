"""Periods of a goal counted backwards from its start: days, weeks and their multiples by length, months by the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyocense_cli.errors import InputError

__all__ = ["Calendar"]

_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class Calendar:
    """`start` in days since 1970; `step` in days, or in months if `monthly`; `season` periods per week (days) or year."""

    start: int
    step: int
    monthly: bool
    season: int

    @staticmethod
    def of(every: str, period_starts: tuple[str, ...]) -> Calendar:
        """Return the calendar of ``every`` (``day``, ``week``, ``month``, ``2 weeks`` …) from the first period's start.

        Raises
        ------
        InputError
            DY2505 for an unknown length.
        """
        words = every.strip().lower().split()
        count = int(words[0]) if len(words) == 2 and words[0].isdigit() else 1
        unit = words[-1].rstrip("s") if words else ""
        start = int(np.datetime64(period_starts[0][:10], "D").astype(np.int64)) if period_starts else 0
        if unit in _DAYS and count > 0:
            step = _DAYS[unit] * count
            return Calendar(start, step, False, {1: 7}.get(step, round(364 / step) if step >= 7 else 1))
        months = {"month": 1, "quarter": 3, "year": 12}.get(unit, 0) * count
        if months > 0:
            return Calendar(start, months, True, max(1, 12 // months))
        raise InputError("DY2505", f"`{every}` is no length of a period", hints="use day, week, month or a multiple such as 2 weeks")

    def days(self, first: int, last: int) -> np.ndarray:
        """Return the starts of periods first .. last - 1, days since 1970, int64."""
        k = np.arange(first, last)
        if not self.monthly:
            return self.start + k * self.step
        month, offset = self._month()
        return np.asarray((month + k * self.step).astype("datetime64[D]").astype(np.int64) + offset)

    def period_of(self, day: np.ndarray) -> np.ndarray:
        """Return the period index of each day: 0 is the first of the horizon, -1 the one before it."""
        if not self.monthly:
            return np.asarray((day - self.start) // self.step)
        month, offset = self._month()
        months = (day - offset).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return np.asarray((months - int(month.astype(np.int64))) // self.step)

    def _month(self) -> tuple[np.datetime64, int]:
        start = np.datetime64(self.start, "D")
        month = start.astype("datetime64[M]")
        return month, int((start - month.astype("datetime64[D]")).astype(np.int64))

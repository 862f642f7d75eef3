"""One calendar: the starts of the periods of a horizon."""

from __future__ import annotations

import calendar as months
import datetime as dt
from dataclasses import dataclass
from typing import Final

from dyocense_cli.artifacts.goal import Horizon

__all__ = ["Calendar", "period_calendar"]

_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Names ``t1 …`` and ISO starts of periods (none where nothing dates the horizon), and the mean length of one in days."""

    periods: tuple[str, ...]
    starts: tuple[str, ...]
    period_days: float


def _later(start: dt.date, count: int, unit: str) -> dt.date:
    if unit in _DAYS:
        return start + dt.timedelta(days=count * _DAYS[unit])
    month = start.month - 1 + count * _MONTHS[unit]
    year = start.year + month // 12
    last = months.monthrange(year, month % 12 + 1)[1]
    return dt.date(year, month % 12 + 1, min(start.day, last))


def _length(every: str) -> tuple[int, str]:
    words = every.split()
    return (1, words[0]) if len(words) == 1 else (int(words[0]), words[1].removesuffix("s"))


def period_calendar(horizon: Horizon, after: str | None) -> Calendar:
    """Return the calendar of a horizon; without a start it begins on `after`, the day after the history.

    Notes
    -----
    Months, quarters and years keep the day of the start, or take the last day of a shorter month. The last possible start is in the
    year 9999; a horizon that would pass it has no dates.
    """
    count, unit = _length(horizon.every)
    names = tuple(f"t{i}" for i in range(1, horizon.periods + 1))
    start = horizon.start or after
    if start is None:
        days = count * (_DAYS[unit] if unit in _DAYS else _MONTHS[unit] * 365.25 / 12)
        return Calendar(names, (), float(days))
    first = dt.date.fromisoformat(start)
    starts = [_later(first, i * count, unit) for i in range(horizon.periods + 1)]
    return Calendar(names, tuple(day.isoformat() for day in starts[:-1]), (starts[-1] - first).days / horizon.periods)

"""A clock that stands still, for tests and replays."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["FrozenClock"]


class FrozenClock:
    """Return the instant it was made with; `monotonic` counts calls."""

    features: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, instant: str = "2026-01-01T00:00:00.000000Z") -> None:
        self._instant = instant
        self._calls = 0

    def now(self) -> str:
        """Return the frozen instant."""
        return self._instant

    def monotonic(self) -> float:
        """Return the number of earlier calls, in seconds."""
        self._calls += 1
        return float(self._calls)

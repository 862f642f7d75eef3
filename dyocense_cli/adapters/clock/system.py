"""The system's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import ClassVar

__all__ = ["SystemClock"]


class SystemClock:
    """Wall time in UTC and monotonic time."""

    features: ClassVar[frozenset[str]] = frozenset()

    def now(self) -> str:
        """Return the UTC time in ISO form with microseconds and ``Z``."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

"""Names in metrics: label values have a bound, the first names as they are, each further one is ``other``."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from typing import Final

__all__ = ["EVIDENCE", "TOP_GOALS", "TOP_TENANTS", "Labels"]

#: Kind of the figures that a write of evidence leaves: it comes after its run was counted.
EVIDENCE: Final = "evidence"
TOP_TENANTS: Final = 50
TOP_GOALS: Final = 50


class _Names:
    """Keeps the first `top` names: label values never grow without bound."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._known: set[str] = set()
        self.others: Tally[str] = Tally()

    def of(self, name: str) -> str:
        if name in self._known:
            return name
        if len(self._known) < self._top:
            self._known.add(name)
            return name
        self.others[name] += 1
        return "other"


class Labels:
    """The labels tenant, tier and goal of one process's metrics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants = _Names(TOP_TENANTS)
        self._goals = _Names(TOP_GOALS)

    def of(self, tenant: str, tier: str, goal: str) -> tuple[str, str, str]:
        """Return tenant_id, tier and goal_id as they may be shown."""
        with self._lock:
            return self._tenants.of(tenant), tier, self._goals.of(goal)

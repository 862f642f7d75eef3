"""Exit codes of the command line."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BAD_INPUT",
    "BUDGET",
    "BUG",
    "DENIED",
    "DONE",
    "INFEASIBLE",
    "INTERRUPTED",
    "MISMATCH",
    "NO_PLAN",
    "TERMINATED",
    "UNREACHABLE",
    "USAGE",
    "of_status",
]

DONE: Final = 0
BUG: Final = 1
USAGE: Final = 2
BAD_INPUT: Final = 3
DENIED: Final = 4
INFEASIBLE: Final = 5
BUDGET: Final = 6
UNREACHABLE: Final = 7
MISMATCH: Final = 8
NO_PLAN: Final = 9
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_LIMITS: Final = ("time_limit", "node_limit", "work_limit", "memory_limit")


def of_status(status: str, termination: str) -> int:
    """Return the exit code of a run's status and termination; an interrupt is told apart by the caller's signal."""
    if status in ("OPTIMAL", "FEASIBLE"):
        return DONE
    if status in ("INFEASIBLE", "UNBOUNDED"):
        return INFEASIBLE
    if status == "DENIED":
        return DENIED
    if termination in _LIMITS or termination == "interrupted":
        return NO_PLAN
    return UNREACHABLE

"""Start-time fair queueing: the tags that order runs, and why a run waits.

A pool keeps a virtual time V, the largest start tag put in service so far; a tenant keeps the finish tag of its last run. A new run
starts at ``max(V when it arrived, last finish)`` and finishes ``cost / weight`` later; the smallest finish tag that fits its tenant's cap
goes next. Two tenants that stay backlogged begin work in the ratio of their weights within one largest job each, and have got it within D
+ 1 largest jobs each where D jobs run at once. A tenant that was idle earns no credit, because its next start is V. V at arrival, not
when the cap lets the run in: a tenant that waits for its own cap while V moves on would lose its share, and so would all when predictions
are too large and are corrected later.

Tags are integers: `UNIT` per second of predicted solve at weight 1.

Source: Goyal, Vin, Cheng, *Start-time fair queueing*, SIGCOMM 1996; Golestani, *Self-clocked fair queueing*, INFOCOM 1994;
Jin, Chase, Kaur, *Interposed proportional sharing for a storage service utility*, SIGMETRICS 2004 (D jobs at once).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["REBASE_AT", "UNIT", "Tags", "Waits", "advance", "correct", "rebase", "shift_of", "tag", "why_waiting"]

#: Tag units per second at weight 1; at 100 units, rounding turns shares of 4:1 into 5:1 for jobs of 50 ms.
UNIT: Final = 10_000
#: Virtual time at which a pool's tags are shifted back; the queue's priorities are 32-bit integers.
REBASE_AT: Final = 2**30


@dataclass(frozen=True, slots=True)
class Tags:
    """Start and finish tag of a run, in tag units; start < finish."""

    start: int
    finish: int


class Waits(StrEnum):
    """Why a run waits."""

    SHARE = "share"
    CAP = "cap"
    BUDGET = "budget"
    NO_WORKER = "no_worker"
    PARTS = "parts"
    NOTHING = "nothing"


def tag(arrived: int, last_finish: int, *, cost_s: float, weight: float) -> Tags:
    """Return the tags of a tenant's next run.

    Parameters
    ----------
    arrived, last_finish : int
        The pool's virtual time when the run arrived and the tenant's last finish tag, in tag units.
    cost_s, weight : float
        Predicted solver seconds, ≥ 0, and the tenant's weight, > 0.

    Notes
    -----
    Every run is at least one unit long, so that tags of one tenant are strictly increasing.
    """
    start = max(arrived, last_finish)
    return Tags(start, start + max(1, round(cost_s * UNIT / weight)))


def advance(virtual: int, started: int) -> int:
    """Return the virtual time after a run with this start tag was put in service; it never goes back."""
    return max(virtual, started)


def correct(last_finish: int, *, predicted_s: float, actual_s: float, weight: float) -> int:
    """Return a tenant's last finish tag after a run took `actual_s` instead of `predicted_s` seconds; at least 0.

    A tenant whose runs take longer than predicted pays with later tags, and the other way round.
    """
    return max(0, last_finish + round((actual_s - predicted_s) * UNIT / weight))


def shift_of(virtual: int) -> int:
    """Return by how much a pool's epoch moves: all but a thousandth of its time, so that claims a little behind V keep their order."""
    return virtual - virtual // 1024


def rebase(value: int, shift: int) -> int:
    """Return a tag after the pool's epoch moved by `shift`; tags that lie before the new epoch become 0, order is kept."""
    return max(0, value - shift)


def why_waiting(*, state: str, ahead: int, workers: int, in_flight: int, cap: int, budget_left: float) -> Waits:
    """Return why a run waits: for its parts, for budget, for its tenant's cap, for a worker, or for others that are ahead by share."""
    if state == "waiting":
        return Waits.PARTS
    if state not in ("parked", "ready"):
        return Waits.NOTHING
    if budget_left <= 0:
        return Waits.BUDGET
    if state == "parked" and in_flight >= cap:
        return Waits.CAP
    if workers == 0:
        return Waits.NO_WORKER
    return Waits.SHARE if ahead >= 0 else Waits.NOTHING

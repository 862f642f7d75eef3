"""Plans of a solve that may not end: stored as they are found, taken up by the next solve of the same model."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import StoreError
from dyocense_cli.runner.memo import Memo, array_bytes, array_from

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.ports import SolveEvent
    from dyocense_cli.runner.observer import Observer

__all__ = ["LEFT", "Incumbent", "Keeping", "incumbent", "within"]

#: seconds between two writes of a plan that a solve has found
_EVERY_S: Final = 0.5
#: how the identity of a start begins that an unfinished solve has left
LEFT: Final = "left "


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The best plan that a solve had found so far; `place` is where it is stored, empty if it is not yet."""

    objective: float
    bound: float | None
    x: np.ndarray
    place: str = ""

    @property
    def words(self) -> str:
        """The plan's objective and how far it may be from the best, for a person."""
        from dyocense_cli.artifacts.solution import relative_gap

        gap = relative_gap(self.objective, self.bound)
        return f"{self.objective:,.2f}" + ("" if gap is None else f", {within(gap)}")


def within(gap: float) -> str:
    """Say how far a plan may be from the best."""
    return "proved to be the best possible" if gap <= 1e-9 else f"within {max(100 * gap, 0.01):.2f} % of the best possible"


class Keeping:
    """An observer that also stores every better plan of a model, so that a killed process loses at most half a second of search.

    A plan that an earlier solve left stays until a better one is found.
    """

    def __init__(self, observer: Observer, memo: Memo, model: str, *, maximises: bool) -> None:
        self._observer, self._memo, self._model = observer, memo, model
        self._sign = -1.0 if maximises else 1.0
        self._written = float("-inf")
        self._earlier = self._stored = incumbent(memo, model)
        #: the best plan of this solve, with the best bound told so far
        self.best: Incumbent | None = None
        self.bound: float | None = None

    def started(self, stage: str) -> None:
        """Pass on."""
        self._observer.started(stage)

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Pass on."""
        self._observer.ended(stage, state, seconds, note)

    def solving(self, event: SolveEvent) -> None:
        """Keep the plan of an event that has one; store it if the last one was stored half a second ago."""
        if event.bound is not None and (self.bound is None or self._sign * (event.bound - self.bound) > 0):
            self.bound = event.bound
        due = time.monotonic() - self._written >= _EVERY_S
        if event.x is not None and event.objective is not None and self._is_better(event.objective, self.best):
            x = (event.x() if due else None) if callable(event.x) else event.x
            if x is not None:
                self.best = Incumbent(event.objective, self.bound, x)
        if due:
            self.store()
        self._observer.solving(event)

    def store(self) -> None:
        """Store the best plan if it is better than what is stored."""
        best = self.best
        if best is not None and self._is_better(best.objective, self._stored):
            place = self._memo.blobs.put(array_bytes(best.x))
            self._stored, self._written = best, time.monotonic()
            self._memo.put_text(_mark(self._model), f"{best.objective!r} {self.bound!r} {place}")

    def ends(self, solution: Any) -> None:
        """Keep the plan of a solve that was stopped for the next one; forget what was left when it ended by itself with one as good."""
        if solution.objective is None:
            return self.store()
        held = Incumbent(solution.objective, solution.bound, solution.x)
        if str(solution.termination) in ("interrupted", "memory_limit"):
            if self._is_better(held.objective, self.best):
                self.best, self.bound = held, solution.bound
            self.store()
        elif not self._is_better(self._stored.objective if self._stored else held.objective, held):
            self._memo.put_text(_mark(self._model), "")
        return None

    def forgets(self) -> None:
        """Leave no plan of this solve for the next one, which is to go the same way from the beginning."""
        if self._stored is not self._earlier:
            self._memo.put_text(_mark(self._model), "")

    def _is_better(self, objective: float, than: Incumbent | None) -> bool:
        return than is None or self._sign * (objective - than.objective) < -1e-9 * (1.0 + abs(than.objective))


def _mark(model: str) -> str:
    return f"incumbent {model}"


def incumbent(memo: Memo, model: str) -> Incumbent | None:
    """Return the plan that an earlier solve of a model (by fingerprint) had found, None if there is none or it was altered."""
    text = memo.get_text(_mark(model))
    if not text:
        return None
    objective, bound, place = text.split(" ")
    try:
        x = array_from(memo.blobs.get(place))
    except (StoreError, ValueError, io.UnsupportedOperation):
        return None
    return Incumbent(float(objective), None if bound == "None" else float(bound), x, place)

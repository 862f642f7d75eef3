"""A long clock behind counted limits: it ends only what would never end, and what it ended is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Termination
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["Guard", "pivots"]

#: seconds of one question: ten times and more of what its counted limits take on an idle machine
GUARD_S: Final = 600.0
#: what an iteration may touch, times iterations: seconds of a linear program on an idle machine
_TOUCHED: Final = 3e9
_LEAST: Final = 10_000
_CLOCKS: Final = (Termination.TIME_LIMIT, Termination.INTERRUPTED, Termination.MEMORY_LIMIT)


@dataclass(slots=True)
class Guard:
    """Lend effects whose solves have a clock of `seconds` behind the limits that are asked; counts what was cut.

    Law: while `cut` is 0, what was made with the effects is a function of its inputs.
    """

    seconds: float = GUARD_S
    cut: int = field(default=0)

    def over(self, lent: Lent) -> Lent:
        """Return the effects with the clock behind every solve."""

        def solve(model: GroundModel, limits: SolveLimits, **given: Any) -> Solution:
            answer: Solution = lent.solve(model, limits if limits.time_s is not None else replace(limits, time_s=self.seconds), **given)
            self.cut += answer.termination in _CLOCKS
            return answer

        return replace(lent, solve=solve)

    @property
    def said(self) -> tuple[str, ...]:
        """Say in a note how much was cut; empty when nothing was."""
        some = f"{self.cut} question{'s were' if self.cut != 1 else ' was'}"
        return (f"{some} cut by the clock or by memory: these figures may differ the next time",) if self.cut else ()


def pivots(model: GroundModel) -> float:
    """Return how many simplex iterations one linear program may take: the fewer the larger the model is."""
    return max(_LEAST, _TOUCHED / max(1, model.n_cols))

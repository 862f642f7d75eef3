"""Questions to the solver: is this feasible, and is the answer proved?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["PROBE", "Answer", "Prober", "without"]

#: limits of one probe, all counted, so that the same question has the same answer
PROBE: Final = SolveLimits(gap=1e-6, nodes=20_000, work=400.0, duals=False)


class Answer(Enum):
    """What a probe found."""

    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNPROVEN = "unproven"


def without(ground: GroundModel, families: Collection[str]) -> GroundModel:
    """Return the model in which the rows of some families hold whatever happens."""
    low, high = ground.row_lower.copy(), ground.row_upper.copy()
    for block in ground.rows:
        if block.name in families:
            low[block.start : block.stop], high[block.start : block.stop] = -np.inf, np.inf
    return replace(ground, row_lower=low, row_upper=high)


@dataclass(slots=True)
class Prober:
    """Ask about one ground model; counts its questions."""

    ground: GroundModel
    lent: Lent
    limit: int = 400
    asked: int = field(default=0)

    def feasible(self, ground: GroundModel, *, linear: bool = False) -> Answer:
        """Say whether any plan satisfies the rows; `linear` forgets whole numbers (an INFEASIBLE then holds for both)."""
        if self.asked >= self.limit:
            return Answer.UNPROVEN
        self.asked += 1
        question = replace(ground, cost=np.zeros_like(ground.cost), offset=0.0)
        if linear:
            question = relaxed(question)
        answer: Solution = self.lent.solve(question, PROBE)
        if answer.x is not None:
            return Answer.FEASIBLE
        return Answer.INFEASIBLE if answer.status is Status.INFEASIBLE else Answer.UNPROVEN

    def without(self, families: Collection[str], *, linear: bool = False) -> Answer:
        """Say whether the model without some families is feasible."""
        return self.feasible(without(self.ground, families), linear=linear)

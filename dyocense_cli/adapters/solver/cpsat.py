"""CP-SAT of OR-Tools, in a process of its own (OR-Tools and highspy bring the same library in different versions)."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from dyocense_cli.adapters.solver.process import ProcessSolver, require
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.ports import SolveLimits

__all__ = ["CpSatSolver"]

require("ortools")

#: largest power of ten by which a row is scaled to whole coefficients
_SCALE: Final = 10**6


class CpSatSolver(ProcessSolver):
    """Integer programs whose rows have coefficients of at most six decimals. `work` is CP-SAT's deterministic time."""

    name: ClassVar[str] = "cpsat"
    library: ClassVar[str] = "ortools"
    child: ClassVar[str] = "dyocense_cli.adapters.solver.children.cpsat"
    features: ClassVar[frozenset[str]] = frozenset({"mip", "start", "work", "events", "interrupt", "integers_only"})

    def _refuse(self, model: GroundModel, limits: SolveLimits) -> None:
        super()._refuse(model, limits)
        continuous = np.flatnonzero(model.integrality == 0)
        if continuous.size:
            block = next((b for b in model.columns if b.start <= continuous[0] < b.stop), None)
            name = f"`{block.name}`" if block is not None else f"variable {int(continuous[0])}"
            raise UnsupportedError(
                "DY4101", f"backend `cpsat` takes integer variables only; {name} is continuous", hints="use `--backend highs`"
            )
        scaled = model.value * _SCALE
        wrong = np.flatnonzero(np.abs(scaled - np.rint(scaled)) > 1e-6 + 1e-12 * np.abs(scaled))
        if wrong.size:
            row = int(model.index[wrong[0]])
            block = next((b for b in model.rows if b.start <= row < b.stop), None)
            name = f"rule `{block.name}`" if block is not None else f"row {row}"
            raise UnsupportedError(
                "DY4101",
                f"backend `cpsat` takes coefficients of at most six decimals; {name} has {model.value[wrong[0]]!r}",
                hints="use `--backend highs`",
            )

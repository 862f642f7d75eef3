"""OR-Tools MathOpt (GSCIP for integer programs, GLOP or PDLP for linear ones, Gurobi where licensed), in a process of its own."""

from __future__ import annotations

from typing import ClassVar

from dyocense_cli.adapters.solver.process import ProcessSolver, require

__all__ = ["MathOptSolver"]

require("ortools")


class MathOptSolver(ProcessSolver):
    """Linear and mixed-integer programs. `engine`: auto, gscip, glop, pdlp, cp_sat, highs, gurobi; ``--backend mathopt:pdlp``."""

    name: ClassVar[str] = "mathopt"
    library: ClassVar[str] = "ortools"
    child: ClassVar[str] = "dyocense_cli.adapters.solver.children.mathopt"
    features: ClassVar[frozenset[str]] = frozenset({"lp", "mip", "duals", "start", "nodes", "interrupt", "free"})

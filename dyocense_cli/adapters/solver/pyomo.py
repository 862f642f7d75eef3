"""Any solver that Pyomo knows, in a process of its own."""

from __future__ import annotations

from typing import ClassVar

from dyocense_cli.adapters.solver.process import ProcessSolver, require

__all__ = ["PyomoSolver"]

require("pyomo")


class PyomoSolver(ProcessSolver):
    """Linear and mixed-integer programs through a ConcreteModel. `engine` is Pyomo's name of a solver; ``--backend pyomo:cbc``."""

    name: ClassVar[str] = "pyomo"
    library: ClassVar[str] = "pyomo"
    child: ClassVar[str] = "dyocense_cli.adapters.solver.children.pyomo"
    features: ClassVar[frozenset[str]] = frozenset({"lp", "mip", "duals", "free"})

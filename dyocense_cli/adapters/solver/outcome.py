"""What every backend's answer has in common: empty models, contradictory bounds, status from objective and bound."""

from __future__ import annotations

import math

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.errors import InputError

__all__ = ["PROVED_GAP", "contradiction", "finite_or_none", "held", "nothing", "refuse_not_finite"]

#: relative gap below which a solution counts as proved optimal; HiGHS and CP-SAT stop at 1e-6 absolute by themselves
PROVED_GAP = 1e-6
_BOUND_TOLERANCE = 1e-9


def finite_or_none(value: float) -> float | None:
    """Return the value, or None where a solver says infinite or not a number."""
    return value if math.isfinite(value) else None


def refuse_not_finite(model: GroundModel) -> None:
    """Refuse coefficients, costs or bounds that are not numbers (DY2401)."""
    for what, array in (("cost", model.cost), ("coefficient", model.value)):
        if not np.isfinite(array).all():
            raise InputError(
                "DY2401",
                f"the model has a {what} that is not finite",
                hints="look for a missing or infinite value in the tables that the model binds",
            )
    for what, array in (
        ("bound of a variable", model.lower),
        ("bound of a variable", model.upper),
        ("limit of a rule", model.row_lower),
        ("limit of a rule", model.row_upper),
    ):
        if np.isnan(array).any():
            raise InputError(
                "DY2401",
                f"the model has a {what} that is not a number",
                hints="look for a missing value in the tables that the model binds",
            )


def contradiction(model: GroundModel) -> str | None:
    """Say which bounds contradict each other before any solver is asked, None if none do."""
    for what, low, high in (("variable", model.lower, model.upper), ("rule", model.row_lower, model.row_upper)):
        wrong = np.flatnonzero(low > high + _BOUND_TOLERANCE * (1.0 + np.abs(np.where(np.isfinite(high), high, 0.0))))
        if wrong.size:
            return f"{what} {int(wrong[0])} has its lower bound above its upper bound"
    if model.n_cols == 0:
        wrong = np.flatnonzero((model.row_lower > _BOUND_TOLERANCE) | (model.row_upper < -_BOUND_TOLERANCE))
        if wrong.size:
            return f"rule {int(wrong[0])} has no variables and does not hold"
    return None


def nothing(
    status: Status,
    termination: Termination,
    raw: str,
    *,
    backend: str,
    version: str,
    bound: float | None = None,
    reproducible: bool = True,
    seed: int = 0,
    threads: int = 1,
) -> Solution:
    """Return an answer that holds no plan."""
    return Solution(
        status,
        termination,
        None,
        bound,
        None,
        None,
        backend=backend,
        backend_version=version,
        raw_status=raw,
        reproducible=reproducible,
        seed=seed,
        threads=threads,
    )


def held(objective: float, bound: float | None, termination: Termination) -> tuple[Status, Termination, float | None]:
    """Return status, termination and gap of a plan that is held.

    A solver that stopped of its own accord proved its plan or reached the asked gap; which of the two, the numbers say.
    """
    gap = relative_gap(objective, bound)
    if termination in (Termination.PROVED, Termination.GAP_REACHED):
        if gap is not None and gap <= PROVED_GAP:
            return Status.OPTIMAL, Termination.PROVED, gap
        return Status.FEASIBLE, Termination.GAP_REACHED, gap
    return Status.FEASIBLE, termination, gap

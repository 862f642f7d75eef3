"""Recompute a solution from its OptiModel, whatever a solver says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Rule, Var
from dyocense_cli.artifacts.solution import CheckReport, Solution, Status, Violation, relative_gap
from dyocense_cli.defaults import number
from dyocense_cli.optimodel.evaluate import Evaluator, bounds, existing, split_columns

__all__ = ["check", "figures"]

#: most violations listed per family; the worst come first
_LISTED: Final = 10


def check(optimodel: OptiModel, solution: Solution) -> CheckReport:
    """Return what of a solution does not hold: bounds, integrality, rows, objective, claimed bound and gap; and its true figures.

    Notes
    -----
    Shares no code with grounding or any backend: values are put into the model's expressions, never into a matrix. A solution that
    holds nothing has nothing to check but the proof that nothing can be held.
    """
    if solution.x is None:
        unproved = tuple(_certified(optimodel, solution))
        return CheckReport(ok=not unproved, objective=None, worst=max((v.amount for v in unproved), default=0.0), violations=unproved)
    if not np.isfinite(solution.x).all():
        count = float(np.count_nonzero(~np.isfinite(solution.x)))
        return CheckReport(
            ok=False, objective=None, worst=count, violations=(Violation("bound", "values that are not finite", count, 0.0),)
        )
    values = split_columns(optimodel, solution.x)
    evaluator = Evaluator(optimodel, values)
    found = [*_columns(optimodel, values), *_integers(optimodel, values)]
    rows_checked = 0
    for rule in optimodel.rules:
        rows = evaluator.rows(rule)
        rows_checked += int(rows.exists.sum())
        allowed = number("check.feasibility_tolerance") * rows.scale
        found += _worst("row", rule, rows.violation, allowed, optimodel.dims)
    objective, terms = evaluator.objective()
    found += _claims(optimodel, solution, objective)
    found += _certified(optimodel, solution)
    return CheckReport(
        ok=not found,
        objective=objective,
        worst=max((v.amount for v in found), default=0.0),
        violations=tuple(found),
        terms=terms,
        kpis=figures(optimodel, evaluator),
        rows_checked=rows_checked,
    )


def figures(optimodel: OptiModel, evaluator: Evaluator) -> dict[str, float | Mapping[str, float]]:
    """Return every KPI: a number, or numbers by label (``MILK-1L``, ``MILK-1L,t2``); those that are not finite are left out."""
    kpis: dict[str, float | Mapping[str, float]] = {}
    for kpi in optimodel.kpis:
        named = evaluator.value(kpi.expr)
        dims = kpi.dims or named.dims
        data = named.over(dims, evaluator.sizes)
        if not dims:
            if np.isfinite(data):
                kpis[kpi.name] = float(data.reshape(()))
            continue
        kpis[kpi.name] = {_labels(dims, at, optimodel.dims): float(data[at]) for at in np.ndindex(data.shape) if np.isfinite(data[at])}
    return kpis


def _columns(model: OptiModel, values: Mapping[str, np.ndarray]) -> Iterator[Violation]:
    evaluator = Evaluator(model, {})
    for var in model.vars:
        low, high = bounds(model, var, evaluator)
        held = values[var.name]
        there = existing(model, var, evaluator)
        with np.errstate(invalid="ignore"):
            beyond = np.where(there, np.maximum(np.maximum(low - held, held - high), 0.0), 0.0)
        allowed = number("check.feasibility_tolerance") * (1.0 + np.abs(np.nan_to_num(held)))
        yield from _worst("bound", var, beyond, allowed, model.dims)


def _integers(model: OptiModel, values: Mapping[str, np.ndarray]) -> Iterator[Violation]:
    tolerance = number("check.integrality_tolerance")
    for var in model.vars:
        if var.type in ("int", "bool"):
            held = np.nan_to_num(values[var.name])
            yield from _worst("integrality", var, np.abs(held - np.rint(held)), np.full(held.shape, tolerance), model.dims)


def _worst(
    what: str, family: Rule | Var, amount: np.ndarray, allowed: np.ndarray, labels: Mapping[str, tuple[str, ...]]
) -> Iterator[Violation]:
    """Yield the largest violations of a family, worst first."""
    wrong = np.flatnonzero(amount > allowed)
    ranked = wrong[np.argsort(-amount.ravel()[wrong], kind="stable")][:_LISTED]
    for flat in ranked.tolist():
        at = np.unravel_index(flat, amount.shape) if family.dims else ()
        place = f"[{_labels(family.dims, at, labels)}]" if family.dims else ""
        yield Violation(what, family.name + place, float(amount.ravel()[flat]), float(np.broadcast_to(allowed, amount.shape).ravel()[flat]))


def _labels(dims: tuple[str, ...], at: Sequence[int | np.intp], labels: Mapping[str, tuple[str, ...]]) -> str:
    return ",".join(labels[d][int(i)] for d, i in zip(dims, at, strict=True))


def _claims(model: OptiModel, solution: Solution, objective: float) -> Iterator[Violation]:
    """Compare what the solver says of itself with what is so."""
    tolerance = number("check.objective_tolerance")
    allowed = tolerance * (1.0 + abs(objective))
    if solution.objective is None or abs(solution.objective - objective) > allowed:
        yield Violation("objective", "objective", abs((solution.objective or 0.0) - objective), allowed)
    if solution.bound is not None:
        beyond = solution.bound - objective if model.sense == "min" else objective - solution.bound
        if beyond > allowed:
            yield Violation("gap", "bound beyond the objective", beyond, allowed)
    true_gap = relative_gap(objective, solution.bound)
    if solution.gap is not None and (true_gap is None or true_gap > solution.gap + tolerance * 10.0):
        yield Violation("gap", "gap", (true_gap if true_gap is not None else 1.0) - solution.gap, tolerance * 10.0)
    if solution.status is Status.OPTIMAL and (true_gap is None or true_gap > tolerance * 10.0):
        yield Violation("gap", "claimed to be optimal", true_gap if true_gap is not None else 1.0, tolerance * 10.0)


def _certified(model: OptiModel, solution: Solution) -> Iterator[Violation]:
    """Prove the bound of a decomposed solution, or that no plan exists, again from its certificate."""
    impossible = any(key.startswith("role:proof:") for key in solution.certificate)
    if not solution.certificate or (solution.bound is None and not impossible):
        return
    # compiled kernels are imported on use: few solutions carry a certificate
    from dyocense_cli.kernel.check.branched import recompute_branched
    from dyocense_cli.kernel.check.certificate import Unprovable, recompute_bound

    claimed = 0.0 if solution.bound is None else solution.bound if model.sense == "min" else -solution.bound
    allowed = 1e-7 * (1.0 + abs(claimed))
    try:
        if solution.x is not None and "branched:least" in solution.certificate:
            proved = recompute_branched(model, solution.certificate, solution.x)
        else:
            proved = recompute_bound(model, solution.certificate, costs=not impossible)
    except Unprovable as reason:
        yield Violation("gap", f"certificate: {reason}", abs(claimed), allowed)
        return
    if impossible and proved <= 0.0:
        yield Violation("gap", "claimed to be impossible, which the certificate does not prove", -proved, 0.0)
    elif not impossible and claimed - proved > allowed:
        yield Violation("gap", "bound beyond what the certificate proves", claimed - proved, allowed)

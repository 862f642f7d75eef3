"""What a change would do: parameters dearer or cheaper, rules looser, a line not there; solved where that is affordable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Steps
from dyocense_cli.artifacts.plan import Plan, Sensitivity, Step
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.explain.knobs import coefficients, knobs, raising_loosens, turned
from dyocense_cli.kernel.explain.probe import without
from dyocense_cli.kernel.explain.words import amount, quantity
from dyocense_cli.optimodel.activity import rule_activities
from dyocense_cli.optimodel.derive import with_params
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["alternatives", "sensitivities"]

#: columns above which a change is estimated on the plan as it stands
_LARGE: Final = 5_000
_CHANGE: Final = 0.1
_LINES_SOLVED: Final = 2


def _limits(solution: Solution) -> SolveLimits:
    gap = max(1e-4, solution.gap or 0.0)
    work = 300.0 if solution.x is not None and solution.x.size <= 500 else 20.0
    return SolveLimits(time_s=20.0, gap=gap, nodes=200, work=work, seed=solution.seed, duals=False)


def sensitivities(
    model: OptiModel, ground: GroundModel, solution: Solution, values: Mapping[str, np.ndarray], lent: Lent
) -> Iterator[Sensitivity]:
    """Yield the change of the objective for tracked parameters 10 % up and down, binding rules 10 % looser, policy rules left out.

    A change is `resolved` when the changed model was solved to its gap; otherwise it is that of the same plan under the change.
    """
    for name in model.hints.sensitivities:
        if name in model.params:
            for factor in (1.0 + _CHANGE, 1.0 - _CHANGE):
                yield _parameter(model, solution, values, name, factor, lent=lent)
    if solution.x is not None and solution.x.size <= _LARGE:
        yield from _rules(model, solution, values, lent)
        yield from _policies(model, ground, solution, lent)


def _rules(model: OptiModel, solution: Solution, values: Mapping[str, np.ndarray], lent: Lent) -> Iterator[Sensitivity]:
    binding = {n for n, a in rule_activities(model, values).items() if a.pressing}
    for knob in knobs(model):
        gains = coefficients(knob) if knob.rule in binding else None
        if gains is None:
            continue
        looser = knob.value * (1.0 + _CHANGE if raising_loosens(gains) else 1.0 - _CHANGE)
        delta, resolved = _resolved(lent.ground(turned(knob, looser)), solution, lent)
        if delta is not None:
            yield Sensitivity(knob.rule, f"{quantity(knob.value, knob.unit)} -> {quantity(looser, knob.unit)}", delta, resolved)


def _policies(model: OptiModel, ground: GroundModel, solution: Solution, lent: Lent) -> Iterator[Sensitivity]:
    for rule in model.rules:
        if rule.source.startswith("policy:"):
            delta, resolved = _resolved(without(ground, {rule.name}), solution, lent)
            if delta is not None:
                yield Sensitivity(rule.origin or rule.name, "without it", delta, resolved)


def _parameter(
    model: OptiModel, solution: Solution, values: Mapping[str, np.ndarray], name: str, factor: float, *, lent: Lent
) -> Sensitivity:
    changed = with_params(model, {name: model.params[name].data * factor})
    change = f"{'+' if factor > 1 else '-'}{abs(factor - 1.0):.0%}".replace("%", " %")
    assert solution.objective is not None
    assert solution.x is not None
    if solution.x.size <= _LARGE:
        delta, resolved = _resolved(lent.ground(changed), solution, lent)
        if delta is not None:
            return Sensitivity(name, change, delta, resolved)
    delta = Evaluator(changed, values).objective()[0] - solution.objective
    return Sensitivity(name, change, delta, False)


def _resolved(ground: GroundModel, solution: Solution, lent: Lent) -> tuple[float | None, bool]:
    """Return the change of the objective when the model is solved again from the plan, and whether that was to the gap."""
    assert solution.objective is not None
    limits = _limits(solution)
    answer: Solution = lent.solve(ground, limits, start=solution.x)
    if answer.objective is None:
        return None, False
    return answer.objective - solution.objective, answer.gap is not None and answer.gap <= limits.gap + 1e-9


def alternatives(model: OptiModel, ground: GroundModel, solution: Solution, plan: Plan, lent: Lent) -> dict[str, str]:
    """Return, per line, the next-cheapest offer and its difference, and for the dearest lines what the plan costs without them."""
    steps = model.steps
    if steps is None or steps.price is None or solution.x is None:
        return {}
    found = _offers(model, steps, solution, plan)
    dearest = sorted(plan.steps, key=lambda s: (-(s.cost or 0.0), s.line))[:_LINES_SOLVED]
    if solution.x.size <= _LARGE:
        for step in dearest:
            delta = _without_line(ground, steps, step, solution, lent)
            if delta is not None:
                said = f"without this line the plan costs {amount(abs(delta))} {model.currency} {'more' if delta >= 0 else 'less'} (solved)"
                found[step.line] = "; ".join(p for p in (found.get(step.line, ""), said) if p)
    return {line: found[line] for line in sorted(found)}


def _offers(model: OptiModel, steps: Steps, solution: Solution, plan: Plan) -> dict[str, str]:
    assert steps.price is not None
    assert solution.x is not None
    evaluator = Evaluator(model, split_columns(model, solution.x))
    price = evaluator.array(steps.price, steps.dims)
    offered = evaluator.condition(steps.price).over(steps.dims, evaluator.sizes)
    axis = next((i for i, d in enumerate(steps.dims) if i > 0 and d not in model.ordered), None)
    if axis is None:
        return {}
    places = {d: {label: i for i, label in enumerate(model.dims[d])} for d in steps.dims}
    found = {}
    for step in plan.steps:
        at = tuple(places[d][step.keys[d]] for d in steps.dims)
        line = tuple(slice(None) if i == axis else v for i, v in enumerate(at))
        others = np.where(offered[line], price[line], np.inf)
        others[at[axis]] = np.inf
        best = int(np.argmin(others))
        if not np.isfinite(others[best]):
            found[step.line] = f"no other {steps.dims[axis]} offers it"
            continue
        delta = (float(others[best]) - float(price[at])) * step.qty
        found[step.line] = (
            f"next {steps.dims[axis]} is {model.dims[steps.dims[axis]][best]} at {amount(float(others[best]))}: "
            f"{'+' if delta >= 0 else '-'}{amount(abs(delta))} {model.currency} before lots and minimum orders"
        )
    return found


def _without_line(ground: GroundModel, steps: Steps, step: Step, solution: Solution, lent: Lent) -> float | None:
    """Return what the plan costs more when this line may not be ordered; None when there is no plan without it."""
    upper = ground.upper.copy()
    for block in ground.columns:
        if block.dims == steps.dims:
            place = np.array([ground.dims[d].index(step.keys[d]) for d in block.dims])
            here = block.start + np.flatnonzero((coordinates(block, ground.dims) == place[:, None]).all(axis=0))
            upper[here] = np.minimum(upper[here], np.maximum(ground.lower[here], 0.0))
    answer: Solution = lent.solve(replace(ground, upper=upper), _limits(solution))
    if answer.objective is None or solution.objective is None:
        return None
    return answer.objective - solution.objective

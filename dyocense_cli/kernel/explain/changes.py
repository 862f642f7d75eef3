"""What a change would do: parameters dearer or cheaper, rules looser, a line not there; solved where that is affordable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
from dyocense_cli.optimodel.offers import offers
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["Compared", "alternatives", "sensitivities"]

#: columns up to which a changed model is solved again with its whole numbers
_SMALL: Final = 5_000
#: columns above which not even its linear relaxation is solved again
_LARGE: Final = 100_000
#: gap of a plan within which a difference of two plans says something
_EXACT: Final = 1e-3
_CHANGE: Final = 0.1
_LINES_SOLVED: Final = 10


@dataclass(frozen=True, slots=True)
class Compared:
    """A solved model to compare changed ones with: its plan and its linear relaxation."""

    ground: GroundModel
    solution: Solution
    relaxed: Solution
    lent: Lent

    @property
    def is_exact(self) -> bool:
        """Whether a changed plan would be solved with its whole numbers: the model is small and its plan is proved."""
        x, gap = self.solution.x, self.solution.gap
        return x is not None and x.size <= _SMALL and gap is not None and gap <= _EXACT

    def delta(self, changed: GroundModel) -> tuple[float, bool] | None:
        """Return the change of the objective and whether it is that of proved plans; else it is that of the linear relaxations.

        Two plans within 2 % of their bounds may differ by as much for no reason; their relaxations do not. None when there is no answer.
        """
        if self.is_exact:
            answer: Solution = self.lent.solve(changed, self._limits(), start=self.solution.x)
            if answer.objective is not None and self.solution.objective is not None and answer.gap is not None and answer.gap <= _EXACT:
                return answer.objective - self.solution.objective, True
        if self.relaxed.objective is None or self.ground.n_cols > _LARGE:
            return None
        found: Solution = self.lent.solve(relaxed(changed), SolveLimits(time_s=20.0, duals=False))
        return None if found.objective is None else (found.objective - self.relaxed.objective, False)

    def _limits(self) -> SolveLimits:
        gap = max(1e-6, self.solution.gap or 0.0)
        work = 300.0 if self.ground.n_cols <= 500 else 40.0
        return SolveLimits(time_s=20.0, gap=gap, nodes=500, work=work, seed=self.solution.seed, duals=False)


def sensitivities(model: OptiModel, compared: Compared, values: Mapping[str, np.ndarray]) -> Iterator[Sensitivity]:
    """Yield the change of the objective for tracked parameters 10 % up and down, binding rules 10 % looser, policy rules left out.

    A change is `resolved` when the changed model was solved and proved; otherwise it is that of the linear relaxation.
    """
    for name, change, changed in (
        *_parameters(model, compared.lent),
        *_rules(model, values, compared.lent),
        *_policies(model, compared.ground),
    ):
        found = compared.delta(changed)
        if found is not None:
            yield Sensitivity(name, change, *found)


def _parameters(model: OptiModel, lent: Lent) -> Iterator[tuple[str, str, GroundModel]]:
    for name in model.hints.sensitivities:
        if name in model.params:
            for factor in (1.0 + _CHANGE, 1.0 - _CHANGE):
                change = f"{'+' if factor > 1 else '-'}{_CHANGE:.0%}".replace("%", " %")
                yield name, change, lent.ground(with_params(model, {name: model.params[name].data * factor}))


def _rules(model: OptiModel, values: Mapping[str, np.ndarray], lent: Lent) -> Iterator[tuple[str, str, GroundModel]]:
    binding = {n for n, a in rule_activities(model, values).items() if a.pressing}
    for knob in knobs(model):
        gains = coefficients(knob) if knob.rule in binding else None
        if gains is not None:
            looser = knob.value * (1.0 + _CHANGE if raising_loosens(gains) else 1.0 - _CHANGE)
            yield knob.rule, f"{quantity(knob.value, knob.unit)} -> {quantity(looser, knob.unit)}", lent.ground(turned(knob, looser))


def _policies(model: OptiModel, ground: GroundModel) -> Iterator[tuple[str, str, GroundModel]]:
    for rule in model.rules:
        if rule.source.startswith("policy:"):
            yield rule.origin or rule.name, "without it", without(ground, {rule.name})


def alternatives(model: OptiModel, compared: Compared, plan: Plan) -> dict[str, str]:
    """Return, per line, the next-cheapest offer and its difference, and for the dearest lines what the plan costs without them."""
    steps = model.steps
    if steps is None or steps.price is None or compared.solution.x is None:
        return {}
    found = _offers(model, steps, compared.solution, plan)
    for step in sorted(plan.steps, key=lambda s: (-(s.cost or 0.0), s.line))[:_LINES_SOLVED]:
        answer = compared.delta(_without_line(compared.ground, steps, step))
        if answer is not None:
            delta, is_proved = answer
            more = f"{amount(abs(delta))} {model.currency} {'more' if delta >= 0 else 'less'}"
            said = f"without this line the plan costs {more} ({'solved' if is_proved else 'by the linear relaxation'})"
            found[step.line] = "; ".join(p for p in (found.get(step.line, ""), said) if p)
    return {line: found[line] for line in sorted(found)}


def _offers(model: OptiModel, steps: Steps, solution: Solution, plan: Plan) -> dict[str, str]:
    assert solution.x is not None
    evaluator = Evaluator(model, split_columns(model, solution.x))
    offered, price = offers(evaluator, steps)
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


def _without_line(ground: GroundModel, steps: Steps, step: Step) -> GroundModel:
    """Return the model in which this line may not be ordered."""
    upper = ground.upper.copy()
    for block in ground.columns:
        if block.dims == steps.dims:
            place = np.array([ground.dims[d].index(step.keys[d]) for d in block.dims])
            here = block.start + np.flatnonzero((coordinates(block, ground.dims) == place[:, None]).all(axis=0))
            upper[here] = np.minimum(upper[here], np.maximum(ground.lower[here], 0.0))
    return replace(ground, upper=upper)

"""What a change would do: parameters dearer or cheaper, rules looser, a line not there; solved where that is affordable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Steps
from dyocense_cli.artifacts.plan import Plan, Sensitivity, Step
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.explain.binding import LARGE
from dyocense_cli.kernel.explain.knobs import coefficients, knobs, raising_loosens, turned
from dyocense_cli.kernel.explain.probe import without
from dyocense_cli.kernel.explain.replan import concerned, line_columns, replanned, within
from dyocense_cli.kernel.explain.words import amount, quantity
from dyocense_cli.optimodel.activity import rule_activities
from dyocense_cli.optimodel.derive import with_params
from dyocense_cli.optimodel.evaluate import Evaluator, join_columns, split_columns
from dyocense_cli.optimodel.offers import offers
from dyocense_cli.optimodel.programs import relaxed
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import pivots

__all__ = ["Compared", "alternatives", "sensitivities"]

#: columns up to which a changed model is solved again with its whole numbers
_SMALL: Final = 5_000
#: gap within which a plan of a changed model is as good as proved
_EXACT: Final = 1e-3
_CHANGE: Final = 0.1
_LINES_SOLVED: Final = 8
_NOT_FOUND: Final = "what the plan costs without this line was not found in counted work"


@dataclass(frozen=True, slots=True)
class _Change:
    """A changed model, in arrays, and the present plan over its columns."""

    ground: GroundModel
    plan: np.ndarray


@dataclass(frozen=True, slots=True)
class Compared:
    """A solved model to compare changed ones with: its plan and its linear relaxation."""

    model: OptiModel
    ground: GroundModel
    solution: Solution
    relaxed: Solution
    lent: Lent

    def changed(self, model: OptiModel) -> _Change:
        """Return a changed model with the present plan carried over by labels; 0 where it has no such column."""
        assert self.solution.x is not None
        values = split_columns(self.model, self.solution.x)
        held = {v.name: values[v.name] for v in model.vars}
        return _Change(self.lent.ground(model), np.nan_to_num(join_columns(model, held)))

    def same(self, ground: GroundModel) -> _Change:
        """Return a change that leaves the columns as they are."""
        assert self.solution.x is not None
        return _Change(ground, self.solution.x)

    def effect(self, name: str, change: str, to: _Change) -> tuple[Sensitivity | None, str]:
        """Return what a change does to the objective of the plan in hand.

        `delta` is that of the plan found after it, from the present one in counted work; the best plan after the change lies between
        `low` and `high`. Where no plan is found with whole numbers, `delta` is the difference of the linear relaxations and nothing is
        resolved; None when there is no answer. The text says why, and is empty where it is resolved.
        """
        old, sense = self.solution.objective, self.ground.sense
        if old is None:
            return None, "the plan has no objective"
        whole = self._whole(to)
        if whole is not None and whole.gap is not None and whole.gap <= max(_EXACT, self.solution.gap or 0.0):
            return _resolved(name, change, old, (whole.objective,), (whole.bound,), sense=sense), ""
        if self.relaxed.objective is None:
            return None, "not solved: there is no linear relaxation of the plan's own model to compare with"
        linear: Solution = self.lent.solve(relaxed(to.ground), SolveLimits(work=pivots(to.ground), duals=False))
        if linear.status is not Status.OPTIMAL or linear.objective is None or linear.x is None:
            return None, f"no answer: the linear relaxation ended with {linear.termination} ({linear.status})"
        dim = self.model.steps.dims[0] if self.model.steps is not None else None
        found = replanned(to.ground, to.plan, linear.x, self.lent, dim=dim, seed=self.solution.seed)
        plans = tuple(s.objective for s in (found, whole) if s is not None and s.objective is not None)
        if not plans:
            why = "no plan with whole numbers was found in counted work: the difference is that of the linear relaxations"
            return Sensitivity(name, change, linear.objective - self.relaxed.objective, False), why
        bounds = (linear.objective, None if whole is None else whole.bound)
        return _resolved(name, change, old, plans, bounds, sense=sense), ""

    def _whole(self, to: _Change) -> Solution | None:
        """Solve a small changed model as a whole, to the gap of the plan in hand, in counted work; None where it is large."""
        if to.ground.n_cols > _SMALL:
            return None
        gap = max(1e-6, self.solution.gap or 0.0)
        work = 300.0 if to.ground.n_cols <= 500 else 40.0
        limits = SolveLimits(gap=gap, nodes=500 if gap <= _EXACT else 50, work=work, seed=self.solution.seed, duals=False)
        answer: Solution = self.lent.solve(to.ground, limits, start=to.plan)
        return answer


def _resolved(
    name: str, change: str, old: float, plans: Iterable[float | None], bounds: Iterable[float | None], *, sense: str
) -> Sensitivity:
    """Return what the best of some plans and the best of some bounds say against the plan in hand."""
    sign = 1.0 if sense == "min" else -1.0
    delta = min(sign * p for p in plans if p is not None) - sign * old
    best = max((sign * b - sign * old for b in bounds if b is not None), default=delta)
    low, high = sorted((sign * min(best, delta), sign * delta))
    return Sensitivity(name, change, sign * delta, True, low, high)


@dataclass(frozen=True, slots=True)
class _Label:
    """A SKU whose lines are left out: its columns, its free whole numbers, and its best plan while others stand."""

    columns: np.ndarray
    free: np.ndarray
    best: Solution


def sensitivities(
    model: OptiModel, compared: Compared, values: Mapping[str, np.ndarray]
) -> tuple[tuple[Sensitivity, ...], tuple[str, ...]]:
    """Return the effect of tracked parameters 10 % up and down, binding rules 10 % looser, policy rules left out; and why what is not.

    None above `LARGE` columns.
    """
    if compared.ground.n_cols > LARGE:
        return (), (f"no change of the {compared.ground.n_cols:,} columns was solved, more than {LARGE:,}",)
    told: list[Sensitivity] = []
    unsaid: list[str] = []
    for name, change, to in (*_parameters(model, compared), *_rules(model, values, compared), *_policies(model, compared)):
        found, why = compared.effect(name, change, to)
        told += [found] if found is not None else []
        unsaid += [f"{name} {change}: {why}"] if why else []
    return tuple(told), tuple(unsaid)


def _parameters(model: OptiModel, compared: Compared) -> Iterator[tuple[str, str, _Change]]:
    for name in model.hints.sensitivities:
        if name in model.params:
            for factor in (1.0 + _CHANGE, 1.0 - _CHANGE):
                change = f"{'+' if factor > 1 else '-'}{_CHANGE:.0%}".replace("%", " %")
                yield name, change, compared.changed(with_params(model, {name: model.params[name].data * factor}))


def _rules(model: OptiModel, values: Mapping[str, np.ndarray], compared: Compared) -> Iterator[tuple[str, str, _Change]]:
    binding = {n for n, a in rule_activities(model, values).items() if a.pressing}
    for knob in knobs(model):
        gains = coefficients(knob) if knob.rule in binding else None
        if gains is not None:
            looser = knob.value * (1.0 + _CHANGE if raising_loosens(gains) else 1.0 - _CHANGE)
            change = f"{quantity(knob.value, knob.unit)} -> {quantity(looser, knob.unit)}"
            yield knob.rule, change, compared.changed(turned(knob, looser))


def _policies(model: OptiModel, compared: Compared) -> Iterator[tuple[str, str, _Change]]:
    for rule in model.rules:
        if rule.source.startswith("policy:"):
            yield rule.origin or rule.name, "without it", compared.same(without(compared.ground, {rule.name}))


def alternatives(model: OptiModel, compared: Compared, plan: Plan) -> dict[str, str]:
    """Return, per line, the next-cheapest offer and its difference; for the dearest lines what takes their place and what that costs."""
    steps = model.steps
    if steps is None or steps.price is None or compared.solution.x is None:
        return {}
    found = _offers(model, steps, compared.solution, plan)
    before: dict[str, _Label] = {}
    for step in sorted(plan.steps, key=lambda s: (-(s.cost or 0.0), s.line))[: _LINES_SOLVED if compared.ground.n_cols <= LARGE else 0]:
        said = _without_line(model, compared, steps, step, before)
        found[step.line] = "; ".join(p for p in (found.get(step.line, ""), said) if p)
    return {line: found[line] for line in sorted(found)}


def _without_line(model: OptiModel, compared: Compared, steps: Steps, step: Step, before: dict[str, _Label]) -> str:
    """Say what planning a line's SKU anew without it costs and orders in its place, all other whole numbers kept; solved both ways.

    What happens to other SKUs stands as well, unless no plan is found so: they do not feel each other but in common limits.
    """
    ground, seed, x = compared.ground, compared.solution.seed, compared.solution.x
    assert x is not None
    label = step.keys[steps.dims[0]]
    if label not in before:
        mine, free = concerned(ground, steps.dims[0], label, steps.dims)
        before[label] = _Label(mine | free, free, within(ground, x, free, compared.lent, seed=seed, start=x, moves=mine | free))
    base, free, mine = before[label].best, before[label].free, before[label].columns
    line = line_columns(ground, step.keys)
    barred = replace(ground, upper=np.where(line, np.maximum(ground.lower, 0.0), ground.upper))
    held = np.where(line, 0.0, x)
    other = within(barred, held, free, compared.lent, seed=seed, moves=mine)
    if other.x is None:
        other = within(barred, held, free, compared.lent, seed=seed)
        base = base if other.x is None else within(ground, x, free, compared.lent, seed=seed, start=x)
    if base.objective is None or other.objective is None:
        proved = other.status is Status.INFEASIBLE and base.x is not None
        return f"no plan without this line keeps all other orders than those of {label}" if proved else _NOT_FOUND
    delta = (other.objective - base.objective) * (1.0 if ground.sense == "min" else -1.0)
    more = f"{amount(abs(delta))} {model.currency} {'more' if delta >= 0 else 'less'}"
    return f"without this line the plan costs {more}{_instead(model, steps, step, base, other)} (solved, other orders kept)"


def _instead(model: OptiModel, steps: Steps, step: Step, base: Solution, other: Solution) -> str:
    """Return what is ordered more in place of a line: at most two offers and periods of its SKU."""
    assert base.x is not None
    assert other.x is not None
    ordered = [Evaluator(model, split_columns(model, s.x)).array(steps.quantity, steps.dims) for s in (base, other) if s.x is not None]
    at = model.dims[steps.dims[0]].index(step.keys[steps.dims[0]])
    more = np.nan_to_num(ordered[1][at] - ordered[0][at])
    most = [flat for flat in np.argsort(-more, axis=None, kind="stable")[:2].tolist() if more.flat[flat] > 0.5]
    named = []
    for flat in most:
        place = np.unravel_index(flat, more.shape)
        labels = [model.dims[d][int(i)] for d, i in zip(steps.dims[1:], place, strict=True) if len(model.dims[d]) > 1]
        named.append(f"{amount(float(more.flat[flat]))} from {' in '.join(labels)}")
    return f", with {' and '.join(named)} instead" if named else ""


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

"""What would make the nearest plan hold, where a search found none: each rule that it breaks, from its limit to what the plan needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.artifacts.plan import Relaxation, Way
from dyocense_cli.kernel.explain.knobs import Knob, coefficients, knobs, raising_loosens, setting, turned
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns

__all__ = ["nearest_way"]

_SLACK = 1e-6


def nearest_way(model: OptiModel, nearest: np.ndarray) -> Way | None:
    """Return the loosening under which the values `nearest` (float64[n_cols]) keep every rule, None where they need none.

    Law: a way that is `verified` has a plan, for `nearest` keeps every row of the loosened model.
    """
    values = split_columns(model, nearest)
    evaluator = Evaluator(model, values)
    broken = [rule for rule in model.rules if _broken(evaluator, rule).any()]
    found = knobs(model)
    relaxations: list[Relaxation] = []
    loosened, left, cost = model, {r.name for r in broken}, 0.0
    for knob in found:
        mine = [r for r in broken if r.name in knob.rules]
        to = _needed(evaluator, knob, mine) if mine else None
        if to is not None:
            relaxations.append(Relaxation(knob.rule, knob.value, to, knob.unit, setting(knob, to)))
            cost += knob.weight * abs(to - knob.value) / knob.scale
            loosened = turned(knob, to, loosened)
            left -= set(knob.rules)
    after = Evaluator(loosened, values)
    holds = not any(_broken(after, rule).any() for rule in loosened.rules if rule.name not in left)
    for rule in broken:
        if rule.name in left:
            relaxations += _limit(evaluator, rule)
    if not relaxations:
        return None
    return Way(tuple(relaxations), cost, holds, evaluator.objective()[0])


def _broken(evaluator: Evaluator, rule: Rule) -> np.ndarray:
    rows = evaluator.rows(rule)
    return np.asarray(rows.violation > _SLACK * rows.scale)


def _needed(evaluator: Evaluator, knob: Knob, broken: list[Rule]) -> float | None:
    """Return the knob's value at which its rules hold, rounded up to the last of seven digits; None where turning it does not tell."""
    gains = coefficients(knob)
    if gains is None:
        return None
    most = 0.0
    for rule in broken:
        rows = evaluator.rows(rule)
        rate = np.abs(gains[rule.name])
        if np.any((rows.violation > 0) & (rate == 0)):
            return None
        most = max(most, float(np.max(rows.violation / np.where(rate == 0, 1.0, rate))))
    step = 10.0 ** (np.floor(np.log10(max(abs(knob.value), most, 1e-9))) - 6)
    by = np.ceil(most / step) * step
    return float(f"{knob.value + by if raising_loosens(gains) else knob.value - by:.10g}")


def _limit(evaluator: Evaluator, rule: Rule) -> Iterator[Relaxation]:
    """Yield the worst row of a rule as its right side, from what it is to what it would have to be."""
    rows = evaluator.rows(rule)
    worst = int(np.argmax(rows.violation))
    limit, over = float(rows.right.ravel()[worst]), float(rows.violation.ravel()[worst])
    yield Relaxation(rule.name, limit, limit - over if rows.op == ">=" else limit + over, rule.unit)

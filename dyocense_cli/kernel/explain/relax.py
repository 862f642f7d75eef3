"""Ways out of a conflict: the least loosening over all rules that may be loosened, and one rule at a time; each verified by solving."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Relaxation, Way
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.explain.knobs import Knob, coefficients, knobs, raising_loosens, setting, turned
from dyocense_cli.kernel.explain.probe import PROBE, Answer, Prober
from dyocense_cli.ports import Lent

__all__ = ["ways"]

_DIGITS: Final = 4
_HALVINGS: Final = 14
_WAYS: Final = 6
#: a loosening is as good as the least when it is within a thousandth of it
_LEAST: Final = replace(PROBE, gap=1e-3)
_VERIFY: Final = replace(PROBE, gap=0.02, work=40.0)


@dataclass(frozen=True, slots=True)
class _Elastic:
    """A knob as a column: `gains` per rule and row, `direction` +1 if raising the value loosens."""

    knob: Knob
    gains: Mapping[str, np.ndarray]
    direction: float
    cap: float = math.inf

    @property
    def most(self) -> float:
        """How far it may be turned: a value above zero that loosens downwards ends at zero."""
        return min(self.cap, self.knob.value) if self.direction < 0 < self.knob.value else self.cap


def ways(model: OptiModel, prober: Prober) -> tuple[Way, ...]:
    """Return ways that make the model feasible, cheapest first.

    The cost of a way is, summed over its rules, the rule's relax cost times the share of its value by which it is loosened; a rule that is
    switched off counts as loosened by its whole value. Law: every way that is `verified` solves as its settings say.
    """
    found: list[Way] = []
    elastic: list[_Elastic] = []
    for knob in knobs(model):
        gains = coefficients(knob)
        if gains is not None and any(np.any(g != 0.0) for g in gains.values()):
            elastic.append(_Elastic(knob, gains, 1.0 if raising_loosens(gains) else -1.0))
        else:
            found += _by_trying(model, knob, prober)
    together = _least(model, prober, elastic)
    alone = together.relaxations[0].rule if together is not None and len(together.relaxations) == 1 else None
    found += [together] if together is not None else []
    for one in elastic if len(elastic) > 1 else []:
        way = _least(model, prober, [one]) if one.knob.rule != alone else None
        found += [way] if way is not None else []
    found += _shared(model, prober, elastic, found)
    ranked = sorted(found, key=lambda w: (not w.verified, w.cost, len(w.relaxations)))
    distinct: dict[tuple[str, ...], Way] = {}
    for way in ranked:
        distinct.setdefault(tuple(r.rule for r in way.relaxations), way)
    return tuple(distinct.values())[:_WAYS]


def _shared(model: OptiModel, prober: Prober, elastic: Sequence[_Elastic], found: Sequence[Way]) -> list[Way]:
    """Return the way in which the two cheapest rules give: half of what the first alone would give, and the least of the second."""
    single = {w.relaxations[0].rule: w for w in sorted(found, key=lambda w: w.cost) if w.verified and len(w.relaxations) == 1}
    pair = [e for rule in single for e in elastic if e.knob.rule == rule][:2]
    if len(pair) < 2 or any(len(w.relaxations) > 1 for w in found):
        return []
    first = single[pair[0].knob.rule].relaxations[0]
    way = _least(model, prober, [replace(pair[0], cap=0.5 * abs(first.to - first.from_)), pair[1]])
    return [way] if way is not None and len(way.relaxations) == 2 else []


def _least(model: OptiModel, prober: Prober, chosen: Sequence[_Elastic]) -> Way | None:
    """Return the cheapest loosening of the chosen knobs, None when even that is not enough."""
    if not chosen:
        return None
    program = _program(prober.ground, chosen)
    answer: Solution = prober.lent.solve(program, _LEAST)
    if answer.x is None:
        return None
    amounts = answer.x[prober.ground.n_cols :]
    turns = [(e, _outward(e, float(a))) for e, a in zip(chosen, amounts, strict=True) if a > 1e-9 * e.knob.scale]
    if not turns:
        return None
    for _ in range(3):
        way = _verified(model, [(e.knob, to) for e, to in turns], prober.lent, start=answer.x[: prober.ground.n_cols])
        if way.verified:
            return way
        turns = [(e, _outward(e, abs(to - e.knob.value) + _step(to))) for e, to in turns]
    return way


def _program(ground: GroundModel, chosen: Sequence[_Elastic]) -> GroundModel:
    """Return the model with one column per knob, and only those cost."""
    index, value, ends = [ground.index], [ground.value], [ground.start[-1]]
    for elastic in chosen:
        rows, gains = _entries(ground, elastic)
        index.append(rows.astype(ground.index.dtype))
        value.append(gains)
        ends.append(ends[-1] + rows.size)
    extra = len(chosen)
    sign = 1.0 if ground.sense == "min" else -1.0
    cost = np.array([sign * max(e.knob.weight, 1e-3) / e.knob.scale for e in chosen])
    return replace(
        ground,
        offset=0.0,
        cost=np.concatenate([np.zeros(ground.n_cols), cost]),
        lower=np.concatenate([ground.lower, np.zeros(extra)]),
        upper=np.concatenate([ground.upper, [e.most for e in chosen]]),
        integrality=np.concatenate([ground.integrality, np.zeros(extra, dtype=np.uint8)]),
        start=np.concatenate([ground.start, np.array(ends[1:], dtype=ground.start.dtype)]),
        index=np.concatenate(index),
        value=np.concatenate(value),
    )


def _entries(ground: GroundModel, elastic: _Elastic) -> tuple[np.ndarray, np.ndarray]:
    rows, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for block in ground.rows:
        if block.name in elastic.gains:
            gain = np.abs(_of_rows(elastic.gains[block.name], block))
            place = np.arange(block.start, block.stop)
            upper = np.isfinite(ground.row_upper[place]) & ~np.isfinite(ground.row_lower[place])
            lower = np.isfinite(ground.row_lower[place]) & ~np.isfinite(ground.row_upper[place])
            used = (gain > 0.0) & (upper | lower)
            rows.append(place[used])
            values.append(np.where(upper, -gain, gain)[used])
    return np.concatenate(rows), np.concatenate(values)


def _of_rows(data: np.ndarray, block: Block) -> np.ndarray:
    return data.ravel() if block.coords is None else data[tuple(block.coords)]


def _step(to: float) -> float:
    """Return the unit of the last digit that is shown."""
    return float(10.0 ** (math.floor(math.log10(abs(to))) - _DIGITS + 1)) if to else 1e-4


def _outward(elastic: _Elastic, by: float) -> float:
    """Return the knob's new value, rounded away from the old one."""
    to = elastic.knob.value + elastic.direction * by
    step = _step(to)
    rounded = math.ceil(to / step - 1e-6) * step if elastic.direction > 0 else math.floor(to / step + 1e-6) * step
    rounded = float(f"{rounded:.10g}")
    return max(rounded, 0.0) if elastic.direction < 0 <= elastic.knob.value else rounded


def _by_trying(model: OptiModel, knob: Knob, prober: Prober) -> Iterator[Way]:
    """Yield the way of a knob whose effect depends on the plan: the least turn found by halving, or the rule switched off."""
    if prober.without(knob.rules) is not Answer.FEASIBLE:
        return
    if knob.param is None:
        yield _verified(model, [(knob, 0.0)], prober.lent)
        return
    far = next((v for v in _extremes(knob) if _holds(model, knob, v, prober) is Answer.FEASIBLE), None)
    if far is None:
        return
    near = knob.value
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        if _holds(model, knob, middle, prober) is Answer.FEASIBLE:
            far = middle
        else:
            near = middle
    step = _step(far) * (1.0 if far > knob.value else -1.0)
    for to in (float(f"{round(far / step + 0.5) * step:.10g}"), far):
        way = _verified(model, [(knob, to)], prober.lent)
        if way.verified:
            yield way
            return


def _extremes(knob: Knob) -> tuple[float, ...]:
    high = 1.0 if 0.0 <= knob.value <= 1.0 else 10.0 * knob.value
    return (0.0, high)


def _holds(model: OptiModel, knob: Knob, value: float, prober: Prober) -> Answer:
    return prober.feasible(prober.lent.ground(turned(knob, value, model)))


def _verified(model: OptiModel, turns: Sequence[tuple[Knob, float]], lent: Lent, *, start: np.ndarray | None = None) -> Way:
    """Solve the model with the knobs turned, from a plan that should fit it, and say what came of it."""
    loosened = model
    for knob, to in turns:
        loosened = turned(knob, to, loosened)
    answer: Solution = lent.solve(lent.ground(loosened), _VERIFY, start=start)
    cost = sum(knob.weight * abs(to - knob.value) / knob.scale for knob, to in turns)
    relaxations = tuple(Relaxation(k.rule, k.value, to, k.unit, setting(k, to)) for k, to in turns)
    return Way(relaxations, cost, answer.x is not None, answer.objective)

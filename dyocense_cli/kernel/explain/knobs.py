"""Knobs: the number or switch of a rule that a planner can turn, and the model with it turned.

A knob is the setting of a limit (``limits.budget.max``), the number in a goal's own constraint, or, where there is neither, the whole rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule
from dyocense_cli.optimodel.activity import family, is_negotiable
from dyocense_cli.optimodel.evaluate import Evaluator, param_values
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Node, Num
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.reach import setting_param

__all__ = ["Knob", "coefficients", "knobs", "raising_loosens", "setting", "turned"]


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing to turn: `param` is the scalar parameter that holds the value, None for a rule that can only be switched off.

    `weight` is what loosening it by its whole value costs. `model` is the planned one, with a literal lifted into a parameter where needed.
    """

    rule: str
    rules: tuple[str, ...]
    param: str | None
    value: float
    unit: str | None
    weight: float
    path: str
    model: OptiModel

    @property
    def scale(self) -> float:
        """Size of the value, for comparing knobs of different units."""
        return max(abs(self.value), 1e-6) if self.value else 1.0


def knobs(model: OptiModel) -> tuple[Knob, ...]:
    """Return one knob per rule that may be loosened, in the order of the model."""
    families: dict[str, list[Rule]] = {}
    for rule in model.rules:
        if is_negotiable(rule):
            families.setdefault(family(rule), []).append(rule)
    return tuple(_knob(model, name, rules) for name, rules in families.items())


def _knob(model: OptiModel, name: str, rules: Sequence[Rule]) -> Knob:
    first = rules[0]
    weight = float(first.relax if first.relax is not None else 1.0)
    names = tuple(r.name for r in rules)
    param = setting_param(model, rules)
    if param is not None:
        assert first.limit is not None
        path = f"limits.{first.limit}.{param.removeprefix(first.limit + '_')}"
        value = float(param_values(model.params[param], {})[0].reshape(()))
        return Knob(name, names, param, value, model.params[param].unit, weight, path, model)
    if first.limit is None:
        lifted = _lifted(model, first)
        if lifted is not None:
            return Knob(
                name, names, f"{first.name}_limit", lifted[1], first.unit, weight, f"constraints.{first.name}.expression", lifted[0]
            )
    path = f"limits.{first.limit}" if first.limit is not None else f"constraints.{first.name}"
    return Knob(name, names, None, 1.0, None, weight, path, model)


def _lifted(model: OptiModel, rule: Rule) -> tuple[OptiModel, float] | None:
    """Return the model in which the limit's number is a parameter ``{rule}_limit``, and that number."""
    tree = parse(rule.expr)
    if not isinstance(tree, Compare):
        return None
    name = f"{rule.name}_limit"
    match tree.right:
        case Num(value):
            right: Node = Name(name)
        case Binary("*", Num(value), other):
            right = Binary("*", Name(name), other)
        case _:
            return None
    changed = replace(rule, expr=show(replace(tree, right=right)))
    rules = tuple(changed if r.name == rule.name else r for r in model.rules)
    return replace(model, rules=rules, params={**model.params, name: Param((), np.array(value))}), value


def turned(knob: Knob, value: float, model: OptiModel | None = None) -> OptiModel:
    """Return the model with the knob at a value; a switch at 0 leaves its rules out."""
    model = model or knob.model
    if knob.param is None:
        return replace(model, rules=tuple(r for r in model.rules if value != 0.0 or r.name not in knob.rules))
    params = dict(model.params)
    if knob.param not in params:  # the model of another knob: lift this one's literal into it as well
        model = replace(
            model, rules=tuple(next((k for k in knob.model.rules if k.name == r.name and r.name in knob.rules), r) for r in model.rules)
        )
        params[knob.param] = knob.model.params[knob.param]
    params[knob.param] = replace(params[knob.param], data=np.array(float(value)))
    return replace(model, params=params)


def coefficients(knob: Knob) -> dict[str, np.ndarray] | None:
    """Return, per rule, how far each row loosens per unit of the knob (bool rows that do not exist hold 0).

    None when that depends on the plan (a share of spend, say) or differs in sign between rows, and for a switch: only trying tells then.
    """
    if knob.param is None:
        return None
    here, there = Evaluator(turned(knob, knob.value), {}), Evaluator(turned(knob, knob.value + 1.0), {})
    ones = {v.name: np.ones(tuple(here.sizes[d] for d in v.dims)) for v in knob.model.vars}
    here_one, there_one = Evaluator(turned(knob, knob.value), ones), Evaluator(turned(knob, knob.value + 1.0), ones)
    found: dict[str, np.ndarray] = {}
    for rule in knob.model.rules:
        if rule.name not in knob.rules:
            continue
        moved = _gain(here, there, rule)
        if not np.allclose(moved, _gain(here_one, there_one, rule), rtol=1e-9, atol=1e-9):
            return None
        found[rule.name] = moved
    flat = np.concatenate([a.ravel() for a in found.values()])
    return found if (flat >= -1e-12).all() or (flat <= 1e-12).all() else None


def raising_loosens(gains: dict[str, np.ndarray]) -> bool:
    """Say whether a higher value of the knob loosens its rows."""
    return max(float(g.max(initial=0.0)) for g in gains.values()) > 0.0


def _gain(here: Evaluator, there: Evaluator, rule: Rule) -> np.ndarray:
    before, after = here.rows(rule), there.rows(rule)
    gain = after.slack - before.slack
    return np.asarray(np.where(before.exists, gain, 0.0))


def setting(knob: Knob, value: float) -> str:
    """Return what `--set` takes to turn the knob to a value: ``limits.budget.max=8320EUR``."""
    if knob.param is None:
        return f"{knob.path}={'false' if knob.path.startswith('limits.') else 'null'}"
    if knob.path.endswith(".expression"):
        rule = next(r for r in knob.model.rules if r.name in knob.rules)
        tree = parse(rule.expr)
        assert isinstance(tree, Compare)
        number = Num(value)
        right = number if isinstance(tree.right, Name) else replace(tree.right, left=number)  # type: ignore[arg-type]  # _lifted made it
        return f"{knob.path}={show(replace(tree, right=right))}"
    if knob.unit in ("fraction", "%"):
        return f"{knob.path}={_number(value * 100.0)}%"
    return f"{knob.path}={_number(value)}{knob.unit or ''}"


def _number(value: float) -> str:
    return f"{value:.10g}"

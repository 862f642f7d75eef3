"""Limits in the goal's own terms: not how many units are short, but the fill rate that is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.artifacts.plan import Reached
from dyocense_cli.optimodel.activity import family
from dyocense_cli.optimodel.evaluate import Evaluator, param_values
from dyocense_cli.optimodel.expr.nodes import Name, walk
from dyocense_cli.optimodel.expr.parser import parse

__all__ = ["reached", "setting_param"]


def setting_param(model: OptiModel, rules: Sequence[Rule]) -> str | None:
    """Return the setting of the rules' limit that stands in their expressions, the bound (``max``, ``min``) before others."""
    prefix = f"{rules[0].limit}_"
    used = {n.id for r in rules for n in walk(parse(r.expr)) if isinstance(n, Name)}
    found = sorted(n for n in used if n.startswith(prefix) and n in model.params and model.params[n].dims == ())
    bounds = [n for n in found if n in (prefix + "max", prefix + "min")]
    best = bounds or found
    return best[0] if best else None


def reached(model: OptiModel, values: Mapping[str, np.ndarray]) -> dict[str, Reached]:
    """Return, per limit whose rows are linear in its setting, the strictest setting that the plan still meets.

    A row's slack is an affine function of the setting; where it is 0 the row is at its limit. Rows that a chance rule gives up are looser
    than any other and do not count. Rules whose rows hang on further variables of a risk measure have no such setting and are left out.
    """
    families: dict[str, list[Rule]] = {}
    for rule in model.rules:
        if rule.limit is not None:
            families.setdefault(family(rule), []).append(rule)
    found = {}
    for name, rules in families.items():
        param = setting_param(model, rules)
        one = None if param is None else _reached(model, values, [r for r in rules if param in _names(r)], param)
        if one is not None:
            found[name] = one
    return found


def _names(rule: Rule) -> set[str]:
    return {n.id for n in walk(parse(rule.expr)) if isinstance(n, Name)}


def _reached(model: OptiModel, values: Mapping[str, np.ndarray], rules: Sequence[Rule], param: str) -> Reached | None:
    risky = {v.name for v in model.vars if v.origin == "hold" and v.type != "bool"}
    if any(_names(r) & risky for r in rules):
        return None
    asked = float(param_values(model.params[param], {})[0].reshape(()))
    step = max(abs(asked), 1.0)
    moved = replace(model, params={**model.params, param: replace(model.params[param], data=np.array(asked + step))})
    settings: list[np.ndarray] = []
    for rule in rules:
        here, there = Evaluator(model, values).rows(rule), Evaluator(moved, values).rows(rule)
        slope = (there.slack - here.slack) / step
        counts = here.exists & (np.abs(slope) > 1e-12) & (here.op != "==")
        with np.errstate(divide="ignore", invalid="ignore"):
            settings.append(np.stack([asked - here.slack / slope, slope])[:, counts])
    both = np.concatenate(settings, axis=1) if settings else np.zeros((2, 0))
    if not both.shape[1] or (both[1] > 0).any() == (both[1] < 0).any():
        return None
    is_most = bool((both[1] > 0).all())
    value = float(both[0].max() if is_most else both[0].min())
    return Reached(value, asked, "<=" if is_most else ">=", model.params[param].unit or "")

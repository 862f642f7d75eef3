"""Where each rule stands in a plan: its tightest row, its price, whether it holds the plan back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.defaults import number
from dyocense_cli.optimodel.evaluate import Evaluator, RowValues

__all__ = ["RuleActivity", "family", "is_negotiable", "is_stated", "pressing", "rule_activities", "shown_rules", "split_rows"]


@dataclass(frozen=True, slots=True)
class RuleActivity:
    """A planner's rule in numbers: its tightest row, where that row is, and the price of its dearest row.

    `price` is what the objective gains per unit of the row's limit that is loosened, ≥ 0 for an inequality; for an equality the change
    of the objective per unit of its right-hand side. `pressing` counts rows at their limit that some variable takes part in.
    """

    name: str
    rule: Rule
    activity: float
    limit: float
    slack: float
    labels: Mapping[str, str]
    op: str
    price: float
    priced_row: int | None
    pressing: int
    rows: int
    #: the limit is written on the left
    swapped: bool = False


#: Sources of rules that a planner or a policy wrote.
_STATED: Final = ("goal:/limits", "goal:/constraints", "goal:/max_churn", "goal:/freeze", "policy:")


def family(rule: Rule) -> str:
    """Return the name of the planner's rule that a row family came from."""
    return rule.origin or rule.name


def is_stated(rule: Rule) -> bool:
    """Say whether a planner or a policy wrote the rule, rather than the model: it sets a limit or stands in the goal."""
    return rule.limit is not None or rule.source.startswith(_STATED)


def shown_rules(model: OptiModel) -> frozenset[str]:
    """Return the families that a planner is shown: stated ones and those that the goal tracks; all where nobody stated any."""
    stated = {family(r) for r in model.rules if is_stated(r)}
    return frozenset(stated | set(model.hints.track)) if stated else frozenset(family(r) for r in model.rules)


def is_negotiable(rule: Rule) -> bool:
    """Say whether loosening the rule may be suggested."""
    return rule.relax is not None and is_stated(rule) and not rule.source.startswith("policy:")


def split_rows(model: OptiModel, row_values: np.ndarray | None, all_rows: Mapping[str, RowValues]) -> dict[str, np.ndarray]:
    """Return per-rule arrays of a row vector, NaN where there is no row; empty when its length is not that of the model's rows.

    Row order is a law: rules in the order of the model, rows that exist in C order of the rule's dims.
    """
    if row_values is None or sum(int(r.exists.sum()) for r in all_rows.values()) != row_values.size:
        return {}
    found: dict[str, np.ndarray] = {}
    at = 0
    for rule in model.rules:
        there = all_rows[rule.name].exists
        count = int(there.sum())
        data = np.full(there.shape, np.nan)
        data[there] = row_values[at : at + count]
        found[rule.name] = data
        at += count
    return found


def pressing(rows: RowValues, idle: RowValues) -> np.ndarray:
    """Return which rows of an inequality are at their limit and have a variable that is not zero; `idle` is the rule with all at zero."""
    if rows.op == "==":
        return np.zeros(rows.exists.shape, dtype=bool)
    tight = rows.slack <= number("check.feasibility_tolerance") * rows.scale
    moved = np.abs(rows.left - idle.left) + np.abs(rows.right - idle.right) > 1e-9
    return np.asarray(rows.exists & tight & moved)


def rule_activities(model: OptiModel, values: Mapping[str, np.ndarray], row_dual: np.ndarray | None = None) -> dict[str, RuleActivity]:
    """Return each planner's rule that has rows, in the order of the model."""
    here, idle = Evaluator(model, values), Evaluator(model, {})
    all_rows = {rule.name: here.rows(rule) for rule in model.rules}
    duals = split_rows(model, row_dual, all_rows)
    found: dict[str, RuleActivity] = {}
    for rule in model.rules:
        rows = all_rows[rule.name]
        if not rows.exists.any():
            continue
        one = _activity(model, rule, rows, idle.rows(rule), duals.get(rule.name))
        before = found.get(one.name)
        found[one.name] = one if before is None else _joined(before, one)
    return found


def _activity(model: OptiModel, rule: Rule, rows: RowValues, idle: RowValues, dual: np.ndarray | None) -> RuleActivity:
    press = pressing(rows, idle)
    closeness = np.where(rows.exists, rows.slack / rows.scale, np.inf)
    if press.any():
        closeness = np.where(press, closeness, np.inf)
    flat = int(np.argmin(closeness))
    at = np.unravel_index(flat, closeness.shape) if rule.dims else ()
    left, right = float(rows.left.ravel()[flat]), float(rows.right.ravel()[flat])
    swapped = np.array_equal(rows.left, idle.left) and not np.array_equal(rows.right, idle.right)
    if swapped:
        left, right = right, left
    price, row = _price(rows, dual)
    labels = {d: model.dims[d][int(i)] for d, i in zip(rule.dims, at, strict=True)}
    return RuleActivity(
        name=family(rule),
        rule=rule,
        activity=left,
        limit=right,
        slack=float(rows.slack.ravel()[flat]),
        labels=labels,
        op=rows.op,
        price=price,
        priced_row=row,
        pressing=int(press.sum()),
        rows=int(rows.exists.sum()),
        swapped=swapped,
    )


def _price(rows: RowValues, dual: np.ndarray | None) -> tuple[float, int | None]:
    if dual is None:
        return 0.0, None
    prices = np.where(rows.exists, dual, 0.0)
    flat = int(np.argmax(np.abs(prices)))
    value = float(prices.ravel()[flat])
    row = int(np.count_nonzero(rows.exists.ravel()[:flat]))
    if rows.op != "==":
        value = abs(value)
    return (value if abs(value) > 1e-9 else 0.0), row


def _joined(one: RuleActivity, other: RuleActivity) -> RuleActivity:
    """Return a family's activity: that of the rule it is named after, at its limit where any of its rules is."""
    first = other if other.rule.name == other.name else one
    return replace(first, pressing=one.pressing + other.pressing, rows=one.rows + other.rows)

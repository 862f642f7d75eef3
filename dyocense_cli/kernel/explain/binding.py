"""Rules at their limit, what one more unit of each would save, and over which range that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import BindingRule
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.explain.words import sentence
from dyocense_cli.optimodel.activity import RuleActivity, rule_activities, shown_rules
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.optimodel.members import member_name
from dyocense_cli.optimodel.programs import relaxed, with_integers_fixed
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import pivots

__all__ = ["LARGE", "binding_rules", "reduced_costs", "relaxation"]

_SHOWN = 20
#: columns above which no linear relaxation is solved to explain a plan
LARGE: Final = 100_000


def relaxation(ground: GroundModel, solution: Solution, lent: Lent) -> tuple[Solution, tuple[str, ...]]:
    """Return the linear relaxation with its duals, and no note; the solution itself where the model has no integers.

    Above `LARGE` columns it is not solved: the solution itself is returned, and a note that says so.
    """
    if not ground.integrality.any():
        return solution, ()
    if ground.n_cols > LARGE:
        note = f"the linear relaxation of {ground.n_cols:,} columns was not solved, more than {LARGE:,}: prices are for fixed integers"
        return solution, (note,)
    return lent.solve(relaxed(ground), SolveLimits(gap=0.0, work=pivots(ground))), ()


def binding_rules(
    model: OptiModel, ground: GroundModel, solution: Solution, linear: Solution, *, lent: Lent
) -> tuple[tuple[BindingRule, ...], tuple[str, ...]]:
    """Return rules at their limit, tracked ones first and then the dearest, and notes on where their prices are from.

    A price comes from the program whose integers are fixed. A rule on whole lots alone has none there; its price is that of the linear
    relaxation, which a note says.
    """
    assert solution.x is not None
    values = split_columns(model, solution.x)
    shown = shown_rules(model)
    pressing = {n: a for n, a in rule_activities(model, values, solution.row_dual).items() if a.pressing and n in shown}
    unpriced = [n for n, a in pressing.items() if a.price == 0.0]
    ranges = _ranges(ground, solution, lent) if len(unpriced) < len(pressing) else None
    notes: tuple[str, ...] = ()
    if unpriced and linear.row_dual is not None:
        prices = {n: a.price for n, a in rule_activities(model, values, linear.row_dual).items()}
        pressing = {n: replace(a, price=prices.get(n, 0.0), priced_row=None) if n in unpriced else a for n, a in pressing.items()}
        moved = [n for n in unpriced if prices.get(n)]
        if moved:
            notes = (f"prices of {', '.join(moved)} are those of the linear relaxation: the plan meets these rules in whole lots",)
    starts = {block.name: block.start for block in ground.rows}
    rules = [_binding(model, a, ranges, starts) for a in pressing.values()]
    tracked = model.hints.track
    return tuple(sorted(rules, key=lambda b: (b.name not in tracked, -abs(b.price), b.name))), notes


def _ranges(ground: GroundModel, solution: Solution, lent: Lent) -> tuple[np.ndarray, np.ndarray] | None:
    """Return how far each row's limit may fall and rise while its price holds, from the program with integers fixed."""
    assert solution.x is not None
    answer: Solution = lent.solve(with_integers_fixed(ground, solution.x), SolveLimits(gap=0.0, work=pivots(ground), ranging=True))
    low, high = answer.certificate.get("row_range_low"), answer.certificate.get("row_range_high")
    if low is None or high is None or answer.row_dual is None:
        return None
    limit = np.where(np.isfinite(ground.row_upper), ground.row_upper, ground.row_lower)
    # an infinite range is a range without end, not a number
    with np.errstate(invalid="ignore"):
        return low - limit, high - limit


def _binding(model: OptiModel, a: RuleActivity, ranges: tuple[np.ndarray, np.ndarray] | None, starts: Mapping[str, int]) -> BindingRule:
    low = high = None
    if ranges is not None and a.priced_row is not None and a.rows == 1 and a.rule.name in starts:
        row = starts[a.rule.name] + a.priced_row
        fall, rise = float(ranges[0][row]), float(ranges[1][row])
        if a.swapped:
            fall, rise = -rise, -fall
        low = a.limit + fall if np.isfinite(fall) and abs(fall) < 1e29 else None
        high = a.limit + rise if np.isfinite(rise) and abs(rise) < 1e29 else None
    numbers = {"activity": a.activity, "limit": a.limit, "slack": a.slack, "price": a.price}
    return BindingRule(
        name=a.name,
        activity=a.activity,
        limit=a.limit,
        slack=a.slack,
        price=a.price,
        unit=a.rule.unit,
        sentence=sentence(a.rule, a.labels, numbers, currency=model.currency),
        source=a.rule.source,
        low=low,
        high=high,
    )


def reduced_costs(model: OptiModel, ground: GroundModel, solution: Solution, linear: Solution) -> dict[str, float]:
    """Return what one unit of each stage-1 column that is zero would cost, the largest twenty, by name ``lots[MILK,S1,t1]``.

    Costs are those of the linear relaxation, in which limits on whole lots have prices too.
    """
    if linear.col_dual is None or solution.x is None:
        return {}
    stage = {v.name: v.stage for v in model.vars}
    found: list[tuple[float, str]] = []
    for block in ground.columns:
        if stage[block.name] != 1:
            continue
        dual, held = linear.col_dual[block.start : block.stop], solution.x[block.start : block.stop]
        idle = np.flatnonzero((np.abs(held) < 1e-9) & (np.abs(dual) > 1e-9))
        found.extend((float(dual[at]), member_name(block, at, ground.dims)) for at in idle.tolist())
    found.sort(key=lambda f: (-abs(f[0]), f[1]))
    return {name: value for value, name in found[:_SHOWN]}

"""What changed between two plans, line by line: added, removed, moved, resized, repriced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dyocense_cli.artifacts.plan import Plan, Step

__all__ = ["LineChange", "PlanDiff", "diff_plans", "patch"]

#: Smaller differences of a quantity, price or cost are rounding of a solver (absolute, in units or currency).
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class LineChange:
    """One order line that differs: ``added``, ``removed``, ``moved`` (another period), ``resized``, ``repriced``.

    `old` and `new` are the lines themselves, None where there is none; `cost` is the difference in the plan's currency, `service` that of
    the fill rate of what is ordered (a share of its demand), None where the plans do not tell it.
    """

    what: str
    old: Step | None
    new: Step | None
    cost: float
    service: float | None = None

    @property
    def keys(self) -> Mapping[str, str]:
        """What is ordered, from whom, for where."""
        step = self.new if self.new is not None else self.old
        assert step is not None
        return {k: v for k, v in step.keys.items() if k != "period"}


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """All line changes and the figures that differ: (name, was, is), `spend` the difference of all lines' costs.

    `turned` is what was ordered more and less, in lots where lines have them, as a share of what the earlier plan ordered: what a cap on
    churn bounds.
    """

    changes: tuple[LineChange, ...]
    kpis: tuple[tuple[str, float | None, float | None], ...]
    objective: tuple[float | None, float | None]
    spend: float
    unchanged: int
    turned: float | None = None

    @property
    def churn(self) -> float:
        """Share of lines that changed, of all lines of both plans taken together; 0 when nothing is ordered."""
        lines = len(self.changes) + self.unchanged
        return len(self.changes) / lines if lines else 0.0


def diff_plans(old: Plan, new: Plan) -> PlanDiff:
    """Return the differences of two plans, in the order of their keys and periods.

    Laws: `patch(old, diff)` has the lines of `new`; the costs of the changes sum to `spend`.
    """
    before, after = _by_key(old), _by_key(new)
    changes: list[LineChange] = []
    unchanged = 0
    for key in sorted({*before, *after}):
        found, same = _one_key(before.get(key, {}), after.get(key, {}))
        changes += found
        unchanged += same
    kpis = tuple((n, a, b) for n, a, b in _figures(old, new) if not _same(a, b))
    served = tuple(replace(c, service=_service(c, old, new)) for c in changes)
    return PlanDiff(served, kpis, (old.objective, new.objective), sum(c.cost for c in changes), unchanged, _turned(before, after))


def _service(change: LineChange, old: Plan, new: Plan) -> float | None:
    rates = [p.kpis.get("fill_rate_by_sku") for p in (old, new)]
    was, now = (r.get(change.keys.get("sku", "")) if isinstance(r, Mapping) else None for r in rates)
    return None if was is None or now is None else now - was


def _turned(before: Mapping[Any, Mapping[str, Step]], after: Mapping[Any, Mapping[str, Step]]) -> float | None:
    """Return the share of the earlier orders that is ordered more or less, period by period; None where nothing was ordered."""
    was, now = (
        {(key, period): s.qty if s.lots is None else s.lots for key, steps in plan.items() for period, s in steps.items()}
        for plan in (before, after)
    )
    total = sum(was.values())
    return sum(abs(now.get(k, 0.0) - was.get(k, 0.0)) for k in sorted({*was, *now})) / total if total > 0 else None


def patch(old: Plan, diff: PlanDiff) -> list[Step]:
    """Return the lines of the new plan, made from the old plan's and the changes; in the order of line names."""
    gone = {c.old.line for c in diff.changes if c.old is not None}
    kept = [s for s in old.steps if s.line not in gone]
    return sorted([*kept, *(c.new for c in diff.changes if c.new is not None)], key=lambda s: s.line)


def _by_key(plan: Plan) -> dict[tuple[tuple[str, str], ...], dict[str, Step]]:
    """Return lines by what is ordered (keys without the period), then by period."""
    out: dict[tuple[tuple[str, str], ...], dict[str, Step]] = {}
    for step in plan.steps:
        key = tuple(sorted((k, v) for k, v in step.keys.items() if k != "period"))
        periods = out.setdefault(key, {})
        period = step.period or step.keys.get("period", "")
        while period in periods:
            period += "'"
        periods[period] = step
    return out


def _one_key(before: dict[str, Step], after: dict[str, Step]) -> tuple[list[LineChange], int]:
    changes: list[LineChange] = []
    unchanged = 0
    for period in [p for p in before if p in after]:
        old, new = before[period], after[period]
        if not _same(old.qty, new.qty):
            changes.append(LineChange("resized", old, new, _cost(new) - _cost(old)))
        elif not _same(old.price, new.price) or not _same(old.cost, new.cost):
            changes.append(LineChange("repriced", old, new, _cost(new) - _cost(old)))
        else:
            unchanged += 1
    gone = [before[p] for p in before if p not in after]
    come = [after[p] for p in after if p not in before]
    for old in gone:
        twin = next((s for s in come if _same(s.qty, old.qty)), None)
        if twin is None:
            changes.append(LineChange("removed", old, None, -_cost(old)))
        else:
            come.remove(twin)
            changes.append(LineChange("moved", old, twin, _cost(twin) - _cost(old)))
    changes += [LineChange("added", None, new, _cost(new)) for new in come]
    return changes, unchanged


def _cost(step: Step) -> float:
    return step.cost if step.cost is not None else 0.0


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= TINY


def _figures(old: Plan, new: Plan) -> list[tuple[str, float | None, float | None]]:
    before, after = _flat(old), _flat(new)
    return [(name, before.get(name), after.get(name)) for name in [*before, *(n for n in after if n not in before)]]


def _flat(plan: Plan) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, value in plan.kpis.items():
        if isinstance(value, Mapping):
            out.update({f"{name}.{key}": float(v) for key, v in value.items()})
        else:
            out[name] = float(value)
    return out

"""Lines of a plan: every member of the steps' dims whose quantity is not zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Steps, Var
from dyocense_cli.artifacts.plan import Step
from dyocense_cli.optimodel.activity import family, pressing
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.offers import has_breaks, offers

__all__ = ["steps_of"]

_NOTHING: Final = 1e-6
_ORDINALS: Final = {2: "2nd", 3: "3rd"}
_NAMED_RULES: Final = 3


def steps_of(model: OptiModel, values: Mapping[str, np.ndarray]) -> tuple[Step, ...]:
    """Return the lines, by period and then by the other dims in the model's order, named ``PO-0001`` …

    A model that says nothing of steps lists every variable of stage 1 that is not zero, named ``V-0001`` …
    """
    evaluator = Evaluator(model, values)
    if model.steps is None:
        return _variables(model, values)
    steps = model.steps
    quantity = evaluator.array(steps.quantity, steps.dims)
    places = _ordered(np.argwhere(np.abs(quantity) > _NOTHING), steps, model)
    columns = _Columns(model, evaluator, steps)
    return tuple(columns.step(f"PO-{n:04d}", tuple(at)) for n, at in enumerate(places.tolist(), start=1))


def _ordered(places: np.ndarray, steps: Steps, model: OptiModel) -> np.ndarray:
    """Sort places by period, then supplier-like dims, the first dim (the thing bought) last."""
    time = [i for i, d in enumerate(steps.dims) if d in model.ordered]
    rest = [i for i in range(len(steps.dims)) if i not in time]
    keys = [*time, *rest[1:], *rest[:1]]
    return places[np.lexsort([places[:, i] for i in reversed(keys)])] if keys else places


class _Columns:
    """What a line says, as arrays over the steps' dims."""

    def __init__(self, model: OptiModel, evaluator: Evaluator, steps: Steps) -> None:
        self.model, self.steps = model, steps
        self.quantity = evaluator.array(steps.quantity, steps.dims)
        self.offered: np.ndarray | None = None
        self.price: np.ndarray | None = None
        self.has_breaks = has_breaks(evaluator, steps)
        if steps.price in model.params:
            self.offered, self.price = offers(evaluator, steps)
        else:
            self.price = self._optional(evaluator, steps.price)
        self.cost = self._optional(evaluator, steps.cost)
        self.lot = self._optional(evaluator, steps.lot)
        self.arrives = self._optional(evaluator, steps.arrives)
        self.time = next((i for i, d in enumerate(steps.dims) if d in model.ordered), None)
        self.held_by = self._rules(evaluator)

    def _optional(self, evaluator: Evaluator, expression: str | None) -> np.ndarray | None:
        if expression is None:
            return None
        value = evaluator.value(expression)
        if "scenario" in value.dims and "scenario" not in self.steps.dims:
            value = evaluator.value(f"mean({expression})")
        return value.over(self.steps.dims, evaluator.sizes)

    def _rules(self, evaluator: Evaluator) -> list[tuple[str, np.ndarray, int]]:
        """Return rules that are at their limit somewhere, as masks over the steps' dims, the most specific first."""
        idle = Evaluator(self.model, {})
        found = []
        for rule in self.model.rules:
            shared = tuple(d for d in rule.dims if d in self.steps.dims)
            if not shared:
                continue
            press = pressing(evaluator.rows(rule), idle.rows(rule))
            if not press.any():
                continue
            mask = press.any(axis=tuple(i for i, d in enumerate(rule.dims) if d not in self.steps.dims))
            shape = [len(self.model.dims[d]) if d in shared else 1 for d in self.steps.dims]
            moved = np.transpose(mask, [shared.index(d) for d in self.steps.dims if d in shared])
            found.append((family(rule), np.broadcast_to(moved.reshape(shape), self.quantity.shape), len(shared)))
        return sorted(found, key=lambda f: -f[2])

    def step(self, line: str, at: tuple[int, ...]) -> Step:
        quantity = _clean(float(self.quantity[at]))
        price = None if self.price is None else float(self.price[at])
        cost = float(self.cost[at]) if self.cost is not None else (None if price is None else price * quantity)
        if self.has_breaks and self.cost is not None and cost is not None:
            price = cost / quantity  # that of the break which was reached
        lots, rounding = self._lots(at, quantity)
        period = None if self.time is None else self.model.dims[self.steps.dims[self.time]][at[self.time]]
        when = self._date(at, 0.0)
        return Step(
            line=line,
            keys={d: self.model.dims[d][i] for d, i in zip(self.steps.dims, at, strict=True)},
            qty=quantity,
            price=price,
            cost=cost,
            period=period,
            date=when,
            arrives=None if self.arrives is None else self._date(at, float(self.arrives[at])),
            reason=self._reason(at),
            lots=lots,
            rounding=rounding,
        )

    def _lots(self, at: tuple[int, ...], quantity: float) -> tuple[float | None, str]:
        size = 0.0 if self.lot is None else float(self.lot[at])
        if size <= 0.0:
            return None, ""
        lots = _clean(quantity / size)
        return lots, "" if size == 1.0 else f"{lots:g} lots of {size:g}"

    def _date(self, at: tuple[int, ...], periods_later: float) -> str | None:
        """Return the ISO date some periods after the line's own; beyond the horizon by the length of its last period."""
        starts = self.model.period_starts
        if self.time is None or len(starts) != len(self.model.dims[self.steps.dims[self.time]]):
            return None
        place = at[self.time] + int(np.ceil(periods_later - 1e-9))
        if place < len(starts):
            return starts[place]
        if len(starts) < 2:
            return None
        last = date.fromisoformat(starts[-1])
        length = last - date.fromisoformat(starts[-2])
        return (last + (place - len(starts) + 1) * timedelta(days=length.days)).isoformat()

    def _reason(self, at: tuple[int, ...]) -> str:
        said = [r for r in (self._rank(at),) if r]
        names = list(dict.fromkeys(name for name, mask, _ in self.held_by if mask[at]))[:_NAMED_RULES]
        if names:
            said.append("at the limit of " + ", ".join(names))
        return "; ".join(said)

    def _rank(self, at: tuple[int, ...]) -> str:
        """Say how the line's price compares with the other offers for the same thing."""
        if self.offered is None or self.price is None:
            return ""
        for axis in range(1, len(self.steps.dims)):
            if axis == self.time:
                continue
            line = tuple(slice(None) if i == axis else v for i, v in enumerate(at))
            prices = self.price[line][self.offered[line]]
            dim = self.steps.dims[axis]
            if prices.size == 1:
                return f"only {dim} that offers it"
            if prices.size > 1:
                rank = 1 + int((prices < self.price[at] - 1e-12).sum())
                place = "lowest" if rank == 1 else f"{_ORDINALS.get(rank, f'{rank}th')} lowest"
                return f"{place} price of {prices.size} {dim}s"
        return ""


def _variables(model: OptiModel, values: Mapping[str, np.ndarray]) -> tuple[Step, ...]:
    found: list[tuple[Var, tuple[int, ...], float]] = []
    for var in model.vars:
        if var.stage != 1:
            continue
        held = np.nan_to_num(values[var.name])
        found += [(var, tuple(at), float(held[tuple(at)])) for at in np.argwhere(np.abs(held) > _NOTHING).tolist()]
    return tuple(
        Step(
            line=f"V-{n:04d}",
            keys={"variable": var.name} | {d: model.dims[d][i] for d, i in zip(var.dims, at, strict=True)},
            qty=_clean(quantity),
            period=next((model.dims[d][i] for d, i in zip(var.dims, at, strict=True) if d in model.ordered), None),
        )
        for n, (var, at, quantity) in enumerate(found, start=1)
    )


def _clean(value: float) -> float:
    """Return the whole number that a value is within 1e-6 of, else the value."""
    whole = round(value)
    return float(whole) if abs(value - whole) <= _NOTHING else value

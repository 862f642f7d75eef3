"""Which of the planner's rules cannot hold together: irreducible sets of rules first, then the rows in them.

A deletion filter over families of rules: leave one out; if it is still infeasible, it was not to blame. Linear relaxations do the first
pass because they are quick; whole numbers decide the second, so that conflicts of integers alone are found too and every set is
irreducible for the model as it is. Chinneck, *Feasibility and Infeasibility in Optimization*, ch. 6.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.artifacts.plan import Conflict
from dyocense_cli.kernel.explain.probe import Answer, Prober, without
from dyocense_cli.kernel.explain.words import sentence
from dyocense_cli.optimodel.activity import family, is_stated
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.members import member_name

__all__ = ["conflicts"]

_CONFLICTS: Final = 3
_ROW_PROBES: Final = 80
_ROWS_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class _Core:
    families: tuple[str, ...]
    proven: bool


def conflicts(model: OptiModel, prober: Prober) -> tuple[Conflict, ...]:
    """Return independent irreducible conflicts, at most three; each is infeasible by itself with the model's own rules."""
    members = _families(model)
    stated = [f for f in members if any(is_stated(r) for r in members[f])]
    found: list[Conflict] = []
    gone: set[str] = set()
    while len(found) < _CONFLICTS:
        core = _core(members, [f for f in stated if f not in gone], gone, prober)
        if core is None and not found:
            rest = [f for f in members if f not in stated]
            core = _core(members, rest, set(stated), prober)
        if core is None:
            break
        found.append(_said(model, members, core, prober))
        gone |= set(core.families)
        if prober.without(_rows_of(members, gone)) is not Answer.INFEASIBLE:
            break
    return tuple(found)


def _families(model: OptiModel) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in model.rules:
        found.setdefault(family(rule), []).append(rule)
    return found


def _rows_of(members: dict[str, list[Rule]], families: Collection[str]) -> set[str]:
    return {r.name for f in families for r in members[f]}


def _core(members: dict[str, list[Rule]], candidates: Sequence[str], gone: Collection[str], prober: Prober) -> _Core | None:
    """Return an irreducible subset of the candidates, given that `gone` ones do not hold; None if they are not to blame."""

    def asked(left_out: Collection[str], linear: bool) -> Answer:
        return prober.without(_rows_of(members, {*gone, *left_out}), linear=linear)

    if not candidates or asked(candidates, False) is not Answer.FEASIBLE:
        return None
    kept, proven = list(candidates), True
    if asked((), True) is Answer.INFEASIBLE:
        kept, proven = _filtered(kept, candidates, lambda out: asked(out, True))
    elif asked((), False) is not Answer.INFEASIBLE:
        return None
    kept, proven = _filtered(kept, candidates, lambda out: asked(out, False))
    return _Core(tuple(kept), proven)


def _filtered(kept: list[str], candidates: Sequence[str], ask: Callable[[Collection[str]], Answer]) -> tuple[list[str], bool]:
    """Drop every member without which the rest is still infeasible."""
    proven = True
    for name in list(kept):
        rest = [k for k in kept if k != name]
        answer = ask([c for c in candidates if c not in rest])
        if answer is Answer.INFEASIBLE:
            kept = rest
        proven &= answer is not Answer.UNPROVEN
    return kept, proven


def _said(model: OptiModel, members: dict[str, list[Rule]], core: _Core, prober: Prober) -> Conflict:
    rules = [members[f][0] for f in core.families]
    idle = Evaluator(model, {})
    return Conflict(
        rules=core.families,
        sentences=tuple(sentence(r, numbers=_numbers(idle, r), currency=model.currency) for r in rules),
        sources=tuple(r.source for r in rules),
        rows=_rows(members, core, prober),
        proven=core.proven,
    )


def _numbers(idle: Evaluator, rule: Rule) -> dict[str, float]:
    """Return the limit of a rule that has one row."""
    return {} if rule.dims else {"limit": float(idle.rows(rule).right.reshape(()))}


def _rows(members: dict[str, list[Rule]], core: _Core, prober: Prober) -> tuple[str, ...]:
    """Return rows of the conflict's rules that already cannot hold together, by halving; empty when that takes too many probes."""
    names = _rows_of(members, core.families)
    others = _rows_of(members, [f for f in members if any(is_stated(r) for r in members[f]) and f not in core.families])
    base = without(prober.ground, others)
    blocks = [b for b in base.rows if b.name in names]
    rows = np.concatenate([np.arange(b.start, b.stop) for b in blocks]) if blocks else np.zeros(0, dtype=int)
    if rows.size == 0:
        return ()
    linear = prober.feasible(base, linear=True) is Answer.INFEASIBLE
    budget = [_ROW_PROBES]

    def infeasible(kept: np.ndarray) -> bool:
        budget[0] -= 1
        off = np.setdiff1d(rows, kept)
        return prober.feasible(_off(base, off), linear=linear) is Answer.INFEASIBLE

    left = _halved(rows, infeasible, budget)
    if budget[0] <= 0 or left.size > _ROWS_SHOWN:
        return ()
    homes = [next(b for b in blocks if b.start <= r < b.stop) for r in left.tolist()]
    return tuple(member_name(b, r - b.start, base.dims) for b, r in zip(homes, left.tolist(), strict=True))


def _off(ground: GroundModel, rows: np.ndarray) -> GroundModel:
    low, high = ground.row_lower.copy(), ground.row_upper.copy()
    low[rows], high[rows] = -np.inf, np.inf
    return replace(ground, row_lower=low, row_upper=high)


def _halved(rows: np.ndarray, infeasible: Callable[[np.ndarray], bool], budget: list[int]) -> np.ndarray:
    """Drop rows in halves, then quarters …, as long as the rest stays infeasible."""
    size = max(1, rows.size // 2)
    while budget[0] > 0:
        at = 0
        while at < rows.size and budget[0] > 0:
            rest = np.delete(rows, slice(at, at + size))
            if rest.size < rows.size and infeasible(rest):
                rows = rest
            else:
                at += size
        if size == 1:
            return rows
        size = max(1, size // 2)
    return rows

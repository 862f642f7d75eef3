"""What changed between two models, and which members of a dim the change can reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule, Term, Var

__all__ = ["Delta", "ParamChange", "difference", "reached"]


@dataclass(frozen=True, slots=True)
class ParamChange:
    """A parameter whose values differ: `labels` per dim those of a member that changed; `count` members."""

    name: str
    labels: Mapping[str, tuple[str, ...]]
    count: int


@dataclass(frozen=True, slots=True)
class Delta:
    """What differs: labels gained and lost per dim, parameters, and the names of rules, variables and objective terms."""

    gained: Mapping[str, tuple[str, ...]]
    lost: Mapping[str, tuple[str, ...]]
    params: tuple[ParamChange, ...]
    rules: tuple[str, ...]
    variables: tuple[str, ...]
    terms: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Say whether the models are alike."""
        return not (any(self.gained.values()) or any(self.lost.values()) or self.params or self.rules or self.variables or self.terms)


def difference(old: OptiModel, new: OptiModel) -> Delta:
    """Return what differs from `old` to `new`; values are compared by labels, so order of labels does not matter."""
    gained, lost = {}, {}
    for dim in sorted({*old.dims, *new.dims}):
        before, after = old.dims.get(dim, ()), new.dims.get(dim, ())
        had, has = set(before), set(after)
        gained[dim] = tuple(label for label in after if label not in had)
        lost[dim] = tuple(label for label in before if label not in has)
    params = []
    for name in sorted({*old.params, *new.params}):
        change = _compare(name, old, new)
        if change is not None:
            params.append(change)
    return Delta(
        gained,
        lost,
        tuple(params),
        _named(old.rules, new.rules),
        _named(old.vars, new.vars),
        tuple(sorted({*_named(old.terms, new.terms), *(["objective sense"] if old.sense != new.sense else [])})),
    )


def _named(old: Sequence[Rule | Var | Term], new: Sequence[Rule | Var | Term]) -> tuple[str, ...]:
    """Return the names whose meaning is not the same on both sides."""
    before, after = {x.name: _meaning(x) for x in old}, {x.name: _meaning(x) for x in new}
    return tuple(sorted(n for n in {*before, *after} if before.get(n) != after.get(n)))


def _meaning(item: Rule | Var | Term) -> tuple[object, ...]:
    if isinstance(item, Rule):
        return (item.dims, item.expr, item.where, item.hold)
    if isinstance(item, Term):
        return (item.expr, item.weight)
    return (item.dims, item.type, item.lb, item.ub, item.where)


def _compare(name: str, old: OptiModel, new: OptiModel) -> ParamChange | None:
    a, b = old.params.get(name), new.params.get(name)
    if a is None or b is None or a.dims != b.dims:
        there = b if b is not None else a
        assert there is not None
        return ParamChange(name, {d: new.dims.get(d, ()) for d in there.dims}, int(np.size(there.data)))
    if a is b or _same_bytes(a, b, old, new):
        return None
    shared = {d: tuple(label for label in new.dims[d] if label in set(old.dims[d])) for d in b.dims}
    x, y = (_over(p, m, shared) for p, m in ((a, old), (b, new)))
    differs = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    if not differs.any():
        return None
    at = np.nonzero(differs) if differs.ndim else ()
    labels = {d: tuple(shared[d][int(k)] for k in np.unique(at[i])) for i, d in enumerate(b.dims)}
    return ParamChange(name, labels, int(differs.sum()))


def _same_bytes(a: Param, b: Param, old: OptiModel, new: OptiModel) -> bool:
    alike = all(old.dims[d] == new.dims[d] for d in b.dims)
    return alike and all(
        (x is None and y is None) or (x is not None and y is not None and np.array_equal(x, y))
        for x, y in ((a.data, b.data), (a.index, b.index), (a.mask, b.mask))
    )


def _over(param: Param, model: OptiModel, labels: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    """Return a parameter's values over these labels, NaN where it has none."""
    shape = tuple(len(model.dims[d]) for d in param.dims)
    full = np.full(shape, np.nan)
    if param.index is not None:
        full[tuple(param.index)] = param.data
    else:
        full = np.array(param.data, dtype=float).reshape(shape)
        if param.mask is not None:
            full[~np.asarray(param.mask, dtype=bool).reshape(shape)] = np.nan
    for axis, d in enumerate(param.dims):
        place = {label: i for i, label in enumerate(model.dims[d])}
        full = np.take(full, [place[label] for label in labels[d]], axis=axis)
    return full


def reached(delta: Delta, model: OptiModel, dims: tuple[str, ...]) -> np.ndarray:
    """Return which members of `dims` (bool, flattened in C order) a change touches directly.

    All, when a rule, a variable, a term or a label of another dim changed. A parameter without these dims (a budget, a
    capacity) touches none: it is felt through the rows that blocks share.
    """
    sizes = [len(model.dims[d]) for d in dims]
    everything = bool(delta.rules or delta.variables or delta.terms)
    everything = everything or any(delta.gained[d] or delta.lost[d] for d in delta.gained if d not in dims)
    out = np.full(sizes, everything)
    for d in dims:
        fresh = np.isin(np.array(model.dims[d]), delta.gained.get(d, ()))
        out |= fresh.reshape([-1 if e == d else 1 for e in dims])
    for change in delta.params:
        mine = [d for d in dims if d in change.labels]
        if mine:
            hit = np.ones(sizes, dtype=bool)
            for d in mine:
                hit &= np.isin(np.array(model.dims[d]), change.labels[d]).reshape([-1 if e == d else 1 for e in dims])
            out |= hit
    return out.ravel()

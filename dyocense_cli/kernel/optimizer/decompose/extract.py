"""Turn a detected shape into the arrays of a block form, straight from the model's parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.detect import Shape, scalar
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm, Coupling, Part, Target
from dyocense_cli.kernel.optimizer.decompose.linear import LinearRule, Reader, Term, Unsuitable
from dyocense_cli.optimodel.evaluate import bounds, existing
from dyocense_cli.optimodel.named import Named

__all__ = ["Extracted", "extract"]

#: Right-hand side of a row that does not exist; solvers read it as unbounded.
NO_ROW = 1e30
#: Most states of one block's program.
MOST_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Extracted:
    """A form with what leads back to the model: `lot` [S] units per lot, dims and shapes of families."""

    form: BlockForm
    lot: np.ndarray
    shape: Shape


class _Axes:
    """Groups of dims as axes of arrays: blocks, then sources or time, then time or scenarios."""

    def __init__(self, reader: Reader, groups: list[tuple[str, ...]]) -> None:
        self.reader = reader
        self.groups = groups
        self.dims = tuple(d for g in groups for d in g)
        self.shape = tuple(int(np.prod([reader.sizes[d] for d in g])) for g in groups)

    def array(self, value: Named) -> np.ndarray:
        """Return a coefficient with one axis per group, of length 1 where it does not vary."""
        lost = set(value.dims) - set(self.dims)
        if lost:
            raise Unsuitable(f"a coefficient varies with `{min(lost)}`")
        kept = [tuple(g) if set(g) & set(value.dims) else () for g in self.groups]
        flat = tuple(d for g in kept for d in g)
        data = value.over(flat, self.reader.sizes)
        return np.asarray(data).reshape([int(np.prod([self.reader.sizes[d] for d in g])) if g else 1 for g in kept])

    def position(self, dim: str) -> np.ndarray:
        """Return the label number of `dim` with one axis per group."""
        return self.array(Named((dim,), np.arange(self.reader.sizes[dim])))

    def axis(self, dim: str) -> int:
        """Return the axis a dim is in."""
        return next(i for i, g in enumerate(self.groups) if dim in g)


def extract(reader: Reader, shape: Shape) -> Extracted:
    """Return the block form of a shape.

    Raises
    ------
    Unsuitable
        Where the numbers do not fit: lots that are not whole, negative costs of stock, delays spread over more than two periods.
    """
    scenario = (shape.scenario,) if shape.scenario else ()
    orders = _Axes(reader, [shape.block, shape.source, (shape.time,)])
    places = _Axes(reader, [shape.block, (shape.time,), scenario])
    inflow = shape.balance.of(shape.order)[0]
    unit = abs(_carry(shape))
    lot = np.broadcast_to(np.abs(orders.array(inflow.coef)[:, 0, 0]) / unit, orders.shape[:1]).astype(float)
    whole = reader.vars[shape.order].type == "int"
    if not whole:
        lot = np.ones_like(lot) if np.all(lot == 1) else lot
    net = _net(shape, places) / lot[:, None, None]
    qmin, qmax = _limits(reader, shape, orders, whole)
    lead = _lead(reader, shape, inflow)
    _check_numbers(shape, lead, net, np.any(np.asarray(qmax >= qmin), axis=2), whole=whole)
    targets = _targets(shape, orders, places, lot)
    costs, master_cost, offset = _costs(reader, shape, targets)
    couplings, offset_rows = [], 0
    for rule in shape.coupling:
        couplings.append(_coupling(reader, shape, rule, targets, offset_rows))
        offset_rows += couplings[-1].size
    kw, limit = _service(shape, places, targets)
    lower, upper = _master_bounds(reader, shape)
    form = BlockForm(net, lead, qmin, qmax, costs["x"], costs["y"], costs["pos"], costs["neg"], kw, limit, not shape.owed, tuple(couplings),
                     master_cost, lower, upper, offset)
    _check_signs(form)
    return Extracted(form, lot, shape)


def _carry(shape: Shape) -> float:
    name = shape.held or shape.level
    value = next(scalar(t.coef) for t in shape.balance.of(name) if t.lag is None)
    assert value is not None
    return value


def _constants(rule: LinearRule, axes: _Axes) -> np.ndarray:
    """Return the sum of a rule's constants over the axes."""
    total: np.ndarray = np.zeros((1,) * len(axes.groups))
    for term in rule.terms:
        if not term.var:
            total = total + axes.array(_presummed(term, set(term.summed)))
    return total


def _presummed(term: Term, dims: set[str]) -> Named:
    inside = tuple(d for d in term.coef.dims if d in dims)
    axes = tuple(term.coef.dims.index(d) for d in inside)
    return Named(tuple(d for d in term.coef.dims if d not in inside), np.asarray(term.coef.data.sum(axis=axes)))


def _net(shape: Shape, places: _Axes) -> np.ndarray:
    """Return need by the end of each period less what is there without orders, in units, [S, T, W]."""
    if shape.balance.exists is not None and not np.all(shape.balance.exists.data):
        raise Unsuitable(f"rule `{shape.balance.name}` does not hold in every {shape.time}")
    change = np.broadcast_to(_constants(shape.balance, places) / _carry(shape), places.shape)
    need = np.cumsum(change, axis=1)
    if shape.cover is not None:
        own = next(scalar(t.coef) for t in shape.cover.of(shape.level))
        assert own is not None
        need = need - _constants(shape.cover, places) / own
    return np.ascontiguousarray(np.broadcast_to(need, places.shape), dtype=float)


def _limits(reader: Reader, shape: Shape, orders: _Axes, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return least and most lots of each order, [S, A, T]; most < least where the order does not exist."""
    var = reader.vars[shape.order]
    there = orders.array(Named(*_sorted(reader, var.dims, existing(reader.model, var, reader.evaluator))))
    low, high = bounds(reader.model, var, reader.evaluator)
    if np.any(np.where(existing(reader.model, var, reader.evaluator), low, 0.0) > 0):
        raise Unsuitable(f"`{shape.order}` has a lower bound above 0")
    most = np.broadcast_to(orders.array(Named(*_sorted(reader, var.dims, high))), orders.shape).copy()
    least = np.full(orders.shape, 1.0 if whole else 0.0)
    for rule in shape.caps:
        ratio = -_constants(rule, orders) / orders.array(rule.of(shape.order)[0].coef)
        most = np.minimum(most, ratio)
    for rule in shape.links:
        ax = orders.array(rule.of(shape.order)[0].coef) * (1.0 if rule.op == "<=" else -1.0)
        ay = orders.array(rule.of(shape.switch)[0].coef) * (1.0 if rule.op == "<=" else -1.0)
        if np.any(_constants(rule, orders) != 0):
            raise Unsuitable(f"rule `{rule.name}` has a constant besides `{shape.order}` and `{shape.switch}`")
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(ay == 0, 0.0, -ay / ax)
        if np.all(ax > 0):
            most = np.minimum(most, ratio)
        elif np.all(ax < 0):
            least = np.maximum(least, ratio)
        else:
            raise Unsuitable(f"rule `{rule.name}` turns its sense")
    if not whole:
        _check_whole(shape, least, np.where(np.isfinite(most), most, 0.0))
    qmin = np.ceil(least - 1e-9).astype(np.int32)
    qmax = np.floor(np.minimum(most, 2.0**30) + 1e-9).astype(np.int32)
    return qmin, np.ascontiguousarray(np.where(there & (qmax >= qmin), qmax, qmin - 1), dtype=np.int32)


def _check_whole(shape: Shape, *amounts: np.ndarray) -> None:
    if any(np.any(np.abs(a - np.rint(a)) > 1e-9) for a in amounts):
        raise Unsuitable(f"`{shape.order}` is continuous and its needs or limits are not whole numbers")


def _sorted(reader: Reader, dims: tuple[str, ...], data: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    order = tuple(d for d in reader.order if d in dims)
    return order, np.transpose(data, [dims.index(d) for d in order]) if dims else data


def _lead(reader: Reader, shape: Shape, inflow: Term) -> np.ndarray:
    axes = _Axes(reader, [shape.block, shape.source, (shape.scenario,) if shape.scenario else ()])
    if inflow.lag is None:
        return np.zeros(axes.shape, np.int32)
    offset = inflow.lag.offset
    if "scenario" in offset.dims and not shape.scenario:
        raise Unsuitable("delays vary by scenario and the stock does not")
    values = np.broadcast_to(axes.array(Named(offset.dims, np.asarray(offset.data))), axes.shape)
    if np.any(values < 0):
        raise Unsuitable(f"`{shape.order}` arrives before it is ordered")
    return np.ascontiguousarray(np.rint(values), dtype=np.int32)


def _check_numbers(shape: Shape, lead: np.ndarray, net: np.ndarray, there: np.ndarray, *, whole: bool) -> None:
    late = np.where(there[..., None], lead, -1).max(axis=(1, 2))
    soon = np.where(there[..., None], lead, 1 << 20).min(axis=(1, 2))
    if np.any(late - np.minimum(soon, late) > 2):
        raise Unsuitable(f"delays of `{shape.order}` spread over more than two of `{shape.time}`")
    if lead.shape[1] > 8:
        raise Unsuitable(f"{lead.shape[1]} sources per block are too many to try in every combination")
    if not whole:
        _check_whole(shape, net)
        if lead.shape[1] > 1 or np.any(lead != lead[:, :, :1]):
            raise Unsuitable(f"`{shape.order}` is continuous and can be overtaken")
    if net.max(initial=0.0) > MOST_STATES:
        raise Unsuitable(f"a block may order {int(net.max())} lots, more than {MOST_STATES}")


@dataclass(frozen=True, slots=True)
class _Role:
    target: Target
    axes: _Axes
    scale: np.ndarray  # [S, 1, 1]: units of the family per lot


def _targets(shape: Shape, orders: _Axes, places: _Axes, lot: np.ndarray) -> dict[str, _Role]:
    one = np.ones((1, 1, 1))
    per_lot = lot[:, None, None] if np.any(lot != 1) else one
    roles = {shape.order: _Role("x", orders, one)}
    for name, target, axes, scale in (
        (shape.switch, "y", orders, one), (shape.held, "pos", places, per_lot), (shape.owed, "neg", places, per_lot),
    ):
        if name:
            roles[name] = _Role(cast("Target", target), axes, scale)
    return roles


def _costs(reader: Reader, shape: Shape, targets: dict[str, _Role]) -> tuple[dict[str, np.ndarray], np.ndarray, float]:
    sizes = [int(existing(reader.model, reader.vars[n], reader.evaluator).sum()) for n in shape.master]
    master = np.zeros(sum(sizes))
    costs: dict[str, np.ndarray] = {name: np.zeros((1, 1, 1)) for name in ("x", "y", "pos", "neg")}
    offset = 0.0
    for term in shape.objective.terms:
        if not term.var:
            offset += float(_presummed(term, set(term.summed)).data.sum())
        elif term.var in targets:
            part = _part(reader, term, targets[term.var], ())
            costs[part.target] = costs[part.target] + part.coef
        elif term.var == shape.level:
            costs["x"] = costs["x"] + _level_cost(reader, shape, term)
            offset += _level_constant(reader, shape, term)
        else:
            _, cols, coef = _master_entries(reader, shape, term, ())
            np.add.at(master, cols, coef)
    for name in ("x", "y"):
        costs[name] = np.ascontiguousarray(np.broadcast_to(costs[name], targets[shape.order].axes.shape))
    return costs, master, offset


def _level_weights(reader: Reader, shape: Shape, term: Term) -> np.ndarray:
    """Return what the running total costs per unit and period, [S, T, 1]."""
    if term.lag is not None:
        raise Unsuitable(f"the objective looks back at `{shape.level}`")
    axes = _Axes(reader, [shape.block, (shape.time,), ()])
    extra = set(term.coef.dims) - set(axes.dims)
    return np.asarray(np.broadcast_to(axes.array(_presummed(term, extra)), axes.shape))


def _level_cost(reader: Reader, shape: Shape, term: Term) -> np.ndarray:
    """Return what a lot adds to the cost of the running total from its arrival on, [S, A, T]."""
    weight = _level_weights(reader, shape, term)[:, :, 0]
    inflow = shape.balance.of(shape.order)[0]
    lot = np.abs(_Axes(reader, [shape.block, (), ()]).array(inflow.coef)) / abs(_carry(shape))
    lead = _lead(reader, shape, inflow)[:, :, 0]
    T = weight.shape[1]
    tail = np.concatenate([np.cumsum(weight[:, ::-1], axis=1)[:, ::-1], np.zeros((weight.shape[0], 1))], axis=1)
    arrives = np.minimum(np.arange(T)[None, None, :] + lead[:, :, None], T)
    return np.asarray(lot * np.take_along_axis(np.broadcast_to(tail[:, None, :], (*arrives.shape[:2], T + 1)), arrives, axis=2))


def _level_constant(reader: Reader, shape: Shape, term: Term) -> float:
    axes = _Axes(reader, [shape.block, (shape.time,), ()])
    start = -np.cumsum(np.broadcast_to(_constants(shape.balance, axes) / _carry(shape), axes.shape), axis=1)
    return float(np.sum(_level_weights(reader, shape, term) * start))


def _part(reader: Reader, term: Term, role: _Role, dims: tuple[str, ...], renumber: np.ndarray | None = None) -> Part:
    """Return a term as a part of the rows of a rule over `dims`."""
    axes = role.axes
    coef = _presummed(term, set(term.summed) - set(axes.dims))
    if set(coef.dims) - set(axes.dims):
        raise Unsuitable(f"the use of `{term.var}` varies with `{min(set(coef.dims) - set(axes.dims))}`")
    data = axes.array(coef) * role.scale
    strides = _strides(reader, dims)
    own = [d for d in dims if d in axes.dims and d not in term.summed]
    rows = np.zeros((1, 1, 1), dtype=np.int64)
    for d in own:
        rows = rows + axes.position(d) * strides[d]
    if term.lag is not None:
        data, rows = _unlag(reader, term, axes, data, rows)
    every = np.zeros(1, dtype=np.int64)
    for d in dims:
        if d not in own:
            every = (every[:, None] + np.arange(reader.sizes[d]) * strides[d]).ravel()
    rows = rows[..., None] + every
    return Part(role.target, data, rows if renumber is None else renumber[rows])


def _unlag(reader: Reader, term: Term, axes: _Axes, data: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move a part from the row's time to the variable's time; what would land beyond the horizon counts nothing."""
    assert term.lag is not None
    if term.lag.offset.dims:
        raise Unsuitable(f"a shared rule looks back at `{term.var}` by unlike offsets")
    back = int(term.lag.offset.data)
    axis, size = axes.axis(term.lag.along), reader.sizes[term.lag.along]
    if axes.groups[axis] != (term.lag.along,):
        raise Unsuitable(f"a shared rule shifts along `{term.lag.along}`")
    at = np.arange(size) + back
    inside = (at >= 0) & (at < size)
    at = np.clip(at, 0, size - 1)
    mask = inside.reshape([-1 if i == axis else 1 for i in range(3)])
    if data.shape[axis] > 1:
        data = np.take(data, at, axis=axis)
    if rows.shape[axis] > 1:
        rows = np.take(rows, at, axis=axis)
    return data * mask, rows


def _strides(reader: Reader, dims: tuple[str, ...]) -> dict[str, int]:
    sizes = [reader.sizes[d] for d in dims]
    return {d: int(np.prod(sizes[i + 1 :])) for i, d in enumerate(dims)}


def _coupling(reader: Reader, shape: Shape, rule: LinearRule, targets: dict[str, _Role], offset: int) -> Coupling:
    sign = -1.0 if rule.op == ">=" else 1.0
    size = int(np.prod([reader.sizes[d] for d in rule.dims]))
    there = None
    if rule.exists is not None:
        there = np.broadcast_to(rule.exists.over(rule.dims, reader.sizes), [reader.sizes[d] for d in rule.dims]).ravel()
        if rule.op == "==" and not there.all():
            raise Unsuitable(f"equality `{rule.name}` does not hold everywhere")
    rhs, parts = np.zeros(size), []
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for term in rule.terms:
        if not term.var:
            part = _constant_part(reader, shape, term, rule.dims)
            if part is not None:
                parts.append(part)
            else:
                rhs -= _rhs(reader, term, rule.dims)
        elif term.var in targets:
            parts.append(_part(reader, term, targets[term.var], rule.dims))
        else:
            entries.append(_master_entries(reader, shape, term, rule.dims))
    entries.append((np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)))
    rows, cols, coef = (np.concatenate([e[i] for e in entries]) for i in range(3))
    rhs = sign * rhs
    if there is not None:
        rhs = np.where(there, rhs, NO_ROW)
    signed = tuple(replace(p, coef=sign * p.coef) for p in parts)
    return Coupling(rule.name, sign, rule.op == "==", rhs, signed, (rows, cols, sign * coef), offset)


def _rhs(reader: Reader, term: Term, dims: tuple[str, ...]) -> np.ndarray:
    value = _presummed(term, set(term.summed))
    return np.asarray(value.over(dims, reader.sizes), dtype=float).ravel()


def _constant_part(reader: Reader, shape: Shape, term: Term, dims: tuple[str, ...]) -> Part | None:
    """Return a constant that is summed over blocks as a part, so that a sample of blocks has its own share."""
    if not set(shape.block) & term.summed or set(shape.block) & set(dims) or not set(shape.block) <= set(term.coef.dims):
        return None
    value = _presummed(term, set(term.summed) - set(shape.block))
    axes = _Axes(reader, [shape.block, dims, ()])
    coef = np.broadcast_to(axes.array(value), axes.shape)
    return Part("one", np.ascontiguousarray(coef), np.arange(axes.shape[1]).reshape(1, -1, 1, 1))


def _master_entries(reader: Reader, shape: Shape, term: Term, dims: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (rows, columns, coefficients) of a term over a family that belongs to no block."""
    if term.var not in shape.master:
        raise Unsuitable(f"`{term.var}` stands where it cannot be priced")
    if term.lag is not None:
        raise Unsuitable(f"a shared rule looks back at `{term.var}`")
    names = list(shape.master)
    counts = [int(existing(reader.model, reader.vars[n], reader.evaluator).sum()) for n in names]
    first = sum(counts[: names.index(term.var)])
    var = reader.vars[term.var]
    there = existing(reader.model, var, reader.evaluator)
    number = np.where(there.ravel(), np.cumsum(there.ravel()) - 1 + first, -1).reshape(there.shape)
    own = tuple(dict.fromkeys((*var.dims, *dims)))
    renamed = [d for d in dims if d in term.summed]
    if renamed:
        raise Unsuitable(f"a shared rule over `{renamed[0]}` also sums `{term.var}` over it")
    coef = _presummed(term, set(term.summed) - set(var.dims))
    sizes = [reader.sizes[d] for d in own]
    columns = np.broadcast_to(number.reshape([reader.sizes[d] if d in var.dims else 1 for d in own]), sizes)
    strides = _strides(reader, dims)
    rows = np.zeros([1] * len(own), dtype=np.int64)
    for i, d in enumerate(own):
        if d in dims:
            rows = rows + (np.arange(reader.sizes[d]) * strides[d]).reshape([-1 if k == i else 1 for k in range(len(own))])
    values = np.broadcast_to(coef.over(own, reader.sizes), sizes)
    keep = (columns >= 0) & (values != 0)
    return np.broadcast_to(rows, sizes)[keep], columns[keep], np.asarray(values[keep], dtype=float)


def _master_bounds(reader: Reader, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    low, high = [np.zeros(0)], [np.zeros(0)]
    for name in shape.master:
        var = reader.vars[name]
        there = existing(reader.model, var, reader.evaluator)
        a, b = bounds(reader.model, var, reader.evaluator)
        low.append(a[there])
        high.append(b[there])
    return np.concatenate(low), np.concatenate(high)


def _service(shape: Shape, places: _Axes, targets: dict[str, _Role]) -> tuple[np.ndarray, np.ndarray | None]:
    rule = shape.service
    if rule is None:
        return np.zeros((1, 1, 1)), None
    weight = np.zeros((1, 1, 1))
    for term in rule.of(shape.owed):
        if term.lag is not None or set(shape.block) & term.summed:
            raise Unsuitable(f"rule `{rule.name}` looks back or across blocks")
        weight = weight + places.array(_presummed(term, set(term.summed) - set(places.dims))) * targets[shape.owed].scale
    if np.any(weight < 0):
        raise Unsuitable(f"rule `{rule.name}` rewards `{shape.owed}`")
    limit = -np.broadcast_to(_constants(rule, _Axes(places.reader, [shape.block, (), ()])), (places.shape[0], 1, 1)).ravel()
    if rule.exists is not None:
        there = np.broadcast_to(rule.exists.over(shape.block, places.reader.sizes), [places.reader.sizes[d] for d in shape.block]).ravel()
        limit = np.where(there, limit, NO_ROW)
    return weight, np.ascontiguousarray(limit, dtype=float)


def _check_signs(form: BlockForm) -> None:
    """Refuse rewards for stock or backlog: the recourse then is not the two parts of one position."""
    if min(form.cpos.min(), form.cneg.min()) < 0:
        raise Unsuitable("the objective rewards stock or backlog")
    for c in form.couplings:
        for part in c.parts:
            if part.target in {"pos", "neg"} and (part.coef.min() < 0 or c.equal):
                raise Unsuitable(f"rule `{c.name}` rewards stock or backlog")
    if any(b.offset - a.offset != a.size for a, b in pairwise(form.couplings)):
        raise Unsuitable("shared rows are not numbered in order")

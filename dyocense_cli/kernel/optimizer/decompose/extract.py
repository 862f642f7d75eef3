"""Turn a detected shape into the arrays of a block form, straight from the model's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.detect import Shape, scalar
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm, Target
from dyocense_cli.kernel.optimizer.decompose.linear import Reader, Term, Unsuitable
from dyocense_cli.kernel.optimizer.decompose.shared import (
    NO_ROW,
    Axes,
    Role,
    constants,
    coupling_of,
    master_entries,
    part_of,
    presummed,
)
from dyocense_cli.optimodel.evaluate import bounds, existing
from dyocense_cli.optimodel.named import Named

__all__ = ["Extracted", "extract"]

#: Most states of one block's program.
MOST_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Extracted:
    """A form with what leads back to the model: `lot` [S] units per lot, dims and shapes of families."""

    form: BlockForm
    lot: np.ndarray
    shape: Shape


def extract(reader: Reader, shape: Shape) -> Extracted:
    """Return the block form of a shape.

    Raises
    ------
    Unsuitable
        Where the numbers do not fit: lots that are not whole, negative costs of stock, delays spread over more than two periods.
    """
    scenario = (shape.scenario,) if shape.scenario else ()
    orders = Axes(reader, [shape.block, shape.source, (shape.time,)])
    places = Axes(reader, [shape.block, (shape.time,), scenario])
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
        couplings.append(coupling_of(reader, shape, rule, targets, offset_rows))
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


def _net(shape: Shape, places: Axes) -> np.ndarray:
    """Return need by the end of each period less what is there without orders, in units, [S, T, W]."""
    if shape.balance.exists is not None and not np.all(shape.balance.exists.data):
        raise Unsuitable(f"rule `{shape.balance.name}` does not hold in every {shape.time}")
    change = np.broadcast_to(constants(shape.balance, places) / _carry(shape), places.shape)
    need = np.cumsum(change, axis=1)
    if shape.cover is not None:
        own = next(scalar(t.coef) for t in shape.cover.of(shape.level))
        assert own is not None
        need = need - constants(shape.cover, places) / own
    return np.ascontiguousarray(np.broadcast_to(need, places.shape), dtype=float)


def _limits(reader: Reader, shape: Shape, orders: Axes, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return least and most lots of each order, [S, A, T]; most < least where the order does not exist."""
    var = reader.vars[shape.order]
    there = orders.array(Named(*_sorted(reader, var.dims, existing(reader.model, var, reader.evaluator))))
    low, high = bounds(reader.model, var, reader.evaluator)
    if np.any(np.where(existing(reader.model, var, reader.evaluator), low, 0.0) > 0):
        raise Unsuitable(f"`{shape.order}` has a lower bound above 0")
    most = np.broadcast_to(orders.array(Named(*_sorted(reader, var.dims, high))), orders.shape).copy()
    least = np.full(orders.shape, 1.0 if whole else 0.0)
    for rule in shape.caps:
        ratio = -constants(rule, orders) / orders.array(rule.of(shape.order)[0].coef)
        holds = True if rule.exists is None else orders.array(rule.exists)
        most = np.where(holds, np.minimum(most, ratio), most)
    if shape.switch:
        _check_switch(reader, shape, orders, there)
    for rule in shape.links:
        ax = orders.array(rule.of(shape.order)[0].coef) * (1.0 if rule.op == "<=" else -1.0)
        ay = orders.array(rule.of(shape.switch)[0].coef) * (1.0 if rule.op == "<=" else -1.0)
        if np.any(constants(rule, orders) != 0):
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


def _check_switch(reader: Reader, shape: Shape, orders: Axes, there: np.ndarray) -> None:
    """Refuse a switch that is not exactly on where something is ordered: one that may stay off, must be on, or exists elsewhere."""
    var = reader.vars[shape.switch]
    exists = orders.array(Named(*_sorted(reader, var.dims, existing(reader.model, var, reader.evaluator))))
    if var.lb not in (0, 0.0, None) or np.any(there & ~exists):
        raise Unsuitable(f"`{shape.switch}` is not free to be off wherever `{shape.order}` may be ordered")
    for rule in shape.links:
        if rule.exists is not None and np.any(there & ~orders.array(rule.exists).astype(bool)):
            raise Unsuitable(f"rule `{rule.name}` holds for some orders only")
    upward = [r for r in shape.links if np.all(orders.array(r.of(shape.order)[0].coef) * (1.0 if r.op == "<=" else -1.0) > 0)]
    if not upward:
        raise Unsuitable(f"no rule turns `{shape.switch}` on when `{shape.order}` is ordered")


def _check_whole(shape: Shape, *amounts: np.ndarray) -> None:
    if any(np.any(np.abs(a - np.rint(a)) > 1e-9) for a in amounts):
        raise Unsuitable(f"`{shape.order}` is continuous and its needs or limits are not whole numbers")


def _sorted(reader: Reader, dims: tuple[str, ...], data: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    order = tuple(d for d in reader.order if d in dims)
    return order, np.transpose(data, [dims.index(d) for d in order]) if dims else data


def _lead(reader: Reader, shape: Shape, inflow: Term) -> np.ndarray:
    axes = Axes(reader, [shape.block, shape.source, (shape.scenario,) if shape.scenario else ()])
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


def _targets(shape: Shape, orders: Axes, places: Axes, lot: np.ndarray) -> dict[str, Role]:
    one = np.ones((1, 1, 1))
    per_lot = lot[:, None, None] if np.any(lot != 1) else one
    roles = {shape.order: Role("x", orders, one)}
    for name, target, axes, scale in (
        (shape.switch, "y", orders, one), (shape.held, "pos", places, per_lot), (shape.owed, "neg", places, per_lot),
    ):
        if name:
            roles[name] = Role(cast("Target", target), axes, scale)
    return roles


def _costs(reader: Reader, shape: Shape, targets: dict[str, Role]) -> tuple[dict[str, np.ndarray], np.ndarray, float]:
    sizes = [int(existing(reader.model, reader.vars[n], reader.evaluator).sum()) for n in shape.master]
    master = np.zeros(sum(sizes))
    costs: dict[str, np.ndarray] = {name: np.zeros((1, 1, 1)) for name in ("x", "y", "pos", "neg")}
    offset = 0.0
    for term in shape.objective.terms:
        if not term.var:
            offset += float(presummed(term, set(term.summed)).data.sum())
        elif term.var in targets:
            part = part_of(reader, term, targets[term.var], ())
            costs[part.target] = costs[part.target] + part.coef
        elif term.var == shape.level:
            costs["x"] = costs["x"] + _level_cost(reader, shape, term)
            offset += _level_constant(reader, shape, term)
        else:
            _, cols, coef = master_entries(reader, shape, term, ())
            np.add.at(master, cols, coef)
    for name in ("x", "y"):
        costs[name] = np.ascontiguousarray(np.broadcast_to(costs[name], targets[shape.order].axes.shape))
    return costs, master, offset


def _level_weights(reader: Reader, shape: Shape, term: Term) -> np.ndarray:
    """Return what the running total costs per unit and period, [S, T, 1]."""
    if term.lag is not None:
        raise Unsuitable(f"the objective looks back at `{shape.level}`")
    axes = Axes(reader, [shape.block, (shape.time,), ()])
    extra = set(term.coef.dims) - set(axes.dims)
    return np.asarray(np.broadcast_to(axes.array(presummed(term, extra)), axes.shape))


def _level_cost(reader: Reader, shape: Shape, term: Term) -> np.ndarray:
    """Return what a lot adds to the cost of the running total from its arrival on, [S, A, T]."""
    weight = _level_weights(reader, shape, term)[:, :, 0]
    inflow = shape.balance.of(shape.order)[0]
    lot = np.abs(Axes(reader, [shape.block, (), ()]).array(inflow.coef)) / abs(_carry(shape))
    lead = _lead(reader, shape, inflow)[:, :, 0]
    T = weight.shape[1]
    tail = np.concatenate([np.cumsum(weight[:, ::-1], axis=1)[:, ::-1], np.zeros((weight.shape[0], 1))], axis=1)
    arrives = np.minimum(np.arange(T)[None, None, :] + lead[:, :, None], T)
    return np.asarray(lot * np.take_along_axis(np.broadcast_to(tail[:, None, :], (*arrives.shape[:2], T + 1)), arrives, axis=2))


def _level_constant(reader: Reader, shape: Shape, term: Term) -> float:
    axes = Axes(reader, [shape.block, (shape.time,), ()])
    start = -np.cumsum(np.broadcast_to(constants(shape.balance, axes) / _carry(shape), axes.shape), axis=1)
    return float(np.sum(_level_weights(reader, shape, term) * start))


def _master_bounds(reader: Reader, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    low, high = [np.zeros(0)], [np.zeros(0)]
    for name in shape.master:
        var = reader.vars[name]
        there = existing(reader.model, var, reader.evaluator)
        a, b = bounds(reader.model, var, reader.evaluator)
        low.append(a[there])
        high.append(b[there])
    return np.concatenate(low), np.concatenate(high)


def _service(shape: Shape, places: Axes, targets: dict[str, Role]) -> tuple[np.ndarray, np.ndarray | None]:
    rule = shape.service
    if rule is None:
        return np.zeros((1, 1, 1)), None
    weight = np.zeros((1, 1, 1))
    for term in rule.of(shape.owed):
        if term.lag is not None or set(shape.block) & term.summed:
            raise Unsuitable(f"rule `{rule.name}` looks back or across blocks")
        weight = weight + places.array(presummed(term, set(term.summed) - set(places.dims))) * targets[shape.owed].scale
    if np.any(weight < 0):
        raise Unsuitable(f"rule `{rule.name}` rewards `{shape.owed}`")
    limit = -np.broadcast_to(constants(rule, Axes(places.reader, [shape.block, (), ()])), (places.shape[0], 1, 1)).ravel()
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

"""From a block plan back to the model: columns, solution, certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.optimizer.decompose.extract import Extracted
from dyocense_cli.kernel.optimizer.decompose.linear import Reader
from dyocense_cli.optimodel.evaluate import existing, join_columns

if TYPE_CHECKING:
    from dyocense_cli.kernel.optimizer.decompose.duals import Dual, Proof

__all__ = ["Declined", "Earlier", "certificate", "columns", "lots_of"]


@dataclass(frozen=True, slots=True)
class Declined:
    """No decomposition: `reason` in words; `nearest` values of all columns that keep every rule but those that the reason names, where
    none was found that keep all."""

    reason: str
    bound: float | None = None
    nearest: np.ndarray | None = None
    cut: bool = False  # by the clock


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier solution of a like model: its dims' labels, its certificate, and which members of the block dims a change reaches."""

    dims: Mapping[str, tuple[str, ...]]
    certificate: Mapping[str, np.ndarray]
    reached: Callable[[tuple[str, ...]], np.ndarray]


def _grid(reader: Reader, groups: list[tuple[str, ...]], dims: tuple[str, ...], data: np.ndarray) -> np.ndarray:
    """Return an array with one axis per group as one over `dims`."""
    flat = [d for g in groups for d in g]
    full = data.reshape([reader.sizes[d] for d in flat])
    return np.transpose(full, [flat.index(d) for d in dims])


def columns(reader: Reader, extracted: Extracted, x: np.ndarray, u: np.ndarray, master: np.ndarray) -> np.ndarray:
    """Return the model's columns for lots `x` [S, A, T], positions `u` [S, T, W] and master columns."""
    shape, model = extracted.shape, reader.model
    scenario = (shape.scenario,) if shape.scenario else ()
    orders: list[tuple[str, ...]] = [shape.block, shape.source, (shape.time,)]
    places: list[tuple[str, ...]] = [shape.block, (shape.time,), scenario]
    units = u * extracted.lot[:, None, None]
    arrays: dict[str, tuple[list[tuple[str, ...]], np.ndarray]] = {
        shape.order: (orders, x.astype(float)),
        shape.switch: (orders, (x > 0).astype(float)),
        shape.held: (places, np.maximum(units, 0.0)),
        shape.owed: (places, np.maximum(-units, 0.0)),
    }
    values: dict[str, np.ndarray] = {}
    for name, (groups, data) in arrays.items():
        if name:
            values[name] = _grid(reader, groups, reader.vars[name].dims, data)
    if shape.level:
        values[shape.level] = _level(reader, extracted, x)
    at = 0
    for name in shape.master:
        there = existing(model, reader.vars[name], reader.evaluator)
        count = int(there.sum())
        data = np.full(there.shape, np.nan)
        data[there] = master[at : at + count]
        values[name] = data
        at += count
    return join_columns(model, values)


def _level(reader: Reader, extracted: Extracted, x: np.ndarray) -> np.ndarray:
    """Return the running total of a model whose stock is a capacity, by its own balance rule."""
    shape = extracted.shape
    form = extracted.form
    T = x.shape[2]
    arrived = np.zeros((x.shape[0], T))
    for a in range(x.shape[1]):
        at = np.arange(T)[None, :] + form.lead[:, a, :1]
        s, t = np.nonzero(at < T)
        np.add.at(arrived, (s, at[s, t]), x[s, a, t])
    start = reader.evaluator.rows(next(r for r in reader.model.rules if r.name == shape.balance.name))
    sign = next(float(np.sign(t.coef.data).reshape(-1)[0]) for t in shape.balance.of(shape.level) if t.lag is None)
    size = next(float(np.abs(t.coef.data).reshape(-1)[0]) for t in shape.balance.of(shape.level) if t.lag is None)
    constant = -sign * (start.left - start.right) / size
    order = [shape.balance.dims.index(d) for d in (*shape.block, shape.time)]
    base = np.cumsum(np.transpose(constant, order).reshape(x.shape[0], T), axis=1)
    total = base + extracted.lot[:, None] * np.cumsum(arrived, axis=1)
    return _grid(reader, [shape.block, (shape.time,)], reader.vars[shape.level].dims, total)


def lots_of(reader: Reader, extracted: Extracted, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return lots [S, A, T] from values per family, rounded and within the limits of each order; the inverse of `columns`."""
    shape = extracted.shape
    dims = reader.vars[shape.order].dims
    wanted = (*shape.block, *shape.source, shape.time)
    data = np.transpose(np.nan_to_num(values[shape.order]), [dims.index(d) for d in wanted]).reshape(extracted.form.qmin.shape)
    lots = np.rint(data)
    form = extracted.form
    lots = np.where((lots <= 0) | (form.qmax < form.qmin), 0, np.clip(lots, np.maximum(form.qmin, 0), np.maximum(form.qmax, 0)))
    return lots.astype(np.int32)


def certificate(model: OptiModel, extracted: Extracted, dual: Dual, proof: Proof | None = None) -> dict[str, np.ndarray]:
    """Return what proves the bound: prices of every shared rule over its dims, multipliers of the blocks' own rule.

    Keys are ``price:<rule>`` (≥ 0; of either sign for equalities) and ``multiplier:<rule>``; ``role:<what>:<name>`` says which
    families order, hold and owe. ``share:value`` and ``share:mark`` are the blocks' shares of the bound and what they rest on, for solving
    again after a small change; they prove nothing.
    """
    shape, form = extracted.shape, extracted.form
    sizes = {d: len(labels) for d, labels in model.dims.items()}
    out: dict[str, np.ndarray] = {}
    for c, rule in zip(form.couplings, shape.coupling, strict=True):
        out[f"price:{rule.name}"] = dual.prices[c.offset : c.offset + c.size].reshape([sizes[d] for d in rule.dims])
    if shape.service is not None:
        grid = dual.kappa.reshape([sizes[d] for d in shape.block])
        out[f"multiplier:{shape.service.name}"] = np.transpose(grid, [shape.block.index(d) for d in shape.service.dims])
    elif form.no_backlog:
        out["multiplier:"] = dual.kappa.reshape([sizes[d] for d in shape.block])
    for role, name in (("order", shape.order), ("switch", shape.switch), ("held", shape.held), ("owed", shape.owed), ("level", shape.level),
                       ("balance", shape.balance.name), ("cover", shape.cover.name if shape.cover else "")):
        if name:
            out[f"role:{role}:{name}"] = np.zeros(0)
    if proof is not None:
        out |= {"share:value": proof.shares, "share:mark": proof.marks}
    return out

"""Terms of rules as arrays over blocks, orders and positions: what shared rows are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.kernel.optimizer.decompose.detect import Shape
from dyocense_cli.kernel.optimizer.decompose.form import Coupling, Part, Target
from dyocense_cli.kernel.optimizer.decompose.linear import LinearRule, Reader, Term, Unsuitable
from dyocense_cli.optimodel.evaluate import existing
from dyocense_cli.optimodel.named import Named

__all__ = ["Axes", "Role", "constants", "coupling_of", "master_entries", "part_of", "presummed"]

#: Right-hand side of a row that does not exist; solvers read it as unbounded.
NO_ROW = 1e30


class Axes:
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


def constants(rule: LinearRule, axes: Axes) -> np.ndarray:
    """Return the sum of a rule's constants over the axes."""
    total: np.ndarray = np.zeros((1,) * len(axes.groups))
    for term in rule.terms:
        if not term.var:
            total = total + axes.array(presummed(term, set(term.summed)))
    return total


def presummed(term: Term, dims: set[str]) -> Named:
    """Return a term's coefficient summed over those of `dims` that it has."""
    inside = tuple(d for d in term.coef.dims if d in dims)
    axes = tuple(term.coef.dims.index(d) for d in inside)
    return Named(tuple(d for d in term.coef.dims if d not in inside), np.asarray(term.coef.data.sum(axis=axes)))


@dataclass(frozen=True, slots=True)
class Role:
    """What a family stands for in the block form, over which axes, and its units per lot."""

    target: Target
    axes: Axes
    scale: np.ndarray  # [S, 1, 1]: units of the family per lot


def part_of(reader: Reader, term: Term, role: Role, dims: tuple[str, ...], renumber: np.ndarray | None = None) -> Part:
    """Return a term as a part of the rows of a rule over `dims`."""
    axes = role.axes
    coef = presummed(term, set(term.summed) - set(axes.dims))
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


def _unlag(reader: Reader, term: Term, axes: Axes, data: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def coupling_of(reader: Reader, shape: Shape, rule: LinearRule, targets: dict[str, Role], offset: int) -> Coupling:
    """Return a shared rule as rows numbered from `offset`.

    Raises
    ------
    Unsuitable
        Where it uses the blocks in a way that prices cannot charge.
    """
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
            parts.append(part_of(reader, term, targets[term.var], rule.dims))
        else:
            entries.append(master_entries(reader, shape, term, rule.dims))
    entries.append((np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)))
    rows, cols, coef = (np.concatenate([e[i] for e in entries]) for i in range(3))
    rhs = sign * rhs
    if there is not None:
        rhs = np.where(there, rhs, NO_ROW)
    signed = tuple(replace(p, coef=sign * p.coef) for p in parts)
    return Coupling(rule.name, sign, rule.op == "==", rhs, signed, (rows, cols, sign * coef), offset)


def _rhs(reader: Reader, term: Term, dims: tuple[str, ...]) -> np.ndarray:
    value = presummed(term, set(term.summed))
    return np.asarray(value.over(dims, reader.sizes), dtype=float).ravel()


def _constant_part(reader: Reader, shape: Shape, term: Term, dims: tuple[str, ...]) -> Part | None:
    """Return a constant that is summed over blocks as a part, so that a sample of blocks has its own share."""
    if not set(shape.block) & term.summed or set(shape.block) & set(dims) or not set(shape.block) <= set(term.coef.dims):
        return None
    value = presummed(term, set(term.summed) - set(shape.block))
    axes = Axes(reader, [shape.block, dims, ()])
    coef = np.broadcast_to(axes.array(value), axes.shape)
    return Part("one", np.ascontiguousarray(coef), np.arange(axes.shape[1]).reshape(1, -1, 1, 1))


def master_entries(reader: Reader, shape: Shape, term: Term, dims: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    coef = presummed(term, set(term.summed) - set(var.dims))
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

"""OptiModel → sparse arrays, family by family, without a Python object per row, variable or term.

Each rule becomes linear terms; each term becomes blocks of (row, column, value) by broadcasting; one counting sort by column gives the
matrix. The order of rows and columns is a function of the model alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optimizer.layout import Family, calculator, families, lookup, members
from dyocense_cli.kernel.optimizer.linear import At, Condition, Term, Terms, linear_terms
from dyocense_cli.kernel.optimizer.points import MEMBER, Points, Reader, enumerate_term
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Node, names
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.grid import align
from dyocense_cli.optimodel.simplify import expand

__all__ = ["ground"]


@dataclass(frozen=True, slots=True)
class Entries:
    """A block of matrix entries: int32 rows and columns, float64 values, one length."""

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray


def ground(optimodel: OptiModel) -> GroundModel:
    """Return the arrays of a model.

    Raises
    ------
    InputError
        DY2212 if a bound or divisor has no value, DY2206 if a rule is not linear.
    """
    return _Grounder(optimodel).run()


class _Grounder:
    """State of one grounding: families, cached parameter expressions, entries so far."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.calc = calculator(model)
        self.families = families(model, self.calc)
        self.reader = Reader(self.calc)
        self.var_dims = {v.name: v.dims for v in model.vars}
        self.param_dims = {n: g.dims for n, g in self.calc.grids.items()}
        self.exprs = {n: parse(text) for n, text in model.exprs.items() if n not in self.var_dims and n not in self.param_dims}
        self.n_cols = sum(f.count for f in self.families.values())
        self.entries: list[Entries] = []
        self.row_lower: list[np.ndarray] = []
        self.row_upper: list[np.ndarray] = []
        self.rows: list[Block] = []
        self.n_rows = 0

    def run(self) -> GroundModel:
        for rule in self.model.rules:
            self.rule(rule)
        cost, offset = self.objective()
        lower, upper, integrality = self.columns()
        start, index, value = self.matrix()
        return GroundModel(
            sense=self.model.sense,
            offset=offset,
            cost=cost,
            lower=lower,
            upper=upper,
            integrality=integrality,
            row_lower=np.concatenate(self.row_lower) if self.row_lower else np.zeros(0),
            row_upper=np.concatenate(self.row_upper) if self.row_upper else np.zeros(0),
            start=start,
            index=index,
            value=value,
            columns=tuple(f.block() for f in self.families.values()),
            rows=tuple(self.rows),
            dims=dict(self.model.dims),
        )

    def parsed(self, text: str) -> Node:
        """Return the tree of a text; a named expression that the compiler left in it is inlined."""
        node = parse(text)
        return expand(node, self.exprs) if names(node) & self.exprs.keys() else node

    def terms(self, text: str, dims: tuple[str, ...]) -> tuple[str, Terms]:
        node = self.parsed(text)
        op = ""
        if isinstance(node, Compare):
            op, node = node.op, Binary("-", node.left, node.right)
        return op, linear_terms(node, dims, self.var_dims, self.param_dims, self.calc.scenario)

    # -- rows

    def rule(self, rule: Rule) -> None:
        op, found = self.terms(rule.expr, rule.dims)
        here = {d: At(d) for d in rule.dims}
        where = (Condition(parse(rule.where), here),) if rule.where else ()
        required = (*where, *found.rows)
        rows = self.row_family(rule, required)
        blocks = [self.entries_of(t, rule.dims, found, rows, required) for t in found.terms if t.var is not None]
        rhs = -self.constants(found, rule.dims, rows)
        low, high = (rhs if op != "<=" else np.full(rows.count, -np.inf)), (rhs if op != ">=" else np.full(rows.count, np.inf))
        self.entries += blocks
        self.row_lower.append(low)
        self.row_upper.append(high)
        self.rows.append(rows.block())
        self.n_rows += rows.count

    def row_family(self, rule: Rule, required: tuple[Condition, ...]) -> Family:
        shape = tuple(self.calc.sizes[d] for d in rule.dims)
        coords: np.ndarray | None = None
        if len(required) == 1 and rule.where:
            coords = self.members(rule)
        elif required:
            coords = self.enumerated(rule, required)
        count = int(np.prod(shape, dtype=np.int64)) if coords is None else coords.shape[1]
        return Family(rule.name, rule.dims, shape, self.n_rows, count, coords, rule.where or "")

    def members(self, rule: Rule) -> np.ndarray | None:
        for family in self.families.values():  # most rules exist where one of their variables does
            if family.where == rule.where and family.dims == rule.dims:
                return family.coords
        assert rule.where is not None
        return members(parse(rule.where), rule.dims, self.calc)

    def enumerated(self, rule: Rule, required: tuple[Condition, ...]) -> np.ndarray | None:
        probe = Term(None, {}, conditions=required)
        points = enumerate_term(probe, rule.dims, {d: d for d in rule.dims}, None, self.reader)
        if not points.group:
            return None
        points = points.joined(points.full)
        coords = np.array([points.group[d] for d in rule.dims], np.int32).reshape(len(rule.dims), -1)
        order = np.lexsort(coords[::-1]) if len(rule.dims) > 1 else np.argsort(coords[0], kind="stable")
        return coords[:, order]

    def entries_of(self, term: Term, dims: tuple[str, ...], found: Terms, rows: Family, required: tuple[Condition, ...]) -> Entries:
        """Return the entries of a term in the rows of a rule."""
        assert term.var is not None
        family = self.families[term.var]
        full = Term(term.var, term.places, term.sign, term.factors, _unique((*required, *term.conditions)), term.bound)
        axes = (*dims, *self.used(full, found))
        points = enumerate_term(full, axes, found.axes, family, self.reader)
        shape = points.shape
        cols = self.columns_at(term, family, points)
        at = [points.index(d) for d in dims]
        row = lookup(rows, at) if dims else np.asarray(rows.start)
        value = self.coefficient(term, points)
        out = Entries(np.empty(shape, np.int32), np.empty(shape, np.int32), np.empty(shape, np.float64))
        out.rows[...] = row
        out.cols[...] = cols
        out.values[...] = value
        flat = Entries(out.rows.reshape(-1), out.cols.reshape(-1), out.values.reshape(-1))
        if np.all(value):
            return flat
        keep = flat.values != 0.0
        return Entries(flat.rows[keep], flat.cols[keep], flat.values[keep])

    def used(self, term: Term, found: Terms) -> tuple[str, ...]:
        """Return the bound axes that a term depends on; summing over another repeats it, which `coefficient` counts."""
        assert term.var is not None
        needed = self.reader.axes(term.places, self.var_dims[term.var])
        for factor in term.factors:
            needed |= self.reader.axes(factor.places, self.reader.grid(factor.node).dims)
        for condition in term.conditions:
            dims = (condition.along,) if condition.node is None else self.reader.grid_of(condition.node).dims
            needed |= self.reader.axes(condition.places, dims)
        return tuple(a for a in found.axes if a in needed and a in term.bound)

    def columns_at(self, term: Term, family: Family, points: Points) -> np.ndarray:
        if MEMBER in points.group:
            return points.index(MEMBER)
        return lookup(family, [self.reader.position(term.places[d], points) for d in family.dims])

    def coefficient(self, term: Term, points: Points) -> np.ndarray:
        value: np.ndarray = np.asarray(term.sign)
        for factor in term.factors:
            one = self.reader.value(factor.node, factor.places, points)
            value = value / one if factor.inverse else value * one
        for axis in term.bound:
            if axis not in points.full and axis not in points.group:
                value = value * float(self.calc.sizes[axis.partition("#")[0]])
        return value

    def constants(self, found: Terms, dims: tuple[str, ...], rows: Family) -> np.ndarray:
        """Return the constant part of left minus right per row."""
        total = np.zeros(rows.count)
        for term in found.terms:
            if term.var is None:
                self.add_constant(total, term, dims, found, rows)
        return total

    def add_constant(self, total: np.ndarray, term: Term, dims: tuple[str, ...], found: Terms, rows: Family) -> None:
        if not term.bound and not term.conditions and rows.coords is None:
            points = Points({a: self.calc.sizes[a] for a in dims}, dims)
            total.reshape(rows.shape)[...] += self.coefficient(term, points)
            return
        if not term.bound and not term.conditions:
            assert rows.coords is not None
            points = Points({a: self.calc.sizes[a] for a in dims}, (), dict(zip(dims, rows.coords, strict=True)))
            total += self.coefficient(term, points)
            return
        needed: set[str] = set()
        for factor in term.factors:
            needed |= self.reader.axes(factor.places, self.reader.grid(factor.node).dims)
        for condition in term.conditions:
            grid_dims = (condition.along,) if condition.node is None else self.reader.grid_of(condition.node).dims
            needed |= self.reader.axes(condition.places, grid_dims)
        axes = (*dims, *(a for a in term.bound if a in needed))
        points = enumerate_term(term, axes, found.axes, None, self.reader)
        row = np.broadcast_to(lookup(rows, [points.index(d) for d in dims]) if dims else np.asarray(rows.start), points.shape)
        value = np.broadcast_to(self.coefficient(term, points), points.shape)
        held = row.reshape(-1) >= 0
        total += np.bincount(row.reshape(-1)[held] - rows.start, value.reshape(-1)[held], rows.count)

    # -- columns

    def objective(self) -> tuple[np.ndarray, float]:
        cost, offset = np.zeros(self.n_cols), 0.0
        nowhere = Family("objective", (), (), 0, 1)
        for term in self.model.terms:
            _, found = self.terms(term.expr, ())
            for part in found.terms:
                if part.var is not None:
                    block = self.entries_of(part, (), found, nowhere, ())
                    cost += term.weight * np.bincount(block.cols, block.values, self.n_cols)
            offset += term.weight * float(self.constants(found, (), nowhere)[0])
        return cost, offset

    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lower, upper = np.empty(self.n_cols), np.empty(self.n_cols)
        integrality = np.zeros(self.n_cols, np.uint8)
        for v in self.model.vars:
            family = self.families[v.name]
            span = slice(family.start, family.start + family.count)
            lower[span] = self.bound(family, v.lb, -np.inf)
            upper[span] = self.bound(family, v.ub, np.inf)
            if v.type == "bool":
                np.clip(lower[span], 0.0, 1.0, out=lower[span])
                np.clip(upper[span], 0.0, 1.0, out=upper[span])
            integrality[span] = v.type != "float"
        return lower, upper, integrality

    def bound(self, family: Family, bound: float | str | None, none: float) -> np.ndarray | float:
        if bound is None:
            return none
        if not isinstance(bound, str):
            return float(bound)
        node = parse(bound)
        grid = self.reader.grid(node)
        places = {d: At(d) for d in family.dims}
        if family.coords is None:
            self.everywhere(family, bound)
            if grid.index is None:
                return np.broadcast_to(align(grid.data, grid.dims, family.dims), family.shape).reshape(-1)
        points = Points({d: self.calc.sizes[d] for d in family.dims}, family.dims)
        if family.coords is not None:
            points = Points(points.sizes, (), dict(zip(family.dims, family.coords, strict=True)))
        return np.broadcast_to(self.reader.value(node, places, points), points.shape).reshape(-1)

    def everywhere(self, family: Family, bound: str) -> None:
        raw = self.calc.value(parse(bound))
        if raw.mask is not None and not raw.mask.all():
            raise InputError(
                "DY2212",
                f"the bound `{bound}` of `{family.name}` has no value for some members",
                hints="give the parameter a value in every row",
            )

    # -- matrix

    def matrix(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = _joined([e.rows for e in self.entries], np.int32)
        cols = _joined([e.cols for e in self.entries], np.int32)
        values = _joined([e.values for e in self.entries], np.float64)
        self.entries.clear()
        coo = coo_array((values, (rows, cols)), shape=(self.n_rows, self.n_cols))
        coo.has_canonical_format = True  # duplicates are summed below, only where there are any
        matrix = coo.tocsc()
        matrix.has_canonical_format = False
        del coo, rows, cols, values
        before = matrix.nnz
        matrix.sum_duplicates()
        if matrix.nnz < before:
            matrix.eliminate_zeros()
        wide = np.int64 if matrix.nnz >= 2**31 else np.int32
        return matrix.indptr.astype(wide, copy=False), matrix.indices.astype(np.int32, copy=False), matrix.data


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _unique(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    out: list[Condition] = []
    for condition in conditions:
        if condition not in out:
            out.append(condition)
    return tuple(out)

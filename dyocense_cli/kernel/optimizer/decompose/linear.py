"""Rules and objective as sums of (coefficient array) · (variable, perhaps shifted), read off the expression trees.

Coefficients are evaluated over the dims they depend on, never over rows, so this costs O(families) and the size of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Node, Num, Reduce, Shift, Sum, names
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.named import Named, aligned, shifted

__all__ = ["Affine", "Lag", "LinearRule", "Reader", "Term", "Unsuitable"]


class Unsuitable(Exception):  # carries the reason a level is declined, never reaches a user as an error
    """The model has something that a level of decomposition cannot use; the text says what, by name."""


@dataclass(frozen=True, slots=True)
class Lag:
    """The variable is taken `offset` positions earlier along `along`; nothing where that is before the first."""

    along: str
    offset: Named


@dataclass(frozen=True, slots=True)
class Term:
    """``sum over `summed` of coef · var[…]``; a constant when `var` is empty."""

    var: str
    coef: Named
    summed: frozenset[str] = frozenset()
    lag: Lag | None = None


@dataclass(frozen=True, slots=True)
class Affine:
    """A sum of terms; `exists` says in which rows it does (None = all)."""

    terms: tuple[Term, ...]
    exists: Named | None = None


@dataclass(frozen=True, slots=True)
class LinearRule:
    """``sum(terms) op 0`` over `dims`, where op is ``<=``, ``>=`` or ``==``."""

    name: str
    dims: tuple[str, ...]
    op: str
    terms: tuple[Term, ...]
    exists: Named | None

    def of(self, var: str) -> list[Term]:
        """Return the terms of one family."""
        return [t for t in self.terms if t.var == var]

    @property
    def families(self) -> set[str]:
        """Names of the variables in the rule."""
        return {t.var for t in self.terms if t.var}


class Reader:
    """Reads the expressions of one model; parsed expressions and coefficient arrays are shared between rules."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.evaluator = Evaluator(model, {})
        self.order = self.evaluator.order
        self.sizes = self.evaluator.sizes
        self.vars = {v.name: v for v in model.vars}
        self._trees = {name: parse(text) for name, text in model.exprs.items()}
        self._free: dict[str, bool] = {}

    def rules(self) -> list[LinearRule]:
        """Return every rule of the model in linear form.

        Raises
        ------
        Unsuitable
            Naming the rule that has no linear form here.
        """
        return [self._rule(r.name, r.dims, r.expr, r.where) for r in self.model.rules]

    def objective(self) -> Affine:
        """Return the weighted objective; its terms have no free dims. Maximisation is turned into minimisation."""
        sign = 1.0 if self.model.sense == "min" else -1.0
        terms: list[Term] = []
        for term in self.model.terms:
            read = self._guarded(f"objective term `{term.name}`", lambda text=term.expr: self.affine(parse(text)))  # type: ignore[misc]
            terms += self._scaled(read.terms, Named((), np.asarray(sign * term.weight)))
        return Affine(tuple(terms))

    def _rule(self, name: str, dims: tuple[str, ...], text: str, where: str | None) -> LinearRule:
        tree = parse(text)
        if not isinstance(tree, Compare):
            raise Unsuitable(f"rule `{name}` compares nothing")
        body = self._guarded(f"rule `{name}`", lambda: self.affine(Binary("-", tree.left, tree.right)))
        exists = body.exists
        if where is not None:
            exists = self._both(exists, self.evaluator.condition(where))
        return LinearRule(name, dims, {"<": "<=", ">": ">="}.get(tree.op, tree.op), body.terms, exists)

    def _guarded(self, what: str, read: Callable[[], Affine]) -> Affine:
        try:
            return read()
        except Unsuitable as reason:
            raise Unsuitable(f"{what}: {reason}") from None

    def has_variables(self, node: Node) -> bool:
        """Say whether a variable occurs in an expression, through named expressions."""
        return any(self._is_variable(name) for name in names(node))

    def _is_variable(self, name: str) -> bool:
        if name not in self._free:
            tree = self._trees.get(name)
            self._free[name] = name in self.vars or (tree is not None and self.has_variables(tree))
        return self._free[name]

    def affine(self, node: Node) -> Affine:
        """Return an expression as a sum of terms."""
        if not isinstance(node, (Sum, Binary, Neg)) and not self.has_variables(node):
            return self._constant(node)
        match node:
            case Name(name):
                return self._name(name)
            case Neg(body):
                inner = self.affine(body)
                return replace(inner, terms=tuple(self._scaled(inner.terms, Named((), np.asarray(-1.0)))))
            case Binary():
                return self._binary(node)
            case Sum():
                return self._sum(node)
            case Shift():
                return self._shift(node)
            case Reduce("mean", body):
                return self._mean(body)
            case _:
                raise Unsuitable(f"a {type(node).__name__.lower()} of variables is not linear here")

    def _constant(self, node: Node) -> Affine:
        value = self.evaluator.value(node)
        exists = None if value.exists is None else Named(value.dims, value.exists)
        return Affine((Term("", Named(value.dims, np.asarray(value.data, dtype=float))),), exists)

    def _name(self, name: str) -> Affine:
        if name in self.vars:
            return Affine((Term(name, Named((), np.asarray(1.0))),))
        return self.affine(self._trees[name])

    def _binary(self, node: Binary) -> Affine:
        if node.op in "+-":
            left, right = self.affine(node.left), self.affine(node.right)
            sign = 1.0 if node.op == "+" else -1.0
            terms = (*left.terms, *self._scaled(right.terms, Named((), np.asarray(sign))))
            return Affine(terms, self._both(left.exists, right.exists))
        if node.op == "*" and not self.has_variables(node.left):
            return self._times(self.affine(node.right), self.evaluator.value(node.left))
        if not self.has_variables(node.right):
            factor = self.evaluator.value(node.right)
            if node.op == "/":
                factor = self.evaluator.value(Binary("/", Num(1.0), node.right))
            return self._times(self.affine(node.left), factor)
        raise Unsuitable("a product of variables")

    def _times(self, body: Affine, factor: Named) -> Affine:
        exists = self._both(body.exists, None if factor.exists is None else Named(factor.dims, factor.exists))
        return Affine(tuple(self._scaled(body.terms, Named(factor.dims, factor.data))), exists)

    def _scaled(self, terms: tuple[Term, ...], factor: Named) -> list[Term]:
        out = []
        for term in terms:
            if term.summed & set(factor.dims):
                raise Unsuitable(f"a sum over {', '.join(sorted(term.summed))} is multiplied by a parameter over the same dim")
            out.append(replace(term, coef=self._product(term.coef, factor)))
        return out

    def _product(self, a: Named, b: Named) -> Named:
        dims, (left, right), _ = aligned([a, b], self.order)
        return Named(dims, np.asarray(left * right, dtype=float))

    def _both(self, a: Named | None, b: Named | None) -> Named | None:
        if a is None or b is None:
            return b if a is None else a
        dims, (left, right), _ = aligned([a, b], self.order)
        return Named(dims, np.asarray(left & right))

    def dims_of(self, term: Term) -> set[str]:
        """Return every dim a term runs over, summed ones included."""
        own = set(term.coef.dims) | (set(self.vars[term.var].dims) if term.var else set())
        return own | (set(term.lag.offset.dims) | {term.lag.along} if term.lag is not None else set())

    def _sum(self, node: Sum) -> Affine:
        body = self.affine(node.body)
        if body.exists is not None:
            body = self._times(replace(body, exists=None), Named(body.exists.dims, body.exists.data.astype(float)))
        if node.where is not None:
            kept = self.evaluator.condition(node.where)
            body = self._times(body, Named(kept.dims, kept.data.astype(float)))
        everywhere: set[str] = set().union(*(self.dims_of(t) - t.summed for t in body.terms)) if body.terms else set()
        over = set(node.over) if node.over is not None else everywhere - {"scenario"}
        return Affine(tuple(self._summed(t, over) for t in body.terms))

    def _summed(self, term: Term, over: set[str]) -> Term:
        has = self.dims_of(term) - term.summed
        coef = term.coef
        for dim in sorted(over - has):  # a body without the dim counts once per member
            coef = Named(coef.dims, coef.data * self.sizes[dim])
        return replace(term, coef=coef, summed=term.summed | (over & has))

    def _mean(self, body: Node) -> Affine:
        inner = self.affine(body)
        weight = Named(("scenario",), np.asarray(self.model.probability, dtype=float))
        out = []
        for term in inner.terms:
            if "scenario" in self.dims_of(term) - term.summed:
                out.append(self._summed(self._scaled((term,), weight)[0], {"scenario"}))
            else:
                out.append(term)
        return Affine(tuple(out), inner.exists)

    def _shift(self, node: Shift) -> Affine:
        offset = self.evaluator.value(node.offset)
        if node.edge is not None and self.has_variables(node.edge):
            raise Unsuitable("a shift whose edge is a variable")
        inner = self.affine(node.body)
        if inner.exists is not None:
            raise Unsuitable("a shift of something that does not exist everywhere")
        terms = tuple(self._lagged(t, node.along, offset) for t in inner.terms)
        if node.edge is not None and np.any(self.evaluator.value(node.edge).data != 0):
            zero = Named((), np.asarray(0.0))
            edge = shifted(zero, node.along, offset=offset, edge=self.evaluator.value(node.edge), order=self.order, sizes=self.sizes)
            terms = (*terms, Term("", Named(edge.dims, np.asarray(edge.data, dtype=float))))
        exists = None
        if node.edge is None:
            probe = Named((), np.asarray(1.0))
            moved = shifted(probe, node.along, offset=offset, edge=None, order=self.order, sizes=self.sizes)
            exists = Named(moved.dims, np.broadcast_to(moved.exists, moved.data.shape) if moved.exists is not None else moved.data != 0)
        return Affine(terms, exists)

    def _lagged(self, term: Term, along: str, offset: Named) -> Term:
        if along in term.summed:
            raise Unsuitable(f"a shift along `{along}` of a sum over it")
        coef = term.coef
        if along in coef.dims or not term.var:
            zero = Named((), np.asarray(0.0))
            coef = shifted(coef, along, offset=offset, edge=zero, order=self.order, sizes=self.sizes)
            coef = Named(coef.dims, coef.data)
        if not term.var or along not in self.vars[term.var].dims:
            return replace(term, coef=coef)
        lag = Lag(along, offset) if term.lag is None else self._twice(term.lag, along, offset)
        return replace(term, coef=coef, lag=lag)

    def _twice(self, lag: Lag, along: str, offset: Named) -> Lag:
        if lag.along != along or lag.offset.dims or offset.dims:
            raise Unsuitable("shifts along two dims, or of unlike offsets, inside one another")
        return Lag(along, Named((), lag.offset.data + offset.data))

"""Weigh the rows of rules and collect what each variable and the constants come to, by walking the expressions backwards.

This is how the checker prices a model: no coefficient is ever read off, so it shares nothing with grounding or with a solver.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.errors import InternalError
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Node, Num, Reduce, Shift, Sum, names
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.named import Named, aligned, shifted

__all__ = ["Weigher"]


class Weigher:
    """Sums ``weight · expression`` into `gradient` per variable family (over its dims) and `constant`."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.evaluator = Evaluator(model, {})
        self.order, self.sizes = self.evaluator.order, self.evaluator.sizes
        self.gradient = {v.name: np.zeros([self.sizes[d] for d in v.dims]) for v in model.vars}
        self.constant = 0.0
        self._dims = {v.name: v.dims for v in model.vars}

    def objective(self) -> None:
        """Add the weighted objective, turned to minimisation."""
        sign = 1.0 if self.model.sense == "min" else -1.0
        for term in self.model.terms:
            self._add(parse(term.expr), Named((), np.asarray(sign * term.weight)))

    def rule(self, name: str, weight: np.ndarray) -> None:
        """Add ``weight · (left - right)`` of a rule, turned to ``≤``; rows that do not exist count nothing."""
        rule = next(r for r in self.model.rules if r.name == name)
        rows = self.evaluator.rows(rule)
        turned = np.where(rows.exists, weight, 0.0) * (-1.0 if rows.op == ">=" else 1.0)
        tree = parse(rule.expr)
        assert isinstance(tree, Compare)
        dims = tuple(d for d in self.order if d in rule.dims)
        self._add(Binary("-", tree.left, tree.right), Named(dims, np.transpose(turned, [rule.dims.index(d) for d in dims])))

    def _free(self, node: Node) -> bool:
        """Say whether no variable occurs below a node."""
        for name in names(node):
            if name in self._dims or (name in self.model.exprs and not self._free(parse(self.model.exprs[name]))):
                return False
        return True

    def _times(self, a: Named, b: Named) -> Named:
        dims, (left, right), _ = aligned([a, b], self.order)
        return Named(dims, np.asarray(left * right, dtype=float))

    def _add(self, node: Node, weight: Named) -> None:
        if self._free(node):
            value = self.evaluator.value(node)
            self.constant += float(self._times(weight, Named(value.dims, np.asarray(value.data, dtype=float))).data.sum())
            return
        match node:
            case Name(name):
                self._variable(name, weight)
            case Neg(body):
                self._add(body, Named(weight.dims, -weight.data))
            case Binary():
                self._binary(node, weight)
            case Sum():
                self._sum(node, weight)
            case Shift():
                self._shift(node, weight)
            case Reduce("mean", body):
                chance = Named(("scenario",), np.asarray(self.model.probability, dtype=float))
                self._add(body, self._times(weight, chance))
            case _:
                raise InternalError("DY9001", f"cannot weigh a {type(node).__name__}")

    def _variable(self, name: str, weight: Named) -> None:
        if name not in self._dims:
            self._add(parse(self.model.exprs[name]), weight)
            return
        dims = self._dims[name]
        lost = tuple(i for i, d in enumerate(weight.dims) if d not in dims)
        kept = Named(tuple(d for d in weight.dims if d in dims), np.asarray(weight.data.sum(axis=lost)))
        self.gradient[name] += kept.over(dims, self.sizes)

    def _binary(self, node: Binary, weight: Named) -> None:
        if node.op in "+-":
            self._add(node.left, weight)
            self._add(node.right, weight if node.op == "+" else Named(weight.dims, -weight.data))
        elif node.op == "*" and self._free(node.left):
            self._add(node.right, self._times(weight, self.evaluator.value(node.left)))
        else:
            factor = node.right if node.op == "*" else Binary("/", Num(1.0), node.right)
            self._add(node.left, self._times(weight, self.evaluator.value(factor)))

    def _sum(self, node: Sum, weight: Named) -> None:
        over = node.over if node.over is not None else tuple(d for d in self._own(node.body) if d != "scenario")
        if set(over) & set(weight.dims):
            lost = tuple(i for i, d in enumerate(weight.dims) if d in over)
            weight = Named(tuple(d for d in weight.dims if d not in over), np.asarray(weight.data.sum(axis=lost)))
        dims = tuple(d for d in self.order if d in over)
        wide = self._times(weight, Named(dims, np.ones([self.sizes[d] for d in dims])))
        if node.where is not None:
            kept = self.evaluator.condition(node.where)
            wide = self._times(wide, Named(kept.dims, kept.data.astype(float)))
        self._add(node.body, wide)

    def _own(self, node: Node) -> set[str]:
        """Return the dims an expression has."""
        return set(self.evaluator.value(node).dims)

    def _shift(self, node: Shift, weight: Named) -> None:
        offset = self.evaluator.value(node.offset)
        zero = Named((), np.asarray(0.0))
        if node.edge is not None:
            edge = shifted(zero, node.along, offset=offset, edge=self.evaluator.value(node.edge), order=self.order, sizes=self.sizes)
            self.constant += float(self._times(weight, Named(edge.dims, np.asarray(edge.data, dtype=float))).data.sum())
        back = Named(offset.dims, -offset.data)
        wide = self._times(weight, Named((node.along,), np.ones(self.sizes[node.along])))
        moved = shifted(wide, node.along, offset=back, edge=zero, order=self.order, sizes=self.sizes)
        self._add(node.body, Named(moved.dims, np.asarray(moved.data, dtype=float)))

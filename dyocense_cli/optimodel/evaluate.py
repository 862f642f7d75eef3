"""Evaluate the expressions of an OptiModel on given values, array by array.

This shares nothing with grounding: it never forms a matrix. It is what the checker, plans, stress tests and explanations compute with.
What a parameter or a variable does not have counts 0 in arithmetic and false in a condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule, Var
from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text, rebuild
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.named import Named, aligned, reduced, shifted, summed

__all__ = ["Evaluator", "RowValues", "bounds", "existing", "join_columns", "param_values", "per_scenario", "split_columns"]

_CALLS: Final = {"min": np.minimum, "max": np.maximum}
_UNARY: Final = {"ceil": np.ceil, "floor": np.floor, "sqrt": np.sqrt}
_COMPARE: Final = {
    "==": np.equal,
    "!=": np.not_equal,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
}


@dataclass(frozen=True, slots=True)
class RowValues:
    """Both sides of one rule's rows over its dims; `exists` says which rows there are, `op` is ``<=``, ``>=`` or ``==``."""

    name: str
    dims: tuple[str, ...]
    op: str
    left: np.ndarray
    right: np.ndarray
    exists: np.ndarray

    @property
    def violation(self) -> np.ndarray:
        """How far each row is beyond its limit, ≥ 0; 0 where there is no row."""
        over = self.left - self.right
        amount = np.abs(over) if self.op == "==" else np.maximum(over if self.op == "<=" else -over, 0.0)
        return np.asarray(np.where(self.exists, amount, 0.0))

    @property
    def slack(self) -> np.ndarray:
        """How far each row is from its limit, negative beyond it; never positive for an equality."""
        over = self.left - self.right
        return np.asarray(-np.abs(over) if self.op == "==" else (-over if self.op == "<=" else over))

    @property
    def scale(self) -> np.ndarray:
        """Size of each row for relative tolerances: 1 + the larger side."""
        return np.asarray(1.0 + np.maximum(np.abs(self.left), np.abs(self.right)))


class Evaluator:
    """Values of expressions given the values of the variables.

    Parameters
    ----------
    model : OptiModel
        Whose names the expressions use.
    values : mapping
        Variable family -> float64 array over its dims, NaN where it does not exist; missing families count 0.
    """

    def __init__(self, model: OptiModel, values: Mapping[str, np.ndarray]) -> None:
        self.model = model
        self.order = tuple(model.dims)
        self.sizes = {d: len(labels) for d, labels in model.dims.items()}
        self._values = values
        self._vars = {v.name: v for v in model.vars}
        self._named: dict[str, Named] = {}
        self._present: dict[str, Named] = {}

    def value(self, expression: str | Node) -> Named:
        """Return an expression's value.

        Raises
        ------
        InputError
            DY2402 for a name that the model does not have.
        """
        node = parse(expression) if isinstance(expression, str) else expression
        return self._eval(node)

    def array(self, expression: str | Node, dims: tuple[str, ...]) -> np.ndarray:
        """Return an expression's value over `dims`, which hold all of its own."""
        return self.value(expression).over(dims, self.sizes)

    def scalar(self, expression: str | Node) -> float:
        """Return the value of an expression without dims."""
        return float(self.value(expression).data.reshape(()))

    def condition(self, where: str | Node) -> Named:
        """Return where a condition holds (bool data)."""
        return self._cond(parse(where) if isinstance(where, str) else where)

    def objective(self) -> tuple[float, dict[str, float]]:
        """Return the objective and its terms, each before its weight."""
        terms = {t.name: self.scalar(t.expr) for t in self.model.terms}
        return sum(t.weight * terms[t.name] for t in self.model.terms), terms

    def rows(self, rule: Rule) -> RowValues:
        """Return both sides of a rule and which of its rows exist.

        Raises
        ------
        InputError
            DY2403 if the rule's expression compares nothing.
        """
        tree = parse(rule.expr)
        if not isinstance(tree, Compare):
            raise InputError("DY2403", f"rule `{rule.name}` compares nothing", hints="write `left <= right`, `>=` or `==`")
        left, right = self._eval(tree.left), self._eval(tree.right)
        exists = left.existing(rule.dims, self.sizes) & right.existing(rule.dims, self.sizes)
        if rule.where is not None:
            exists = exists & self.condition(rule.where).over(rule.dims, self.sizes)
        op = {"<": "<=", ">": ">="}.get(tree.op, tree.op)
        return RowValues(rule.name, rule.dims, op, left.over(rule.dims, self.sizes), right.over(rule.dims, self.sizes), exists)

    def _eval(self, node: Node) -> Named:
        match node:
            case Num(value):
                return Named((), np.asarray(float(value)))
            case Name(name):
                return self._name(name)
            case Neg(body):
                inner = self._eval(body)
                return Named(inner.dims, -inner.data, inner.exists)
            case Binary():
                return self._binary(node)
            case Sum():
                return self._sum(node)
            case Shift(body, along, offset, edge):
                late, vacated = self._eval(offset), None if edge is None else self._eval(edge)
                return shifted(self._eval(body), along, offset=late, edge=vacated, order=self.order, sizes=self.sizes)
            case Reduce(kind, body, level):
                return reduced(self._eval(body), kind, level, self.model.probability)
            case Call():
                return self._call(node)
            case _:
                found = self._cond(node)
                return Named(found.dims, found.data.astype(np.float64), found.exists)

    def _name(self, name: str) -> Named:
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = self._look_up(name)
        return found

    def _look_up(self, name: str) -> Named:
        if name in self._vars:
            return self._ordered(self._vars[name].dims, self._variable(name))
        if name in self.model.params:
            param = self.model.params[name]
            return self._ordered(param.dims, param_values(param, self.sizes)[0])
        if name in self.model.exprs:
            return self._eval(parse(self.model.exprs[name]))
        if name in self.sizes:
            return Named((name,), np.arange(self.sizes[name], dtype=np.float64))
        raise InputError("DY2402", f"the model has no `{name}`", hints="use one of its parameters, variables, expressions or dims")

    def _variable(self, name: str) -> np.ndarray:
        given = self._values.get(name)
        if given is None:
            return np.zeros(tuple(self.sizes[d] for d in self._vars[name].dims))
        return np.asarray(np.nan_to_num(given, nan=0.0, posinf=np.inf, neginf=-np.inf))

    def _ordered(self, dims: tuple[str, ...], data: np.ndarray) -> Named:
        sorted_dims = tuple(d for d in self.order if d in dims)
        return Named(sorted_dims, data if sorted_dims == dims else np.transpose(data, [dims.index(d) for d in sorted_dims]))

    def _binary(self, node: Binary) -> Named:
        dims, (left, right), exists = aligned([self._eval(node.left), self._eval(node.right)], self.order)
        match node.op:
            case "+":
                return Named(dims, left + right, exists)
            case "-":
                return Named(dims, left - right, exists)
            case "*":
                return Named(dims, left * right, exists)
            case _:
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = np.where((left == 0.0) & (right == 0.0), 0.0, left / right)
                return Named(dims, ratio, exists)

    def _sum(self, node: Sum) -> Named:
        body = self._eval(node.body)
        over = node.over if node.over is not None else tuple(d for d in body.dims if d != "scenario")
        if node.where is not None:
            dims, (data, kept), exists = aligned([body, self._cond(node.where)], self.order)
            over = node.over if node.over is not None else tuple(d for d in dims if d != "scenario")
            body = Named(dims, np.where(kept, data, 0.0), exists)
        missing = [d for d in over if d not in body.dims]
        for dim in missing:  # a body without the dim counts once per member
            body = Named(body.dims, body.data * self.sizes[dim], body.exists)
        return summed(body, over)

    def _call(self, node: Call) -> Named:
        arguments = [self._eval(a) for a in node.args]
        if node.name in _UNARY:
            return Named(arguments[0].dims, _UNARY[node.name](arguments[0].data), arguments[0].exists)
        dims, parts, exists = aligned(arguments, self.order)
        data = parts[0]
        for part in parts[1:]:
            data = _CALLS[node.name](data, part)
        return Named(dims, data, exists)

    def _cond(self, node: Node) -> Named:
        match node:
            case Not(body):
                inner = self._cond(body)
                return Named(inner.dims, ~inner.data)
            case Logic(op, left, right):
                dims, (a, b), _ = aligned([self._cond(left), self._cond(right)], self.order)
                return Named(dims, a & b if op == "and" else a | b)
            case Compare(op, left, right):
                return self._compare(op, left, right)
            case Name(name):
                return self._presence(name)
            case _:
                inner = self._eval(node)
                return Named(inner.dims, inner.data != 0.0)

    def _compare(self, op: str, left: Node, right: Node) -> Named:
        if isinstance(left, Text) or isinstance(right, Text):
            name, text = (left, right) if isinstance(right, Text) else (right, left)
            assert isinstance(name, Name)
            assert isinstance(text, Text)
            labels = np.array([label == text.value for label in self.model.dims.get(name.id, ())], dtype=bool)
            if name.id not in self.sizes:
                raise InputError("DY2402", f"`{name.id}` has no labels to compare with '{text.value}'", hints="compare a dim with a label")
            return Named((name.id,), labels if op == "==" else ~labels)
        dims, (a, b), _ = aligned([self._eval(left), self._eval(right)], self.order)
        return Named(dims, np.asarray(_COMPARE[op](a, b)))

    def _presence(self, name: str) -> Named:
        found = self._present.get(name)
        if found is not None:
            return found
        if name in self.model.params:
            param = self.model.params[name]
            data, present = param_values(param, self.sizes)
            found = self._ordered(param.dims, present & (data != 0.0) if param.dtype == "bool" else present)
        elif name in self._vars:
            var = self._vars[name]
            found = self._ordered(var.dims, existing(self.model, var, self))
        else:
            value = self._name(name)
            found = Named(value.dims, value.data != 0.0)
        self._present[name] = found
        return found


def param_values(param: Param, sizes: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a parameter's values over its dims, 0 where it has none, and where it has one."""
    shape = tuple(sizes[d] for d in param.dims)
    if param.index is not None:
        data, present = np.zeros(shape), np.zeros(shape, dtype=bool)
        at = tuple(param.index)
        data[at], present[at] = param.data, True
        return data, present
    data = np.asarray(param.data, dtype=np.float64).reshape(shape)
    if param.mask is None:
        return data, np.ones(shape, dtype=bool)
    present = np.asarray(param.mask, dtype=bool).reshape(shape)
    return np.where(present, data, 0.0), present


def existing(model: OptiModel, var: Var, evaluator: Evaluator | None = None) -> np.ndarray:
    """Return which members of a family exist, bool over its dims."""
    evaluator = evaluator or Evaluator(model, {})
    shape = tuple(evaluator.sizes[d] for d in var.dims)
    if var.where is None:
        return np.ones(shape, dtype=bool)
    return np.array(evaluator.condition(var.where).over(var.dims, evaluator.sizes))


def bounds(model: OptiModel, var: Var, evaluator: Evaluator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper bounds of a family over its dims, ±inf where there is none; a ``bool`` is 0 or 1 at most."""
    evaluator = evaluator or Evaluator(model, {})
    shape = tuple(evaluator.sizes[d] for d in var.dims)
    low, high = (
        np.full(shape, missing)
        if bound is None
        else np.array(evaluator.array(bound, var.dims))
        if isinstance(bound, str)
        else np.full(shape, float(bound))
        for bound, missing in ((var.lb, -np.inf), (var.ub, np.inf))
    )
    if var.type == "bool":
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    return low, high


def split_columns(model: OptiModel, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return each family's values over its dims, NaN where it does not exist.

    Column order is a law: families in the order of the model, members that exist in C order of the family's dims.

    Raises
    ------
    InputError
        DY2404 if `x` has not one value per column of the model.
    """
    evaluator = Evaluator(model, {})
    values: dict[str, np.ndarray] = {}
    at = 0
    for var in model.vars:
        there = existing(model, var, evaluator)
        count = int(there.sum())
        data = np.full(there.shape, np.nan)
        part = x[at : at + count]
        if part.size == count:
            data[there] = part
        values[var.name] = data
        at += count
    if at != x.size:
        raise InputError("DY2404", f"the solution has {x.size} values, the model {at} columns", hints="solve this model again")
    return values


def join_columns(model: OptiModel, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the column vector of values per family; the inverse of `split_columns`."""
    evaluator = Evaluator(model, {})
    parts = [values[v.name][existing(model, v, evaluator)] for v in model.vars]
    return np.concatenate(parts) if parts else np.zeros(0)


def per_scenario(node: Node) -> Node:
    """Return the expression with its scenario reductions taken off: what it is in each scenario by itself."""
    return per_scenario(node.body) if isinstance(node, Reduce) else rebuild(node, per_scenario)

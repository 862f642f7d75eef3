"""OptiModel → a Python script that builds a Pyomo ``ConcreteModel`` named ``model``, rule by rule as it was written.

The script holds the data, needs only Pyomo, and states sums, conditions and shifts the way the model file does.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Var
from dyocense_cli.optimodel.expr.dims import sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.inline import inlined

__all__ = ["to_pyomo"]

_HEAD: Final = '''"""Built from an OptiModel; run it, then solve `model` with any Pyomo solver."""

import itertools

import pyomo.environ as pyo


class Vacated(Exception):
    """A shift without an edge led outside its dim."""


def total(dims, body, where=None):
    """Sum over dims where a condition holds; what a shift vacated adds nothing."""
    parts = []
    for members in itertools.product(*(range(len(SETS[d])) for d in dims)):
        if where is None or where(*members):
            try:
                parts.append(body(*members))
            except Vacated:
                pass
    return pyo.quicksum(parts)


def shift(dim, at, offset, body, edge=None):
    """The value `offset` positions earlier, or the edge."""
    place = at - int(offset)
    if 0 <= place < len(SETS[dim]):
        return body(place)
    if edge is None:
        raise Vacated
    return edge()


def value(name, *key):
    return DATA[name].get(key, 0.0)


def held(name, *key):
    return key in DATA[name] and DATA[name][key] is not False


def column(name, *key):
    family = getattr(model, name)
    key = key[0] if len(key) == 1 else key or 0
    return family[key] if key in family else 0.0


def rule(name, dims, relation, difference, where=None):
    """Add the rows of a rule; a row that no variable enters and that is true by itself does not exist."""
    rows = {}
    for key in itertools.product(*(range(len(SETS[d])) for d in dims)):
        if where is not None and not where(*key):
            continue
        try:
            body = difference(*key)
        except Vacated:
            continue
        if isinstance(body, (int, float)):
            if (relation == "==" and body == 0) or (relation == "<=" and body <= 0) or (relation == ">=" and body >= 0):
                continue
            raise ValueError(f"{name}{key} can never hold")
        rows[key] = body == 0 if relation == "==" else body <= 0 if relation == "<=" else body >= 0
    setattr(model, name, pyo.Constraint(list(rows), rule=lambda m, *key: rows[tuple(key)]))

'''
_DOMAINS: Final = {"float": "pyo.Reals", "int": "pyo.Integers", "bool": "pyo.Binary"}


def to_pyomo(model: OptiModel) -> str:
    """Return the script. Its variables and constraints have the model's names, with positions of labels as indices."""
    model = inlined(model)
    writer = _Writer(model)
    lines = [_HEAD, "SETS = {"]
    lines += [f"    {d!r}: {list(labels)!r}," for d, labels in model.dims.items()]
    lines += ["}", "DATA = {"]
    lines += [f"    {n!r}: {_data(p)}," for n, p in _params(model)]
    lines += ["}", "", "model = pyo.ConcreteModel()", "", ""]
    for v in model.vars:
        lines += writer.variable(v)
    for rule in model.rules:
        lines += writer.rule(rule.name, rule.dims, rule.expr, rule.where)
    lines += writer.objective()
    return "\n".join(lines) + "\n"


def _params(model: OptiModel) -> Iterator[tuple[str, Param]]:
    yield from model.params.items()
    if "scenario" in model.dims and "probability" not in model.params:
        yield "probability", Param(("scenario",), model.probability)


def _data(param: Param) -> str:
    if param.index is not None:
        keys = param.index.T.tolist()
        values = param.data.tolist()
    else:
        held = np.ones(param.data.shape, bool) if param.mask is None else param.mask
        keys = np.argwhere(held).tolist()
        values = param.data[held].tolist()
    return "{" + ", ".join(f"{tuple(k)!r}: {v!r}" for k, v in zip(keys, values, strict=True)) + "}"


class _Writer:
    """Writes trees as Python; each dim in scope is a parameter of a lambda and goes by ``{dim}_``."""

    def __init__(self, model: OptiModel) -> None:
        self.model = model
        self.vars = {v.name: v for v in model.vars}
        self.dims = {n: p.dims for n, p in _params(model)} | {v.name: v.dims for v in model.vars}

    def variable(self, v: Var) -> list[str]:
        args = ", ".join(_at(d) for d in v.dims)
        where = f" if {self.condition(parse(v.where))}" if v.where else ""
        loops = " ".join(f"for {_at(d)} in range(len(SETS[{d!r}]))" for d in v.dims)
        keys = f"[{args if len(v.dims) == 1 else f'({args})'} {loops}{where}]"
        low, high = (self.bound(b) for b in (v.lb, v.ub))
        call = f"lambda m{', ' if args else ''}{args}: ({low}, {high})"
        if not v.dims:
            return [f"model.{_safe(v.name)} = pyo.Var([0], domain={_DOMAINS[v.type]}, bounds=({low}, {high}))"]
        return [f"model.{_safe(v.name)} = pyo.Var({keys}, domain={_DOMAINS[v.type]}, bounds={call})"]

    def bound(self, bound: float | str | None) -> str:
        return "None" if bound is None else self.of(parse(bound)) if isinstance(bound, str) else repr(float(bound))

    def rule(self, name: str, dims: tuple[str, ...], text: str, where: str | None) -> list[str]:
        node = parse(text)
        assert isinstance(node, Compare)
        args = ", ".join(_at(d) for d in dims)
        body = f"{self.of(node.left)} - {self.of(node.right, 2)}"
        condition = f", lambda {args}: {self.condition(parse(where))}" if where else ""
        return [f"rule({_safe('rule_' + name)!r}, {dims!r}, {node.op!r}, lambda {args}: {body}{condition})"]

    def objective(self) -> list[str]:
        parts = [f"{t.weight!r} * ({self.of(parse(t.expr))})" for t in self.model.terms] or ["0.0"]
        sense = "pyo.minimize" if self.model.sense == "min" else "pyo.maximize"
        return ["model.objective = pyo.Objective(expr=" + " + ".join(parts) + f", sense={sense})"]

    def of(self, node: Node, place: int = 0) -> str:
        if isinstance(node, Num):
            return repr(node.value)
        if isinstance(node, Name):
            return self.name(node.id)
        if isinstance(node, Neg):
            return f"-{self.of(node.body, 3)}"
        if isinstance(node, Binary):
            level = 1 if node.op in "+-" else 2
            text = f"{self.of(node.left, level)} {node.op} {self.of(node.right, level + 1)}"
            return f"({text})" if level < place else text
        if isinstance(node, Sum):
            return self.sum(node)
        if isinstance(node, Shift):
            edge = "" if node.edge is None else f", lambda: {self.of(node.edge)}"
            at = _at(node.along)
            return f"shift({node.along!r}, {at}, {self.of(node.offset)}, lambda {at}: {self.of(node.body)}{edge})"
        if isinstance(node, Reduce):
            assert node.kind == "mean"
            return self.sum(Sum(Binary("*", Name("probability"), node.body), ("scenario",)))
        assert isinstance(node, Call)
        return f"{node.name}({', '.join(self.of(a) for a in node.args)})"

    def name(self, name: str) -> str:
        dims = self.dims[name]
        call = "column" if name in self.vars else "value"
        return f"{call}({', '.join([repr(_safe(name) if name in self.vars else name), *(_at(d) for d in dims)])})"

    def sum(self, node: Sum) -> str:
        over = sum_dims(node, self.dims)
        args = ", ".join(_at(d) for d in over)
        where = "" if node.where is None else f", lambda {args}: {self.condition(node.where)}"
        return f"total({over!r}, lambda {args}: {self.of(node.body)}{where})"

    def condition(self, node: Node) -> str:
        if isinstance(node, Name):
            return f"held({', '.join([repr(node.id), *(_at(d) for d in self.dims[node.id])])})"
        if isinstance(node, Not):
            return f"not ({self.condition(node.body)})"
        if isinstance(node, Logic):
            return f"({self.condition(node.left)} {node.op} {self.condition(node.right)})"
        assert isinstance(node, Compare)
        return f"({self.of(node.left)} {node.op} {self.of(node.right)})"


def _at(dim: str) -> str:
    return f"{dim}_"


def _safe(name: str) -> str:
    word = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    return f"{word}_" if keyword.iskeyword(word) or word in ("objective", "name") else word

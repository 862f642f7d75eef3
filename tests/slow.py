"""The algebra of the model language by plain Python loops: what grounding must agree with. Shares nothing with the package but the tree."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.expr import parse
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, children

Point = Mapping[str, int]


class Vacated(Exception):
    """A shift without an edge led outside its dim."""


class Slow:
    """Evaluates expressions of one model at single points; `x` maps (variable, labels' positions) to values."""

    def __init__(self, model: OptiModel, x: Mapping[tuple[str, tuple[int, ...]], float] | None = None) -> None:
        self.model = model
        self.x = x or {}
        self.sizes = {d: len(v) for d, v in model.dims.items()}
        self.vars = {v.name: v for v in model.vars}

    def dims(self, node: Node) -> list[str]:
        if isinstance(node, Name):
            owner: Any = self.vars.get(node.id) or self.model.params.get(node.id)
            if owner is None:
                return ["scenario"] if node.id == "probability" else []
            return list(owner.dims)
        found: list[str] = []
        for child in children(node):
            found += [d for d in self.dims(child) if d not in found]
        if isinstance(node, Sum):
            return [d for d in found if d not in self.over(node, found)]
        return [d for d in found if d != "scenario"] if isinstance(node, Reduce) else found

    @staticmethod
    def over(node: Sum, inner: list[str]) -> list[str]:
        return [d for d in inner if d != "scenario"] if node.over is None else list(node.over)

    def param(self, name: str, at: Point) -> float | None:
        if name == "probability" and name not in self.model.params:
            return float(self.model.probability[at["scenario"]])
        param = self.model.params[name]
        key = tuple(at[d] for d in param.dims)
        if param.index is not None:
            for i in range(param.data.size):
                if tuple(int(v) for v in param.index[:, i]) == key:
                    return float(param.data[i])
            return None
        if param.mask is not None and not param.mask[key]:
            return None
        return float(param.data[key])

    def exists(self, name: str, at: Point) -> bool:
        where = self.vars[name].where
        return where is None or self.holds(parse(where), at)

    def holds(self, node: Node, at: Point) -> bool:
        if isinstance(node, Name):
            value = self.param(node.id, at)
            return value is not None and (self.model.params[node.id].dtype != "bool" or value != 0)
        if isinstance(node, Not):
            return not self.holds(node.body, at)
        if isinstance(node, Logic):
            left, right = self.holds(node.left, at), self.holds(node.right, at)
            return (left and right) if node.op == "and" else (left or right)
        assert isinstance(node, Compare)
        left, right = self.value(node.left, at), self.value(node.right, at)
        return {"==": left == right, "!=": left != right, "<=": left <= right, ">=": left >= right, "<": left < right, ">": left > right}[node.op]

    def value(self, node: Node, at: Point) -> float:
        if isinstance(node, Num):
            return node.value
        if isinstance(node, Name):
            if node.id in self.vars:
                key = tuple(at[d] for d in self.vars[node.id].dims)
                return self.x.get((node.id, key), 0.0) if self.exists(node.id, at) else 0.0
            return self.param(node.id, at) or 0.0
        if isinstance(node, Neg):
            return -self.value(node.body, at)
        if isinstance(node, Binary):
            left, right = self.value(node.left, at), self.value(node.right, at)
            return {"+": left + right, "-": left - right, "*": left * right, "/": left / right if node.op == "/" else 0.0}[node.op]
        if isinstance(node, Sum):
            return self.sum(node, at)
        if isinstance(node, Shift):
            return self.shift(node, at)
        if isinstance(node, Reduce):
            assert node.kind == "mean"
            return sum(p * self.value(node.body, {**at, "scenario": s}) for s, p in enumerate(self.model.probability.tolist()))
        assert isinstance(node, Call)
        return {"min": min, "max": max}[node.name](self.value(a, at) for a in node.args)

    def sum(self, node: Sum, at: Point) -> float:
        inner = self.dims(node.body) + (self.dims(node.where) if node.where is not None else [])
        over = self.over(node, list(dict.fromkeys(inner)))
        total = 0.0
        for members in itertools.product(*(range(self.sizes[d]) for d in over)):
            here = {**at, **dict(zip(over, members, strict=True))}
            if node.where is None or self.holds(node.where, here):
                try:
                    total += self.value(node.body, here)
                except Vacated:
                    continue
        return total

    def shift(self, node: Shift, at: Point) -> float:
        place = at[node.along] - int(self.value(node.offset, at))
        if 0 <= place < self.sizes[node.along]:
            return self.value(node.body, {**at, node.along: place})
        if node.edge is None:
            raise Vacated
        return self.value(node.edge, at)

    def rows(self, name: str) -> Iterator[tuple[tuple[int, ...], str, float]]:
        """Yield the labels' positions, relation and left minus right of every row of a rule."""
        rule = next(r for r in self.model.rules if r.name == name)
        node = parse(rule.expr)
        assert isinstance(node, Compare)
        for members in itertools.product(*(range(self.sizes[d]) for d in rule.dims)):
            at = dict(zip(rule.dims, members, strict=True))
            if rule.where is not None and not self.holds(parse(rule.where), at):
                continue
            try:
                yield members, node.op, self.value(node.left, at) - self.value(node.right, at)
            except Vacated:
                continue

    def objective(self) -> float:
        return sum(t.weight * self.value(parse(t.expr), {}) for t in self.model.terms)

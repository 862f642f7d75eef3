"""OptiModel → a mathspec specification (YAML): dimensions, parameters, variables, constraints, objective, without data.

What mathspec has no word for is written in its words: ``sum(e where c)`` multiplies by a 0/1 parameter, several dims of a sum become
nested sums, an edge that is a parameter is added by a parameter of ones. An offset over a dim that the shifted expression lacks (a lead
time per scenario) has no rewrite there; the text is exported as it is and mathspec refuses it.
"""

from __future__ import annotations

import json
from typing import Final

from dyocense_cli.artifacts.optimodel import OptiModel, Param
from dyocense_cli.optimodel.expr.dims import dims_of, sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Name, Node, Num, Reduce, Shift, Sum, rebuild
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.inline import inlined

__all__ = ["to_mathspec"]

_DTYPES: Final = {"f8": "float", "i8": "int", "bool": "bool"}
_DOMAINS: Final = {"float": "continuous", "int": "integer", "bool": "binary"}


def to_mathspec(model: OptiModel, *, description: str = "") -> str:
    """Return the specification as YAML text, keys in the model's order."""
    model = inlined(model)
    params = dict(model.params)
    if "scenario" in model.dims:
        params.setdefault("probability", Param(("scenario",), model.probability))
    writer = _Writer({v.name: v.dims for v in model.vars} | {n: p.dims for n, p in params.items()})
    lines = [f"description: {_text(description)}"] if description else []
    lines.append("dimensions:")
    lines += [f"  {d}: {{dtype: str{', ordered: true' if d in model.ordered else ''}}}" for d in model.dims]
    rules = {r.name: writer.text(r.expr) for r in model.rules}
    objective = show(writer.change(_total(model)))
    lines.append("parameters:")
    lines += [f"  ones_{d}: {{dims: [{d}], dtype: float, description: 1 everywhere}}" for d in sorted(writer.ones)]
    for condition, name in writer.conditions.items():
        lines.append(f"  {name}: {{dims: {_dims(writer.dims_of[name])}, dtype: float, description: {_text('1 where ' + show(condition))}}}")
    lines += [f"  {n}: {{dims: {_dims(p.dims)}, dtype: {_DTYPES[p.dtype]}{_missing(p)}}}" for n, p in params.items()]
    lines.append("variables:")
    for v in model.vars:
        lines += [f"  {v.name}:", f"    dims: {_dims(v.dims)}"]
        lines += [f"    where: {_text(v.where)}", "    missing: neutral"] if v.where else []
        bounds = [f"{side}: {b if isinstance(b, str) else _number(b)}" for side, b in (("lower", v.lb), ("upper", v.ub)) if b is not None]
        lines += [f"    bounds: {{{', '.join(bounds)}}}"] if bounds and v.type != "bool" else []
        lines += [f"    domain: {_DOMAINS[v.type]}"]
    lines.append("constraints:")
    for r in model.rules:
        lines += [f"  {_name(r.name)}:", f"    dims: {_dims(r.dims)}"]
        lines += [f"    where: {_text(r.where)}"] if r.where else []
        lines += [f"    expression: {_text(rules[r.name])}"]
        lines += [f"    description: {_text(r.intent)}"] if r.intent else []
    sense = "minimize" if model.sense == "min" else "maximize"
    lines += ["objective:", f"  sense: {sense}", f"  expression: {_text(objective)}"]
    return "\n".join(lines) + "\n"


class _Writer:
    """Rewrites trees into mathspec's forms."""

    def __init__(self, dims_of: dict[str, tuple[str, ...]]) -> None:
        self.dims_of = dims_of
        self.ones: set[str] = set()  # dims whose parameter of ones an edge needs
        self.conditions: dict[Node, str] = {}

    def text(self, text: str) -> str:
        return show(self.change(parse(text)))

    def change(self, node: Node) -> Node:
        if isinstance(node, Reduce) and node.kind == "mean":
            node = Sum(Binary("*", Name("probability"), node.body), ("scenario",))
        if isinstance(node, Sum):
            over = sum_dims(node, self.dims_of)
            out = self.change(node.body)
            if node.where is not None:
                out = Binary("*", out, Name(self.indicator(node.where)))
            for dim in over:
                out = Sum(out, (dim,))
            return out
        if isinstance(node, Shift) and node.edge is not None and not isinstance(node.edge, Num):
            # Only a number may stand at an edge: the edge is added where ones are shifted out.
            ones = f"ones_{node.along}"
            self.ones.add(node.along)
            moved = Shift(self.change(node.body), node.along, node.offset, Num(0.0))
            vacated = Binary("-", Name(ones), Shift(Name(ones), node.along, node.offset, Num(0.0)))
            return Binary("+", moved, Binary("*", self.change(node.edge), vacated))
        return rebuild(node, self.change)

    def indicator(self, condition: Node) -> str:
        """Return the 0/1 parameter that stands for a condition inside a sum."""
        if condition not in self.conditions:
            self.conditions[condition] = f"where_{len(self.conditions) + 1}"
            self.dims_of[self.conditions[condition]] = dims_of(condition, self.dims_of)
        return self.conditions[condition]


def _total(model: OptiModel) -> Node:
    total = [_weighted(t.weight, parse(t.expr)) for t in model.terms]
    node = total[0] if total else Num(0.0)
    for part in total[1:]:
        node = Binary("+", node, part)
    return node


def _weighted(weight: float, node: Node) -> Node:
    return (
        node
        if weight == 1
        else Binary("*", Num(abs(weight)), node)
        if weight > 0
        else Binary("-", Num(0.0), Binary("*", Num(-weight), node))
    )


def _missing(param: Param) -> str:
    holes = param.index is not None or param.mask is not None
    return ", missing: neutral" if holes and param.dtype != "bool" else ""


def _dims(dims: tuple[str, ...]) -> str:
    return f"[{', '.join(dims)}]"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _name(name: str) -> str:
    return name.replace("-", "_").replace(":", "_")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

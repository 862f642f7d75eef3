"""Check that an OptiModel holds together before anything trusts it."""

from __future__ import annotations

from dyocense_cli.artifacts.optimodel import OptiModel, Param
from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.expr import ExpressionError, parse, show
from dyocense_cli.optimodel.expr.nodes import Call, Compare, Node, Reduce, Text, walk
from dyocense_cli.optimodel.meaning import meaning
from dyocense_cli.optimodel.symbols import Problem, Scope, Symbol

__all__ = ["scope_of", "verify"]


def scope_of(model: OptiModel) -> Scope:
    """Return the names of an OptiModel; its scenario dim is ``scenario`` unless another has as many labels as probabilities say."""
    symbols: dict[str, Symbol] = {d: Symbol("dim", (d,)) for d in model.dims}
    for name, param in model.params.items():
        symbols[name] = Symbol("param", param.dims, integer=param.dtype == "i8")
    for variable in model.vars:
        symbols[variable.name] = Symbol("var", variable.dims)
    for name, text in model.exprs.items():
        symbols.setdefault(name, Symbol("expr", node=parse(text)))
    scenario = "scenario" if "scenario" in model.dims else None
    return Scope(symbols, tuple(model.dims), frozenset(model.ordered), scenario)


def verify(model: OptiModel) -> None:
    """Check names, dims, linearity, canonical text and shapes.

    Raises
    ------
    InputError
        DY2219 with the family that does not hold together.
    """
    scope = scope_of(model)
    for name, param in model.params.items():
        _shape(name, param, model)
    for rule in model.rules:
        node = _canonical(rule.name, rule.expr)
        if not isinstance(node, Compare) or node.op not in ("==", "<=", ">="):
            raise InputError("DY2219", f"the rule `{rule.name}` is no comparison")
        found = _linear(rule.name, node, scope)
        if not set(found) <= set(rule.dims):
            raise InputError("DY2219", f"the rule `{rule.name}` has dims {rule.dims}, its sides {found}")
    for term in model.terms:
        if _linear(term.name, _canonical(term.name, term.expr), scope):
            raise InputError("DY2219", f"the objective term `{term.name}` is no single number")
    for variable in model.vars:
        if not set(variable.dims) <= set(model.dims):
            raise InputError("DY2219", f"the variable `{variable.name}` has dims {variable.dims}")


def _shape(name: str, param: Param, model: OptiModel) -> None:
    shape = tuple(len(model.dims[d]) for d in param.dims)
    if param.index is None:
        good = param.data.shape == shape and (param.mask is None or param.mask.shape == shape)
    else:
        good = param.index.shape == (len(shape), param.data.size)
    if not good:
        raise InputError("DY2219", f"the parameter `{name}` has shape {param.data.shape}, its dims {shape}")


def _canonical(name: str, text: str) -> Node:
    try:
        node = parse(text)
    except ExpressionError as error:
        raise InputError("DY2219", f"`{name}`: {error.message}") from error
    if show(node) != text:
        raise InputError("DY2219", f"`{name}` is not in canonical form: {text}")
    return node


def _linear(name: str, node: Node, scope: Scope) -> tuple[str, ...]:
    for part in walk(node):
        if isinstance(part, (Reduce, Call, Text)):
            raise InputError("DY2219", f"`{name}` still holds `{show(part)[:60]}`")
    problems: list[Problem] = []
    found = meaning(node, scope, problems.append)
    if problems:
        raise InputError("DY2219", f"`{name}`: {problems[0].message}", hints=problems[0].hint or ())
    return found.dims

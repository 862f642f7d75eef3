"""Random small models for property tests: linear rules with sums, conditions, shifts by parameters, sparse and masked data."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Robust, Rule, Term, Var
from dyocense_cli.optimodel.expr import show
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Logic, Name, Neg, Node, Not, Num, Shift, Sum
from dyocense_cli.optimodel.meaning import meaning
from dyocense_cli.optimodel.symbols import Scope
from dyocense_cli.optimodel.verify import scope_of

SIZES = {"a": 3, "b": 2, "t": 4, "scenario": 2}
ORDERED = ("t",)


def _params(rng: np.random.Generator) -> dict[str, Param]:
    def dense(*dims: str, whole: bool = False, holes: bool = False) -> Param:
        shape = tuple(SIZES[d] for d in dims)
        data = rng.integers(-2, 4, shape) if whole else np.round(rng.uniform(-3, 5, shape), 1)
        mask = rng.random(shape) < 0.6 if holes else None
        return Param(dims, data.astype(np.int64 if whole else np.float64), dtype="i8" if whole else "f8", mask=mask)

    def sparse(*dims: str) -> Param:
        shape = tuple(SIZES[d] for d in dims)
        index = np.array(np.nonzero(rng.random(shape) < 0.5), np.int32).reshape(len(dims), -1)
        return Param(dims, np.round(rng.uniform(1, 5, index.shape[1]), 1), index=index)

    return {
        "p": dense("a"), "q": dense("b", "a"), "r": dense("t", "scenario"), "c": dense(), "h": dense("a", "t", holes=True),
        "s": sparse("a", "b"), "lag": dense("b", "scenario", whole=True), "k": dense("a", whole=True),
        "on": Param(("b",), rng.random(2) < 0.5, dtype="bool"), "u": Param(("a",), np.array([2.0, 5.0, 9.0])),
    }


VARS = (
    Var("x", ("a", "b", "t"), "int", 0.0, "u", 1, "s"),
    Var("y", ("a", "t", "scenario"), "float", 0.0, None, 2),
    Var("z", ("b",), "bool", 0.0, 1.0, 1, "on"),
    Var("w", (), "float", None, None, 1),
    Var("v", ("t", "a"), "float", -1.0, None, 1, "h or k > 0"),
)


def base(seed: int) -> OptiModel:
    rng = np.random.default_rng(seed)
    dims = {d: tuple(f"{d}{i}" for i in range(n)) for d, n in SIZES.items()}
    return OptiModel(dims, ORDERED, _params(rng), VARS, {}, "min", (), (), Robust(2, "mean"), np.array([0.25, 0.75]))


CONDITIONS = st.sampled_from([
    Name("s"), Name("on"), Name("h"), Compare(">", Name("k"), Num(0.0)), Logic("and", Name("s"), Name("on")), Not(Name("on")),
    Logic("or", Name("h"), Compare("<=", Name("p"), Num(1.0))),
])
COEFFICIENTS = st.sampled_from([Name(n) for n in ("p", "q", "r", "c", "h", "s")] + [
    Binary("+", Name("p"), Num(1.0)), Binary("*", Name("q"), Name("c")), Sum(Name("q"), ("b",)), Num(2.0), Num(0.5),
])
OFFSETS = st.sampled_from([Num(1.0), Neg(Num(1.0)), Num(2.0), Name("lag"), Name("k")])


def _dims(node: Node, scope: Scope) -> tuple[str, ...]:
    return meaning(node, scope, lambda _: None).dims


@st.composite
def linear(draw: st.DrawFn, scope: Scope, depth: int = 3) -> Node:
    kind = draw(st.integers(0, 7 if depth else 0))
    if kind <= 1:
        return Name(draw(st.sampled_from([v.name for v in VARS])))
    body = draw(linear(scope, depth - 1))
    if kind == 2:
        return Binary("*", draw(COEFFICIENTS), body) if draw(st.booleans()) else Binary("*", body, draw(COEFFICIENTS))
    if kind == 3:
        return Binary(draw(st.sampled_from("+-")), body, draw(st.one_of(linear(scope, depth - 1), COEFFICIENTS)))
    if kind == 4:
        return Neg(body)
    dims = _dims(body, scope)
    if kind == 5 and "t" in dims:
        return Shift(body, "t", draw(OFFSETS), draw(st.sampled_from([None, Num(0.0), Name("p"), Num(3.0)])))
    if kind == 6:
        where = draw(st.one_of(st.none(), CONDITIONS))
        inside = dims if where is None else tuple(dict.fromkeys((*dims, *_condition_dims(where, scope))))
        over = tuple(d for d in inside if draw(st.booleans()))
        return Sum(body, over if over else None, where)
    return Binary("/", body, Num(draw(st.sampled_from([2.0, 4.0]))))


def _condition_dims(node: Node, scope: Scope) -> tuple[str, ...]:
    return _dims(Sum(Num(1.0), (), node), scope)


@st.composite
def models(draw: st.DrawFn) -> OptiModel:
    """A model with one random rule and one random objective term."""
    model = base(draw(st.integers(0, 10_000)))
    scope = scope_of(model)
    left, right = draw(linear(scope)), draw(st.one_of(linear(scope), COEFFICIENTS))
    node = Compare(draw(st.sampled_from(["<=", ">=", "=="])), left, right)
    dims = tuple(draw(st.permutations(_dims(node, scope))))
    where = draw(st.one_of(st.none(), CONDITIONS))
    if where is not None and not set(_condition_dims(where, scope)) <= set(dims):
        where = None
    rule = Rule("rule", dims, show(node), where=None if where is None else show(where))
    body = draw(linear(scope))
    total = Sum(body, tuple(_dims(body, scope))) if _dims(body, scope) else body
    terms = (Term("term", show(total), draw(st.sampled_from([1.0, 0.5]))),)
    return OptiModel(model.dims, ORDERED, model.params, model.vars, {}, "min", terms, (rule,), model.robust, model.probability)

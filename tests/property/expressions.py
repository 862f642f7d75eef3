"""Random expressions for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text

NAMES = st.sampled_from(["a", "price", "stock", "x1", "größe", "lead_time"])
DIMS = st.sampled_from(["sku", "period", "supplier"])
OVER = st.one_of(st.none(), st.lists(DIMS, unique=True, max_size=3).map(tuple))
LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.001])


def _numbers() -> st.SearchStrategy[Node]:
    return st.floats(min_value=0, allow_nan=False, allow_infinity=False).map(lambda v: Num(v + 0.0))


def arithmetic() -> st.SearchStrategy[Node]:
    leaves = st.one_of(NAMES.map(Name), _numbers())

    def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return st.one_of(
            inner.map(Neg),
            st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
            st.builds(Sum, inner, OVER, st.one_of(st.none(), conditions(inner))),
            st.builds(Shift, inner, DIMS, inner, st.one_of(st.none(), inner)),
            st.builds(Reduce, st.sampled_from(["mean", "worst"]), inner),
            st.builds(Reduce, st.sampled_from(["quantile", "cvar"]), inner, LEVELS),
            st.builds(Call, st.sampled_from(["min", "max"]), st.tuples(inner, inner)),
        )

    return st.recursive(leaves, grow, max_leaves=8)


def conditions(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    leaf = st.one_of(
        NAMES.map(Name),
        st.builds(Compare, st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]), inner, st.one_of(inner, st.text(max_size=8).map(Text))),
    )
    return st.recursive(leaf, lambda c: st.one_of(c.map(Not), st.builds(Logic, st.sampled_from(["and", "or"]), c, c)), max_leaves=5)


_INNER = arithmetic()
_ANY = st.one_of(_INNER, conditions(_INNER))


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Any tree that the parser can return (composite, so that its repr stays short)."""
    return draw(_ANY)

"""parse ∘ print = id, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.optimodel.expr import ExpressionError, parse, show
from dyocense_cli.optimodel.expr.nodes import Node
from tests.property.expressions import trees

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

@given(trees())
def test_parsing_printed_trees_returns_them(tree: Node) -> None:
    assert parse(show(tree)) == tree


@given(trees())
def test_printing_parsed_text_returns_canonical_text(tree: Node) -> None:
    text = show(tree)
    assert show(parse(text)) == text


@given(st.text(alphabet="ab1.,()[]'+-*/<>= \n\\whereandnotsumshift", max_size=60))
def test_any_text_parses_or_fails_with_a_place(text: str) -> None:
    offset = _failure(text)
    assert 0 <= offset <= len(text) if offset is not None else parse(show(parse(text))) == parse(text)


def _failure(text: str) -> int | None:
    try:
        parse(text)
    except ExpressionError as error:
        return error.offset
    return None

"""Parsing and printing of expressions."""

from __future__ import annotations

import pytest

from dyocense_cli.optimodel.expr import ExpressionError, parse, show
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Num, Reduce, Shift, Sum, Text


def test_product_binds_tighter_than_sum() -> None:
    assert parse("a + b * c") == Binary("+", Name("a"), Binary("*", Name("b"), Name("c")))


def test_minus_groups_to_the_left_and_keeps_needed_parentheses() -> None:
    assert show(parse("a - (b - c) - d")) == "a - (b - c) - d"
    assert show(parse("(a - b) - c")) == "a - b - c"


def test_negation_binds_tighter_than_product() -> None:
    assert parse("-a * b") == Binary("*", Neg(Name("a")), Name("b"))
    assert show(parse("-(a*b)")) == "-(a * b)"


def test_sum_takes_condition_and_dims() -> None:
    tree = parse("sum(spend where region == 'local', over=[sku, period])")
    assert tree == Sum(Name("spend"), ("sku", "period"), Compare("==", Name("region"), Text("local")))


def test_shift_takes_keywords_in_any_order() -> None:
    tree = parse("shift(x, offset=lead, along=period)")
    assert tree == Shift(Name("x"), "period", Name("lead"))
    assert show(tree) == "shift(x, along=period, offset=lead)"


def test_percentile_is_a_quantile() -> None:
    assert parse("p95(cost)") == Reduce("quantile", Name("cost"), 0.95)
    assert show(parse("p95(cost)")) == "quantile(cost, 0.95)"


def test_whole_numbers_print_without_a_point() -> None:
    assert show(Num(8000.0)) == "8000"
    assert show(parse("1e30 * x + .5")) == "1e+30 * x + 0.5"


@pytest.mark.parametrize(
    ("text", "code", "offset", "match"),
    [
        ("a +", "DY2201", 3, "expected a value, found the end"),
        ("a <= b <= c", "DY2202", 7, "a rule compares once"),
        ("a = b", "DY2202", 2, "`=` does not stand here"),
        ("x ** 2", "DY2202", 2, "powers are not linear"),
        ("x ^ 2", "DY2202", 2, "powers are not linear"),
        ("som(x)", "DY2201", 0, "no function is named `som`"),
        ("sum(x, dims=a)", "DY2201", 7, "expected `over=`"),
        ("shift(x, along=t)", "DY2201", 0, "needs `along=` and `offset=`"),
        ("quantile(x, 95)", "DY2201", 12, "a level between 0 and 1"),
        ("a $ b", "DY2201", 2, "starts nothing"),
        ("region == 'lo", "DY2201", 10, "starts nothing"),
        ("min(a)", "DY2201", 0, "takes 2 to 9 values"),
        ("(" * 80 + "a" + ")" * 80, "DY2201", 60, "nested deeper"),
        ("a" * 20_001, "DY2201", 0, "characters"),
    ("a+" * 9_000 + "a", "DY2201", 0, "a tree of more than 150 levels"),
    ("-" * 9_000 + "a", "DY2201", 60, "nested deeper"),
    ("not " * 4_000 + "a", "DY2201", 240, "nested deeper"),
    ],
)
def test_text_that_is_no_expression_fails_at_its_place(text: str, code: str, offset: int, match: str) -> None:
    with pytest.raises(ExpressionError, match=match) as caught:
        parse(text)
    assert (caught.value.code, caught.value.offset) == (code, offset)

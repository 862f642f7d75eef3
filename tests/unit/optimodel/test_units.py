"""Units: a product is told in the words of its factors, so that a number and its unit belong together."""

from __future__ import annotations

import pytest

from dyocense_cli.optimodel.units import parse_unit, unit_text


@pytest.mark.parametrize(
    ("one", "other", "sign", "text"),
    [
        ("ton/acre", "acre", 1, "ton"),
        ("minute/each", "each", 1, "minute"),
        ("EUR/kg", "kg", 1, "EUR"),
        ("EUR", "each", -1, "EUR/each"),
        ("m3/each", "each", 1, "m3"),
        ("case", "each", -1, "12"),
        ("each", "each", -1, "a number"),
        ("%", "EUR", 1, "%*EUR"),
    ],
)
def test_a_product_is_told_in_the_words_of_its_factors(one: str, other: str, sign: int, text: str) -> None:
    extra = (("case", 12.0, "each"),)
    product = parse_unit(one, extra=extra).times(parse_unit(other, extra=extra), sign)
    assert unit_text(product) == text


@pytest.mark.parametrize("text", ["minute", "ton", "hour/each", "g*day", "km^2"])
def test_what_is_told_has_the_size_of_what_it_tells(text: str) -> None:
    """The words of a product read back as the same unit: never minutes' number with days' name."""
    product = parse_unit(text).times(parse_unit("each"))
    assert parse_unit(unit_text(product)).same(product)

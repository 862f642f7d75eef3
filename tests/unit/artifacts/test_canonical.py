"""The quick writer gives the bytes of RFC 8785's own."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.artifacts.canonical import canonical_json

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)
text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Mn", "Me", "Lo", "So")) | st.sampled_from('\ue000\u2028\x7f"\\\x00\x1f😀')
)
values = st.recursive(st.none() | st.booleans() | numbers | text, lambda v: st.lists(v) | st.dictionaries(text, v))


@given(values)
def test_every_value_has_the_bytes_of_the_reference(value):
    normal = canonical_json(value)
    assert canonical_json(rfc_cleaned(value)) == normal == rfc8785.dumps(rfc_cleaned(value))


def rfc_cleaned(value):
    import unicodedata

    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {rfc_cleaned(k): rfc_cleaned(v) for k, v in value.items()}
    return [rfc_cleaned(v) for v in value] if isinstance(value, list) else value


def test_numbers_of_every_size_have_the_bytes_of_the_reference():
    chance = np.random.default_rng(5)
    bits = [struct.unpack("d", chance.bytes(8))[0] for _ in range(5_000)]
    sizes = (chance.choice([-1, 1], 5_000) * chance.random(5_000) * 10.0 ** chance.uniform(-8, 22, 5_000)).tolist()
    edges = [0.0, -0.0, 1e-4, 9.99e-5, 2.0**53, -(2.0**53), 2.0**53 - 1, 1e21, 1e15, 123456789012345.6]
    for value in [*(b for b in bits if np.isfinite(b)), *sizes, *np.round(sizes, 2).tolist(), *edges]:
        assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.5, float("-inf")]])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=r"(?i)nan|inf|domain|finite|represent"):
        canonical_json(value)

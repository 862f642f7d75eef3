"""The one byte form of every artifact: RFC 8785 JSON, strings in NFC."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

import rfc8785

__all__ = ["Json", "canonical_json", "nfc"]

Json: TypeAlias = "Mapping[str, Json] | list[Json] | tuple[Json, ...] | str | int | float | bool | None"


def nfc(text: str) -> str:
    """Return `text` in Unicode normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _clean(value: Json, odd: list[object]) -> Json:
    """Return `value` with strings in NFC and whole floats as integers; what the quick writer may not write is added to `odd`."""
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return _number(value, odd)
    if isinstance(value, int):
        # RFC 8785 numbers are doubles; larger integers are stored as text so that no digit is lost.
        return value if -(2**53) < value < 2**53 else str(value)
    if isinstance(value, Mapping):
        keyed = {nfc(str(k)): _clean(v, odd) for k, v in value.items()}
        odd.extend(k for k in keyed if not k.isascii())  # RFC 8785 sorts by UTF-16 units, Python by code points
        return keyed
    return [_clean(v, odd) for v in value]


def _number(value: float, odd: list[object]) -> float | int:
    """Return a number that Python writes as ECMAScript does: from 1e-4 on without an exponent, whole ones without a fraction."""
    if value.is_integer() and -(2**53) < value < 2**53:
        return int(value)
    if not 1e-4 <= abs(value) < 2**53:  # not finite, or written with an exponent
        odd.append(value)
    return float(value)


def canonical_json(value: Json) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises
    ------
    ValueError
        For a number that is not finite.
    """
    odd: list[object] = []
    clean = _clean(value, odd)
    if odd:
        data: bytes = rfc8785.dumps(clean)
        return data
    # the library's own encoder is in C, twenty times as quick; a test holds it to the same bytes
    return json.dumps(clean, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()

"""The one byte form of every artifact: RFC 8785 JSON, strings in NFC."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

import rfc8785

__all__ = ["Json", "canonical_json", "nfc"]

Json: TypeAlias = "Mapping[str, Json] | list[Json] | tuple[Json, ...] | str | int | float | bool | None"


def nfc(text: str) -> str:
    """Return `text` in Unicode normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        # RFC 8785 numbers are doubles; larger integers are stored as text so that no digit is lost.
        return value if -(2**53) < value < 2**53 else str(value)
    if isinstance(value, Mapping):
        return {nfc(str(k)): _clean(v) for k, v in value.items()}
    return [_clean(v) for v in value]


def canonical_json(value: Json) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises
    ------
    ValueError
        For a number that is not finite.
    """
    data: bytes = rfc8785.dumps(_clean(value))
    return data

"""What a scalar means: YAML 1.2 the JSON way, and numbers with units.

``no``, ``on``, ``012``, ``1:30`` and dates stay text: they are country codes, article numbers and names.
"""

from __future__ import annotations

import math
import re
from typing import Final

from dyocense_cli.artifacts.goal import Quantity

__all__ = ["SECONDS", "NotFinite", "quantity", "read_plain"]

_CONSTANTS: Final[dict[str, bool | None]] = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "": None,
}
_INT: Final = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_NUMERIC: Final = frozenset("-0123456789")
_QUANTITY: Final = re.compile(r"\s*(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*([%A-Za-z€$£¥µ°][\w%€$£¥µ°/*^. -]*)?\s*\Z")

#: Seconds per unit of time, for the few places that are times of the solver.
SECONDS: Final[dict[str, float]] = {
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "ms": 0.001,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "minute": 60.0,
    "minutes": 60.0,
    "hour": 3600.0,
    "hours": 3600.0,
}


class NotFinite(ValueError):
    """A number that is not finite or does not fit 64 bits."""


def read_plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar means.

    Raises
    ------
    NotFinite
        For .inf, .nan, integers over 64 bits and floats that overflow.
    """
    first = text[:1]
    if first not in _NUMERIC:
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if first in {".", "+"} and text.lower().lstrip("+") in {".inf", ".nan"}:
            raise NotFinite(f"{text} is not a finite number")
        return text
    if _INT.match(text):
        if len(text) > 20 or not -(2**63) <= (whole := int(text)) < 2**63:
            raise NotFinite(f"{text[:24]}{'…' if len(text) > 24 else ''} does not fit 64 bits")
        return whole
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            raise NotFinite(f"{text[:24]} is too large for a number")
        return number
    if text.lower() == "-.inf":
        raise NotFinite(f"{text} is not a finite number")
    return text


def quantity(text: str) -> Quantity | None:
    """Return ``8000 EUR``, ``95 %``, ``40 m3`` or ``7`` as a quantity, None if `text` is none.

    The unit is kept as written; a space between number and unit is optional. An exponent over the range of doubles is none.
    """
    found = _QUANTITY.match(text) if len(text) <= 200 else None
    if found is None:
        return None
    number = float(found[1])
    if math.isinf(number):
        return None
    return Quantity(number, found[2].strip() if found[2] else None)

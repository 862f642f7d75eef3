"""Find personal data that nobody declared: by the shape of a value or by the name of its column."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_personal_column", "is_personal_value", "mask_in_text"]

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
#: International form, or a national one with brackets or separators: a bare run of digits is a number, not a telephone.
_PHONE: Final = re.compile(
    r"(?<![\w+])(?:\+\d[\d\s().\-/]{6,}\d|\(?0\d{1,5}\)?[\s\-/.]\d[\d\s\-/.]{3,}\d|\(\d{3}\)\s?\d{3}[\-.\s]\d{4})(?!\w)"
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}\s?[A-Z0-9]{1,4}\b")
_DATE: Final = re.compile(r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}(?:[T\s].*)?")
_NAMES: Final = re.compile(
    r"(?:^|_)(?:e_?mail|phone|telephone|mobile|fax|iban|ssn|passport|birth_?date|date_of_birth|home_address|contact|contact_name|contact_person)(?:$|_)"
)


def is_personal_column(name: str) -> bool:
    """Say whether a column's name tells that it holds personal data (``contact_email``, ``Mobile``)."""
    return _NAMES.search(name.strip().lower().replace("-", "_").replace(" ", "_")) is not None


def is_personal_value(text: str) -> bool:
    """Say whether a text holds an e-mail address, a telephone number or an IBAN; dates and plain numbers are none."""
    if _DATE.fullmatch(text.strip()):
        return False
    return any(pattern.search(text) for pattern in (_EMAIL, _PHONE)) or _valid_iban(text)


def _valid_iban(text: str) -> bool:
    return any(_checks(found.group()) for found in _IBAN.finditer(text))


def _checks(iban: str) -> bool:
    """Return whether the check digits hold (ISO 13616: the rearranged number is 1 modulo 97)."""
    packed = iban.replace(" ", "")
    if not 15 <= len(packed) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in packed[4:] + packed[:4])) % 97 == 1


def mask_in_text(text: str, *, by: str = "pii:hidden") -> str:
    """Return a text (a log line, a message) with every address, number and IBAN replaced."""
    text = _EMAIL.sub(by, text)
    text = _PHONE.sub(lambda m: m.group() if _DATE.fullmatch(m.group()) else by, text)
    return _IBAN.sub(lambda m: by if _checks(m.group()) else m.group(), text)

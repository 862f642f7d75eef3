"""Units: a factor and powers of base units; currencies are bases of their own, `period` counts as a plain number.

Common units are read by a small table. `pint` knows the others and is imported only for them, because its registry costs a tenth of a
second. Two units fit when their powers are equal; they are the same when their factors are equal too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["NUMBER", "Unit", "UnitError", "parse_unit", "unit_text"]


class UnitError(ValueError):
    """Text that is no unit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` base units; `powers` maps base names to exponents, sorted by name, none zero."""

    factor: float
    powers: tuple[tuple[str, int], ...]
    text: str = ""
    #: the names it was written with and their exponents, so that a product is told in the words of its factors
    names: tuple[tuple[str, int], ...] = ()

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """Return the product with `other`, or the quotient for sign -1."""
        factor = self.factor * other.factor if sign == 1 else self.factor / other.factor
        return Unit(factor, _added(self.powers, other.powers, sign), "", _added(self.names, other.names, sign))

    def fits(self, other: Unit) -> bool:
        """Say whether both measure the same thing."""
        return self.powers == other.powers

    def same(self, other: Unit) -> bool:
        """Say whether a number of one is the same number of the other."""
        return self.powers == other.powers and abs(self.factor - other.factor) <= 1e-12 * abs(self.factor)


def _added(one: tuple[tuple[str, int], ...], other: tuple[tuple[str, int], ...], sign: int) -> tuple[tuple[str, int], ...]:
    out = dict(one)
    for name, power in other:
        out[name] = out.get(name, 0) + sign * power
    return tuple(sorted((n, p) for n, p in out.items() if p))


NUMBER: Final = Unit(1.0, (), "")

_LIGHT: Final[dict[str, tuple[float, str]]] = {
    "": (1.0, ""),
    "1": (1.0, ""),
    "%": (0.01, ""),
    "fraction": (1.0, ""),
    "period": (1.0, ""),
    "periods": (1.0, ""),
    "each": (1.0, "each"),
    "ea": (1.0, "each"),
    "pc": (1.0, "each"),
    "pcs": (1.0, "each"),
    "unit": (1.0, "each"),
    "units": (1.0, "each"),
    "dozen": (12.0, "each"),
    "kg": (1.0, "kg"),
    "g": (0.001, "kg"),
    "t": (1000.0, "kg"),
    "lb": (0.45359237, "kg"),
    "m3": (1.0, "m3"),
    "m^3": (1.0, "m3"),
    "m³": (1.0, "m3"),
    "l": (0.001, "m3"),
    "L": (0.001, "m3"),
    "litre": (0.001, "m3"),
    "liter": (0.001, "m3"),
    "ml": (1e-6, "m3"),
    "cm3": (1e-6, "m3"),
    "m": (1.0, "m"),
    "km": (1000.0, "m"),
    "cm": (0.01, "m"),
    "m2": (1.0, "m2"),
    "day": (1.0, "day"),
    "days": (1.0, "day"),
    "d": (1.0, "day"),
    "week": (7.0, "day"),
    "weeks": (7.0, "day"),
    "hour": (1 / 24, "day"),
    "hours": (1 / 24, "day"),
    "h": (1 / 24, "day"),
    "min": (1 / 1440, "day"),
    "minute": (1 / 1440, "day"),
    "minutes": (1 / 1440, "day"),
    "s": (1 / 86400, "day"),
    "€": (1.0, "EUR"),
    "$": (1.0, "USD"),
    "£": (1.0, "GBP"),
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_FACTOR: Final = re.compile(r"\s*([^\s*/^]+)\s*(?:\^\s*(-?\d+))?\s*")
#: pint's base units in ours
_PINT: Final = {"kilogram": ("kg", 1.0, 1), "meter": ("m", 1.0, 1), "second": ("day", 1 / 86400, 1)}


def parse_unit(text: str | None, *, currency: str = "", extra: tuple[tuple[str, float, str], ...] = ()) -> Unit:
    """Return the unit that `text` names: ``EUR/each``, ``kg/m^3``, ``currency/each per period``, ``%``.

    Parameters
    ----------
    currency : str
        What the word ``currency`` stands for.
    extra : tuple of (name, factor, base)
        Units that a context declares, such as ``("case", 12, "each")``; dated rates between currencies too.

    Raises
    ------
    UnitError
        If part of `text` is no known unit.
    """
    return _parse(text or "", currency, extra)


@lru_cache(maxsize=1024)
def _parse(text: str, currency: str, extra: tuple[tuple[str, float, str], ...]) -> Unit:
    known = {name: (factor, base) for name, factor, base in extra}
    unit = NUMBER
    sign = 1
    for part in re.split(r"(\*|/|\bper\b)", text):
        if part.strip() in ("*", "/", "per"):
            sign = 1 if part.strip() == "*" else -1
            continue
        unit = unit.times(_power(part, lambda name: _single(name, currency, known)), sign)
    return Unit(unit.factor, unit.powers, text.strip().replace("currency", currency or "currency"), unit.names)


def _power(part: str, single: Callable[[str], Unit]) -> Unit:
    if not part.strip():
        return NUMBER
    match = _FACTOR.fullmatch(part)
    if match is None:
        raise UnitError(f"`{part.strip()}` is no unit")
    name, power = match[1], int(match[2] or 1)
    if match[2] and f"{name}^{power}" in _LIGHT:
        return _light(f"{name}^{power}")
    one = single(name)
    if (one.powers or one.factor != 1.0) and not one.names:
        one = Unit(one.factor, one.powers, "", ((name, 1),))
    out = NUMBER
    for _ in range(abs(power)):
        out = out.times(one, 1 if power > 0 else -1)
    return out


def _light(name: str) -> Unit:
    factor, base = _LIGHT[name]
    return Unit(factor, ((base, 1),) if base else ())


def _single(name: str, currency: str, known: dict[str, tuple[float, str]]) -> Unit:
    if name == "currency":
        return Unit(1.0, ((currency or "currency", 1),), "", ((currency or "currency", 1),))
    if name in known:
        factor, base = known[name]
        whole = _single(base, currency, {}).times(Unit(factor, ()))
        return Unit(whole.factor, whole.powers)
    if name in _LIGHT:
        return _light(name)
    if _CURRENCY.fullmatch(name):
        return Unit(1.0, ((name, 1),))
    return _from_pint(name)


def _from_pint(name: str) -> Unit:
    registry = _registry()
    try:
        quantity = registry.Quantity(1.0, name).to_base_units()
    except Exception as error:  # pint raises several unrelated classes for text it cannot read
        raise UnitError(f"`{name}` is no unit") from error
    unit = Unit(float(quantity.magnitude), ())
    for base, power in quantity.unit_items():
        ours, factor, _ = _PINT.get(str(base), (str(base), 1.0, 1))
        one = Unit(factor, ((ours, 1),))
        for _ in range(abs(int(power))):
            unit = unit.times(one, 1 if power > 0 else -1)
    powers = dict(unit.powers)
    for whole, exponent in (("m3", 3), ("m2", 2)):
        if powers.get("m") == exponent:
            powers[whole] = 1
            del powers["m"]
    return Unit(unit.factor, tuple(sorted(powers.items())))


@lru_cache(maxsize=1)
def _registry():  # type: ignore[no-untyped-def]  # pint has no types here; the registry stays inside this module
    import pint

    return pint.UnitRegistry(cache_folder=None)


def unit_text(unit: Unit | None) -> str:
    """Return a unit as text: as written if known, else from its names or powers; ``a number`` for none."""
    if unit is None:
        return "no unit"
    if unit.text:
        return unit.text
    told = unit.names if unit.powers else ()
    top = [n if p == 1 else f"{n}^{p}" for n, p in told or unit.powers if p > 0]
    bottom = [n if p == -1 else f"{n}^{-p}" for n, p in told or unit.powers if p < 0]
    if not top and not bottom:
        return "a number" if unit.factor == 1.0 else f"{unit.factor:g}"
    return ("*".join(top) or "1") + "".join(f"/{b}" for b in bottom)

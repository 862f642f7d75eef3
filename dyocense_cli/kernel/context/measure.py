"""Units of columns: converted to the unit a column is bound in, by the context's own rates and conversions, never by a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dyocense_cli.artifacts.context import Rate
from dyocense_cli.optimodel.units import Unit, UnitError, parse_unit

__all__ = ["Measures", "NoConversion", "NoRate", "flattened", "in_force"]

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def _parts(text: str) -> dict[str, int]:
    """Return the names in a unit and whether each multiplies (1) or divides (-1)."""
    found: dict[str, int] = {}
    sign = 1
    for part in re.split(r"(\*|/|\bper\b)", text):
        if part.strip() in ("*", "/", "per"):
            sign = 1 if part.strip() == "*" else -1
        elif part.strip():
            found[part.partition("^")[0].strip()] = sign
    return found


class NoConversion(ValueError):
    """Two units measure different things, or one is no unit: `a` cannot become `b`."""

    def __init__(self, a: str, b: str) -> None:
        super().__init__(f"`{a}` cannot be converted to `{b}`")
        self.a = a
        self.b = b


class NoRate(NoConversion):
    """Two currencies, and no rate between them in force."""


def in_force(rates: Iterable[Rate], day: str | None) -> tuple[Rate, ...]:
    """Return, of several rates for a pair, the latest that is not dated after `day`, sorted by pair."""
    latest: dict[tuple[str, str], Rate] = {}
    for rate in sorted(rates, key=lambda r: (r.date, r.rate)):
        if day is None or rate.date <= day:
            latest[rate.source, rate.target] = rate
    return tuple(latest[pair] for pair in sorted(latest))


def flattened(conversions: Iterable[Rate]) -> tuple[Rate, ...]:
    """Return conversions to their last unit, sorted: pallet to case and case to each become pallet to each and case to each."""
    steps = {c.source: c for c in sorted(conversions, key=lambda c: (c.source, c.date, c.target))}
    out = []
    for name, first in sorted(steps.items()):
        factor, base, seen = first.rate, first.target, {name}
        while base in steps and base not in seen:
            seen.add(base)
            factor, base = factor * steps[base].rate, steps[base].target
        out.append(Rate(name, base, factor, first.date))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Measures:
    """The units of one context: its currency, and what it declares about others, on the day the plan starts."""

    currency: str
    extra: tuple[tuple[str, float, str], ...]

    @staticmethod
    def of(currency: str, rates: Iterable[Rate], conversions: Iterable[Rate], day: str | None) -> Measures:
        """Return the measures of a context on `day`: of several rates for a pair, the latest that is not after it.

        A rate is used in both directions; a chain of conversions (pallet, case, each) is followed, a chain of rates is not.
        """
        extra: dict[str, tuple[float, str]] = {}
        for rate in sorted(in_force(rates, day), key=lambda r: r.date):
            if rate.target == currency and rate.rate:
                extra[rate.source] = (rate.rate, currency)
            elif rate.source == currency and rate.rate:
                extra[rate.target] = (1.0 / rate.rate, currency)
        extra |= {c.source: (c.rate, c.target) for c in flattened(conversions)}
        return Measures(currency, tuple((name, factor, base) for name, (factor, base) in sorted(extra.items())))

    def text(self, unit: str) -> str:
        """Return a unit with the word `currency` replaced."""
        return unit.replace("currency", self.currency)

    def factor(self, written: str, wanted: str) -> float:
        """Return what numbers in `written` are multiplied by to be in `wanted`.

        Raises
        ------
        NoRate
            If they differ by a currency without a rate in force.
        NoConversion
            If they differ otherwise.
        """
        wanted = self.text(wanted)
        if written == wanted:
            return 1.0
        a, b = self.parse(written), self.parse(wanted)
        if not a.fits(b):
            strange = {name for name, _ in set(a.powers) ^ set(b.powers)}
            kind = NoRate if strange and all(_CURRENCY.fullmatch(name) for name in strange) else NoConversion
            raise kind(written, wanted)
        return a.factor / b.factor

    def gaps(self, written: str, wanted: str) -> tuple[tuple[str, str], ...]:
        """Return what has to be said for `written` to be in `wanted`: pairs of units, or of currencies, without a conversion."""
        have, want = _parts(written), _parts(self.text(wanted))
        money = [n for n in have if _CURRENCY.fullmatch(n) and n != self.currency and n not in {name for name, _, _ in self.extra}]
        found = [(n, self.currency) for n in money if self.currency in want]
        for name, sign in have.items():
            others = [n for n, s in want.items() if s == sign and n not in have and not _CURRENCY.fullmatch(n)]
            if name in money or name in want:
                continue
            if not self._known(name) or (others and not self._fits(name, others[0])):
                found.append((name, others[0] if others else "a known unit"))
        return tuple(dict.fromkeys(found)) or ((written, self.text(wanted)),)

    def _known(self, name: str) -> bool:
        try:
            self.parse(name)
        except NoConversion:
            return False
        return True

    def _fits(self, name: str, other: str) -> bool:
        return self.parse(name).fits(self.parse(other))

    def parse(self, text: str) -> Unit:
        """Return a unit; NoConversion if `text` is none."""
        try:
            return parse_unit(text, currency=self.currency, extra=self.extra)
        except UnitError:
            raise NoConversion(text, "a known unit") from None

"""Values that several kinds of file share: ids, dates, risk attitudes, limits' settings, rules."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.kernel.goaldsl.checking import Reading, Schema
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.scalars import SECONDS, quantity
from dyocense_cli.kernel.goaldsl.schema import Field, ListOf, MapOf, Number, Obj, OneOf, Switch, Text

__all__ = [
    "AMOUNT",
    "DATE",
    "EVERY",
    "FRACTION",
    "HOLD",
    "ID",
    "METHOD",
    "NAMES",
    "RELAX",
    "RISK",
    "SECONDS_OF",
    "SETTINGS",
    "TEXT",
    "WEIGHT",
    "WORD",
    "Setting",
]

_PERCENT: Final = r"(?:[0-9]{1,2}(?:\.[0-9]+)?)"

TEXT: Final = Text()
WORD: Final = Text(r"[A-Za-z_][\w.-]*", "a word of letters, digits, _ . and -")
METHOD: Final = Text(r"[A-Za-z_][\w.-]*(:[A-Za-z_][\w.-]*)?", "a name, or an engine and what it runs: statsforecast:AutoETS")
ID: Final = Text(r"[A-Za-z0-9][\w.@-]{0,127}", "an id of letters, digits, _ . @ and -", number_too=True)
NAMES: Final = ListOf(TEXT)
AMOUNT: Final = Number(any_unit=True)
FRACTION: Final = Number(low=0.0, units={"%": 0.01})
SECONDS_OF: Final = Number(units=SECONDS)
RISK: Final = Text(rf"mean|worst|p{_PERCENT}|cvar{_PERCENT}", "one of mean, worst, p<q>, cvar<q>, such as p95", rule="DYO-S005")
HOLD: Final = Text(rf"always|mean|p{_PERCENT}|cvar{_PERCENT}", "one of always, mean, p<q>, cvar<q>, such as p95", rule="DYO-S005")


def _date(text: str) -> str | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        return None


DATE: Final = Text(want="a date as YYYY-MM-DD", rule="DYO-S012", convert=_date)


def _every(text: str) -> str | None:
    found = re.fullmatch(r"(?:([1-9][0-9]{0,3}) +)?(day|week|month|quarter|year)s?", text.strip())
    if found is None:
        return None
    count = int(found[1] or 1)
    return found[2] if count == 1 else f"{count} {found[2]}s"


EVERY: Final = Text(want="day, week, month, quarter, year, or a count of them such as `2 weeks`", rule="DYO-S012", convert=_every)


@dataclass(frozen=True, slots=True)
class Relax:
    """What relaxing a rule costs: ``{cost: 2}``, ``true`` (cost 1) or ``false`` (never suggested, None)."""

    want: str = "{cost: number}, true or false"

    def accepts(self, node: Node) -> bool:
        """See `schema.Type`."""
        return node.kind == MAP or (node.kind == SCALAR and isinstance(node.value, bool))

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `schema.Type`."""
        if node.kind == MAP:
            found = _RELAX_COST.read(node, path, reading)
            return found["cost"] if isinstance(found, dict) else found
        if node.kind == SCALAR and isinstance(node.value, bool):
            return 1.0 if node.value else None
        return reading.wrong(path, node, self.want)

    def describe(self) -> Schema:
        """See `schema.Type`."""
        return {"anyOf": [_RELAX_COST.describe(), {"type": "boolean"}]}


_RELAX_COST: Final = Obj((Field("cost", Number(low=0.0), required=True, example="1"),))
RELAX: Final = Relax()


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a limit or a model: a quantity, a word, a switch, a list of words or a map of these."""

    want: str = "a number, a word, true or false, a list of words or a map"
    nested: bool = True

    def accepts(self, node: Node) -> bool:
        """See `schema.Type`."""
        return node.kind == SCALAR or self.nested

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `schema.Type`."""
        if node.kind == LIST:
            return NAMES.read(node, path, reading)
        if node.kind == MAP:
            if not self.nested:
                return reading.wrong(path, node, "a number, a word, true or false")
            return MapOf(Setting(nested=False), key=r".{1,200}", key_want="a label").read(node, path, reading)
        if node.value is None or isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, str):
            found = quantity(node.value)
            return node.value if found is None or (node.quoted and found.unit is None) else found
        return Quantity(float(node.value), None)

    def describe(self) -> Schema:
        """See `schema.Type`."""
        flat: Schema = {"type": ["number", "string", "boolean", "null"]}
        if not self.nested:
            return flat
        return {"anyOf": [flat, {"type": "array", "items": {"type": "string"}}, {"type": "object", "additionalProperties": flat}]}


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight of the objective: a number, with a unit if it prices the term; nothing is 1, and lint asks for it."""

    want: str = AMOUNT.want

    def accepts(self, node: Node) -> bool:
        """See `schema.Type`."""
        return AMOUNT.accepts(node) or (node.kind == SCALAR and node.value is None)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `schema.Type`."""
        return Quantity(1.0) if node.kind == SCALAR and node.value is None else AMOUNT.read(node, path, reading)

    def describe(self) -> Schema:
        """See `schema.Type`."""
        return {"anyOf": [*AMOUNT.describe()["anyOf"], {"type": "null"}]}


WEIGHT: Final = Weight()

#: What stands under a limit: true (exists), false (does not), or its settings.
SETTINGS: Final = OneOf((Switch(), MapOf(Setting())), words="true, false or a map of settings")

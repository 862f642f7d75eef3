"""Schemas of single values: texts, choices, switches, numbers with units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.rules import near
from dyocense_cli.kernel.goaldsl.checking import Invalid, Reading, Schema, name_of
from dyocense_cli.kernel.goaldsl.nodes import SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.scalars import quantity

__all__ = ["Choice", "Number", "Switch", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text, optionally matching `pattern` (which `want` says in words); `convert` gives its value or None if it is wrong."""

    pattern: str | None = None
    want: str = "a text"
    rule: str = "DYO-S003"
    convert: Callable[[str], Any] | None = None
    number_too: bool = False  # a number is taken as its text: labels such as SKU 4711

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == SCALAR and (isinstance(node.value, str) or (self.number_too and _is_number(node)))

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        if not self.accepts(node):
            return reading.wrong(path, node, self.want)
        value = node.text
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return self._bad(node, path, reading)
        if self.convert is not None:
            converted = self.convert(value)
            return self._bad(node, path, reading) if converted is None else converted
        return value

    def _bad(self, node: Node, path: Path, reading: Reading) -> Invalid:
        return reading.bad(
            self.rule,
            path,
            node,
            f"`{name_of(path)}` is {node.says()}, not {self.want}",
            want=self.want,
            have=node.says(),
            values=self.want.removeprefix("one of "),
        )

    def describe(self) -> Schema:
        """See `Type`."""
        out: Schema = {"type": ["string", "number"] if self.number_too else "string"}
        if self.pattern is not None:
            out["pattern"] = f"^(?:{self.pattern})$"
        return out


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    @property
    def want(self) -> str:
        """See `Type`."""
        return "one of " + ", ".join(self.values)

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == SCALAR and isinstance(node.value, str)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        if not self.accepts(node):
            return reading.wrong(path, node, self.want)
        if node.value in self.values:
            return node.value
        meant = near(node.text, self.values)
        hint = f"; did you mean `{meant}`?" if meant else ""
        return reading.bad("DYO-S005", path, node, f"`{name_of(path)}` is {node.says()}{hint}", values=", ".join(self.values))

    def describe(self) -> Schema:
        """See `Type`."""
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    want: str = "true or false"

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == SCALAR and isinstance(node.value, bool)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        return node.value if self.accepts(node) else reading.wrong(path, node, self.want)

    def describe(self) -> Schema:
        """See `Type`."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number: whole if `whole`, within [`low`, `high`]; with a unit if `units` is not empty.

    `units` maps the units a place knows to factors (``{"s": 1, "min": 60}``) and gives a float; `any_unit` takes every unit
    and gives a `Quantity`, left as written for those who know units.
    """

    whole: bool = False
    low: float | None = None
    high: float | None = None
    units: Mapping[str, float] = field(default_factory=dict)
    any_unit: bool = False
    rule: str = "DYO-S003"  # the rule that a number out of range breaks

    @property
    def want(self) -> str:
        """See `Type`."""
        text = "a whole number" if self.whole else "a number"
        if self.low is not None and self.high is not None:
            text += f" from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            text += f" of at least {self.low:g}"
        if self.any_unit:
            text += ", with a unit if it has one"
        elif self.units:
            text += " in " + " or ".join(list(self.units)[:3])
        return text

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        if node.kind != SCALAR:
            return False
        return _is_number(node) or (isinstance(node.value, str) and bool(self.units or self.any_unit) and quantity(node.value) is not None)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        found = self._parse(node, path, reading)
        if found is None:
            return reading.wrong(path, node, self.want)
        if found.unit and not self.any_unit and found.unit not in self.units:
            return reading.bad(
                "DYO-X003",
                path,
                node,
                f"`{name_of(path)}` is in `{found.unit}`, not in {' or '.join(list(self.units)[:3])}",
                a=found.unit,
                b=next(iter(self.units), "a bare number"),
            )
        value = found.value * self.units.get(found.unit, 1.0) if found.unit and self.units else found.value
        if self.whole and value != int(value):
            return reading.wrong(path, node, self.want)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return reading.bad(
                self.rule, path, node, f"`{name_of(path)}` is {node.text}, not {self.want}", want=self.want, have=node.says()
            )
        if self.any_unit:
            return Quantity(value, found.unit)
        return int(value) if self.whole else float(value)

    def _parse(self, node: Node, path: Path, reading: Reading) -> Quantity | None:
        if node.kind != SCALAR:
            return None
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return Quantity(float(node.value), None)
        if not isinstance(node.value, str):
            return None
        found = quantity(node.value)
        if found is not None and found.unit is None:
            reading.bad("DYO-S011", path, node, f"`{name_of(path)}` is the number {node.value} in quotes")
        return found

    def describe(self) -> Schema:
        """See `Type`."""
        out: Schema = {"type": "integer" if self.whole else "number"}
        if self.low is not None:
            out["minimum"] = self.low
        if self.high is not None:
            out["maximum"] = self.high
        if self.any_unit or self.units:
            return {"anyOf": [out, {"type": "string", "pattern": r"^\s*-?[0-9]"}]}
        return out


def _is_number(node: Node) -> bool:
    return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)

"""Closed schemas: what a place in a file may hold.

One description serves twice: `read` checks a tree and turns it into values, with every finding, near miss and place;
`describe` gives the JSON Schema that editors use. A type is a frozen value; a new field is one `Field` row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.rules import finding, near, pointer
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node, Path
from dyocense_cli.kernel.goaldsl.scalars import quantity

__all__ = ["INVALID", "Choice", "Field", "ListOf", "MapOf", "Number", "Obj", "OneOf", "Reading", "Switch", "Text", "Type"]

Schema: TypeAlias = "dict[str, Any]"  # a JSON Schema document


class _Invalid:
    """What reading a wrong value gives; its finding is noted."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = _Invalid()


class Reading:
    """The findings of one file while its tree is checked."""

    def __init__(self, file: str, given: Mapping[str, str] | None = None) -> None:
        self.file = file
        self.given = given or {}
        self.findings: list[Finding] = []

    def bad(self, rule: str, path: Path, node: Node, message: str, *, exact: bool = True, severity: str | None = None,
            **args: object) -> _Invalid:
        """Note a finding at `node` and return INVALID."""
        at = pointer(path)
        span = node.span(self.file)
        for prefix, label in self.given.items():
            if at == prefix or at.startswith(prefix + "/"):
                span = type(span)(label, 1, 1)
        self.findings.append(finding(rule, message, where=span, pointer=at, exact=exact, severity=severity, **args))
        return INVALID

    def wrong(self, path: Path, node: Node, want: str, at: Node | None = None) -> _Invalid:
        """Note that `node` is not what its place wants."""
        name = _name(path)
        return self.bad("DYO-S003", path, at or node, f"`{name}` is {node.says()}, not {want}", want=want, have=node.says())


def _name(path: Path) -> str:
    return str(path[-1]) if path else "the file"


class Type(Protocol):
    """What a place may hold."""

    @property
    def want(self) -> str:
        """Say in words what belongs here: ``a text``, ``one of a, b``."""
        ...

    def accepts(self, node: Node) -> bool:
        """Say whether the node's form fits, before its value is judged."""
        ...

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """Return the value, or INVALID after noting why."""
        ...

    def describe(self) -> Schema:
        """Return the JSON Schema of this place."""
        ...


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

    def _bad(self, node: Node, path: Path, reading: Reading) -> _Invalid:
        return reading.bad(self.rule, path, node, f"`{_name(path)}` is {node.says()}, not {self.want}", want=self.want, have=node.says(),
                           values=self.want)

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
        return reading.bad("DYO-S005", path, node, f"`{_name(path)}` is {node.says()}{hint}", values=", ".join(self.values))

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
            text += " in " + ", ".join(self.units)
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
            return reading.bad("DYO-X003", path, node, f"`{_name(path)}` is in `{found.unit}`, not in {' or '.join(self.units)}",
                               a=found.unit, b=next(iter(self.units), "a bare number"))
        value = found.value * self.units.get(found.unit, 1.0) if found.unit and self.units else found.value
        if self.whole and value != int(value):
            return reading.wrong(path, node, self.want)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return reading.bad(self.rule, path, node, f"`{_name(path)}` is {node.text}, not {self.want}", want=self.want, have=node.says())
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
            reading.bad("DYO-S011", path, node, f"`{_name(path)}` is the number {node.value} in quotes")
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


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; gives a tuple."""

    item: Type
    least: int = 0

    @property
    def want(self) -> str:
        """See `Type`."""
        return "a list"

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == LIST

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        if node.kind != LIST:
            return reading.wrong(path, node, f"a list of {self.item.want.removeprefix('a ')}s" if self.item.want == "a text" else "a list")
        if len(node.items) < self.least:
            return reading.wrong(path, node, f"a list of at least {self.least}")
        values = [self.item.read(child, (*path, i), reading) for i, child in enumerate(node.items)]
        return INVALID if INVALID in values else tuple(values)

    def describe(self) -> Schema:
        """See `Type`."""
        out: Schema = {"type": "array", "items": self.item.describe()}
        if self.least:
            out["minItems"] = self.least
        return out


_PLAIN_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from names to values, sorted by name; a tuple of values if `as_tuple` (each made with its name)."""

    item: Type
    key: str = _PLAIN_NAME
    key_want: str = "a name of letters, digits and _"
    as_tuple: bool = False
    least: int = 0

    @property
    def want(self) -> str:
        """See `Type`."""
        return "a map of names"

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == MAP

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        if node.kind != MAP:
            return reading.wrong(path, node, self.want)
        if len(node.fields) < self.least:
            return reading.wrong(path, node, f"a map of at least {self.least}")
        out: dict[str, Any] = {}
        for name in sorted(node.fields):
            where = (*path, name)
            if not re.fullmatch(self.key, name):
                out[name] = reading.bad("DYO-S003", where, node.keys[name], f"the name `{name[:60]}` is not {self.key_want}",
                                        want=self.key_want, have=f"`{name[:60]}`")
                continue
            value = self.item.read(node.fields[name], where, reading)
            out[name] = value.made(name) if isinstance(value, _Made) else value
        if INVALID in out.values():
            return INVALID
        return tuple(out.values()) if self.as_tuple else out

    def describe(self) -> Schema:
        """See `Type`."""
        out: Schema = {"type": "object", "propertyNames": {"pattern": f"^(?:{self.key})$"}, "additionalProperties": self.item.describe()}
        if self.least:
            out["minProperties"] = self.least
        return out


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first of `types` whose form fits."""

    types: tuple[Type, ...]
    words: str = ""

    @property
    def want(self) -> str:
        """See `Type`."""
        return self.words or " or ".join(t.want for t in self.types)

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return any(t.accepts(node) for t in self.types)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        for kind in self.types:
            if kind.accepts(node):
                return kind.read(node, path, reading)
        return reading.wrong(path, node, self.want)

    def describe(self) -> Schema:
        """See `Type`."""
        return {"anyOf": [t.describe() for t in self.types]}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a map.

    `attr` is the attribute it becomes (None = as named, "" = checked and dropped); `example` is shown where a required field is
    missing; `spread` puts the fields of a nested map beside this one.
    """

    name: str
    type: Type
    required: bool = False
    attr: str | None = None
    example: str = "…"
    doc: str = ""
    spread: bool = False


@dataclass(frozen=True, slots=True)
class _Made:
    """Values of a map that becomes `into` once its name is known."""

    into: Callable[..., Any]
    values: Mapping[str, Any]

    def made(self, name: str) -> Any:
        return self.into(name=name, **self.values)


@dataclass(frozen=True, slots=True)
class Obj:
    """A map with known fields and no others.

    Gives a dict; or, if `into` is set, what `into` makes of the fields as keyword arguments (with ``name`` if `named`: then it
    stands in a `MapOf`). A scalar where `short` names a field is short for a map with that field only.
    """

    fields: tuple[Field, ...]
    into: Callable[..., Any] | None = None
    named: bool = False
    short: str | None = None
    doc: str = ""

    @property
    def want(self) -> str:
        """See `Type`."""
        return "a map of " + ", ".join(f.name for f in self.fields)

    def accepts(self, node: Node) -> bool:
        """See `Type`."""
        return node.kind == MAP or (self.short is not None and node.kind == SCALAR and node.value is not None)

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """See `Type`."""
        if node.kind != MAP:
            if not self.accepts(node):
                return reading.wrong(path, node, self.want)
            row = next(f for f in self.fields if f.name == self.short)
            value = row.type.read(node, path, reading)
            return value if value is INVALID else self._finish({row.attr or row.name: value})
        before = len(reading.findings)
        self._unknown(node, path, reading)
        values: dict[str, Any] = {}
        for row in self.fields:
            if row.name not in node.fields:
                if row.required:
                    reading.bad("DYO-S004", (*path, row.name), _place(node, path), f"`{_name(path)}` has no `{row.name}`", exact=False,
                                field=row.name, example=row.example)
                continue
            value = row.type.read(node.fields[row.name], (*path, row.name), reading)
            if row.attr == "":
                continue
            if row.spread and isinstance(value, dict):
                values.update(value)
            else:
                values[row.attr or row.name] = value
        failed = INVALID in values.values() or any(f.severity == "error" for f in reading.findings[before:])
        return INVALID if failed else self._finish(values)

    def _finish(self, values: dict[str, Any]) -> Any:
        if self.into is None:
            return values
        return _Made(self.into, values) if self.named else self.into(**values)

    def _unknown(self, node: Node, path: Path, reading: Reading) -> None:
        known = [f.name for f in self.fields]
        for name in node.fields:
            if name in known:
                continue
            meant = near(name, (k for k in known if k not in node.fields))
            fix = f"Did you mean `{meant}`? Remove it otherwise." if meant else f"Remove it, or use one of {', '.join(known)}."
            reading.bad("DYO-S002", (*path, name), node.keys[name], f"`{_name(path)}` has no field `{name[:60]}`", fix=fix, near=meant or "")

    def describe(self) -> Schema:
        """See `Type`."""
        props = {f.name: ({**f.type.describe(), "description": f.doc} if f.doc else f.type.describe()) for f in self.fields}
        out: Schema = {"type": "object", "properties": props, "additionalProperties": False}
        if required := [f.name for f in self.fields if f.required]:
            out["required"] = required
        if self.doc:
            out["description"] = self.doc
        if self.short is None:
            return out
        row = next(f for f in self.fields if f.name == self.short)
        return {"anyOf": [out, row.type.describe()]}


def _place(node: Node, path: Path) -> Node:
    """Return where a missing field belongs: the start of its map."""
    if not path or not node.keys:
        return node
    return next(iter(node.keys.values()))

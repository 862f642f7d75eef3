"""Closed schemas: what a place in a file may hold.

One description serves twice: `read` checks a tree and turns it into values, with every finding, near miss and place;
`describe` gives the JSON Schema that editors use. A type is a frozen value; a new field is one `Field` row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.artifacts.rules import near
from dyocense_cli.kernel.goaldsl.checking import INVALID, Reading, Schema, Type, name_of
from dyocense_cli.kernel.goaldsl.leaves import Choice, Number, Switch, Text
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node, Path

__all__ = ["Choice", "Field", "ListOf", "MapOf", "Number", "Obj", "OneOf", "Switch", "Text"]


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
                out[name] = reading.bad(
                    "DYO-S003",
                    where,
                    node.keys[name],
                    f"the name `{name[:60]}` is not {self.key_want}",
                    want=self.key_want,
                    have=f"`{name[:60]}`",
                )
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
            if row.name not in node.fields or _nothing(node.fields[row.name], row):
                if row.required:
                    reading.bad(
                        "DYO-S004",
                        (*path, row.name),
                        _place(node, path),
                        f"`{name_of(path)}` has no `{row.name}`",
                        exact=False,
                        field=row.name,
                        example=row.example,
                    )
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
            meant = near(name, known)
            fix = f"Did you mean `{meant}`? Remove it otherwise." if meant else f"Remove it, or use one of {', '.join(known)}."
            message = f"`{name_of(path)}` has no field `{name[:60]}`"
            reading.bad("DYO-S002", (*path, name), node.keys[name], message, fix=fix, near=meant or "")

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


def _nothing(node: Node, row: Field) -> bool:
    """Say whether a section stands there with nothing below it, such as ``limits:`` with its lines commented out."""
    return node.kind == SCALAR and node.value is None and not node.quoted and isinstance(row.type, (MapOf, ListOf, Obj))


def _place(node: Node, path: Path) -> Node:
    """Return where a missing field belongs: the start of its map."""
    if not path or not node.keys:
        return node
    return next(iter(node.keys.values()))

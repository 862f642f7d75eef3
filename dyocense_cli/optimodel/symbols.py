"""What each name of a model stands for, before any data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dyocense_cli.optimodel.expr.nodes import Node
from dyocense_cli.optimodel.units import Unit

__all__ = ["Problem", "Scope", "Symbol", "nearest", "suggest", "union"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name: `kind` is ``param text var expr dim``; `unit` None is unstated and fits everything; `node` an expression's tree."""

    kind: str
    dims: tuple[str, ...] = ()
    unit: Unit | None = None
    integer: bool = False
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """All names of a model; `scenario` is the scenario dim, if it has one."""

    symbols: Mapping[str, Symbol]
    dims: tuple[str, ...]
    ordered: frozenset[str] = frozenset()
    scenario: str | None = None

    def ordered_dims(self, dims: Iterable[str]) -> tuple[str, ...]:
        """Return `dims` in the model's order."""
        wanted = set(dims)
        return tuple(d for d in self.dims if d in wanted)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an expression; `name` is the word in its text that shows the place."""

    code: str
    message: str
    hint: str = ""
    name: str = ""
    offset: int | None = field(default=None)

    def place(self, text: str) -> int:
        """Return the offset of the cause in the expression's text."""
        if self.offset is not None:
            return self.offset
        match = re.search(rf"(?<![\w.]){re.escape(self.name)}(?![\w.])", text) if self.name else None
        return match.start() if match else 0


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, None if none is near."""
    found = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    return found[0] if found else None


def suggest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the hint for a wrong name: the nearest known one, else `otherwise`, else all that there are."""
    names = list(known)
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else otherwise or "there are " + (", ".join(names) or "none")


def union(*groups: Iterable[str]) -> tuple[str, ...]:
    """Return the union of dims, each where it first occurs."""
    return tuple(dict.fromkeys(d for group in groups for d in group))

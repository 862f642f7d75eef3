"""Comparisons with labels → boolean parameters: ``region == 'local'`` becomes ``region_is_local``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from dyocense_cli.errors import InputError, Where
from dyocense_cli.kernel.optiguide.labels import Labels
from dyocense_cli.kernel.optiguide.tables import TextGrid
from dyocense_cli.optimodel.expr.nodes import Compare, Name, Node, Not, Text, rebuild
from dyocense_cli.optimodel.grid import Grid
from dyocense_cli.optimodel.symbols import suggest

__all__ = ["Flags"]

_WORDS: Final = {"==": "is", "!=": "is", "<=": "upto", ">=": "from", "<": "before", ">": "after"}
_MIRROR: Final = {"==": "==", "!=": "!=", "<=": ">=", ">=": "<=", "<": ">", ">": "<"}


class Flags:
    """Makes flags as formulas ask for them; the same comparison gives the same flag."""

    def __init__(self, labels: Labels, texts: Mapping[str, TextGrid], taken: set[str], place: Callable[[str], Where]) -> None:
        self.labels = labels
        self.texts = texts
        self.place = place
        self.taken = taken
        self.grids: dict[str, Grid] = {}
        self.made: dict[tuple[str, str, str], str] = {}
        self.never: set[str] = set()  # flags that hold nowhere

    def lower(self, node: Node, source: str) -> Node:
        """Return `node` with every comparison with a label replaced by a flag.

        Raises
        ------
        InputError
            DY2203 for a label that nothing has, if a goal asks for it.
        """
        if isinstance(node, Compare):
            left, right, op = node.left, node.right, node.op
            if isinstance(left, Text):
                left, right, op = right, left, _MIRROR[op]
            if isinstance(right, Text) and isinstance(left, Name):
                flag = Name(self._flag(left.id, "==" if op == "!=" else op, right.value, source))
                return Not(flag) if op == "!=" else flag
        return rebuild(node, lambda child: self.lower(child, source))

    def _flag(self, name: str, op: str, label: str, source: str) -> str:
        key = (name, op, label)
        if key not in self.made:
            word = re.sub(r"\W+", "_", label).strip("_") or "empty"
            flag = base = f"{name}_{_WORDS[op]}_{word}"
            number = 2
            while flag in self.taken:
                flag, number = f"{base}_{number}", number + 1
            self.taken.add(flag)
            self.made[key] = flag
            self.grids[flag] = self._grid(name, op, label, source)
            if not self.grids[flag].data.any():
                self.never.add(flag)
        return self.made[key]

    def _grid(self, name: str, op: str, label: str, source: str) -> Grid:
        if name in self.texts:
            text = self.texts[name]
            self._known(name, label, text.labels, source)
            code = text.labels.index(label) if label in text.labels else -2
            grid = text.codes
            data = _COMPARE[op](grid.data, code)
            return Grid(grid.dims, data if grid.mask is None else data & grid.mask, None, grid.index)
        if name not in self.labels.labels:  # a text parameter that the context has not
            return Grid((), np.asarray(False))
        known = self.labels.labels[name]
        self._known(name, label, known, source)
        at = known.index(label) if label in known else -2
        data = _COMPARE[op](np.arange(len(known)), at)
        return Grid((), data[0]) if name in self.labels.gone else Grid((name,), data)

    def _known(self, name: str, label: str, known: tuple[str, ...], source: str) -> None:
        # A model file may ask for a label that this context does not use; a goal that does has a typing error.
        if label in known or not source.startswith("goal:"):
            return
        some = ", ".join(known[:6]) + (", …" if len(known) > 6 else "")
        raise InputError("DY2203", f"no {name} is '{label}'", where=self.place(source), hints=suggest(label, known, f"there are {some}"))


_COMPARE: Final = {"==": np.equal, "<=": np.less_equal, ">=": np.greater_equal, "<": np.less, ">": np.greater}

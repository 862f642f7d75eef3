"""Names of rows and columns that every file format takes: ``lots(MILK-1L,S1,t1)``, unique, in the order of the arrays."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from dyocense_cli.artifacts.ground import Block, GroundModel

__all__ = ["column_names", "number", "row_names"]

#: Longest name that is written; longer ones go by their number.
_LONGEST: Final = 200
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_.#$%&!@-]")


def number(value: float) -> str:
    """Return the shortest text that reads back as the same double."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def column_names(model: GroundModel) -> list[str]:
    """Return the name of every column."""
    return _names(model.columns, model, "x")


def row_names(model: GroundModel) -> list[str]:
    """Return the name of every row."""
    return _names(model.rows, model, "r")


def _names(blocks: Sequence[Block], model: GroundModel, letter: str) -> list[str]:
    out: list[str] = []
    for block in blocks:
        family = _clean(block.name)
        labels = [[_clean(v) for v in model.dims[d]] for d in block.dims]
        if not block.dims:
            out += [family] * (block.stop - block.start)
            continue
        members: Iterable[tuple[str, ...]]
        if block.coords is None:
            members = itertools.product(*labels)
        else:
            picked = [[names[i] for i in codes] for names, codes in zip(labels, block.coords.tolist(), strict=True)]
            members = zip(*picked, strict=True)
        out += [f"{family}({','.join(m)})" for m in members]
    seen: set[str] = set()
    for i, name in enumerate(out):
        if name in seen or len(name) > _LONGEST or name[0].isdigit() or name[0] in ".$":
            out[i] = f"{letter}{i}"
        seen.add(out[i])
    return out


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("_", text) or "_"

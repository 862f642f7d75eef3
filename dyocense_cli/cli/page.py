"""Plain pages on standard output: lines that wrap on a terminal, tables whose columns are as wide as their content."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from dyocense_cli.cli.render import coloured

__all__ = ["Column", "Page", "counted"]

#: Columns in a pipe, where there is no terminal to ask.
PIPE_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `right` for numbers; an `optional` one is left out where it does not fit, a `last` one takes what is left."""

    title: str
    cells: Sequence[str]
    right: bool = False
    optional: bool = False
    last: bool = False

    @property
    def width(self) -> int:
        """Width of the widest cell."""
        return max([len(self.title), *(len(c) for c in self.cells)])


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cut(text: str, width: int, *, middle: bool = False) -> str:
    """Cut a text to a width; a name in its middle, for names of one family differ at their ends."""
    if len(text) <= width:
        return text
    tail = min(4, width // 3) if middle else 0
    return text[: max(width - 1 - tail, 0)] + "…" + text[len(text) - tail :]


class Page:
    """Writes to standard output; bold headers only on a terminal that may carry them."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._bold = coloured(sys.stdout)
        self.width = max(40, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns) if self._terminal else PIPE_WIDTH

    def line(self, text: str = "") -> None:
        """Write a line, wrapped on a terminal with its indent kept."""
        if self._terminal and len(text) > self.width:
            indent = " " * (len(text) - len(text.lstrip()) + 2)
            text = textwrap.fill(text, self.width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True)
        sys.stdout.write(text.rstrip() + "\n")

    def table(self, columns: Sequence[Column], *, header: bool = True) -> None:
        """Write a table: optional columns go first where it is too wide, then the widest left-justified one is cut; none without rows."""
        if not any(c.cells for c in columns):
            return
        kept = [c for c in columns if not c.last]
        while sum(c.width + 2 for c in kept) > self.width and any(c.optional for c in kept):
            kept.remove([c for c in kept if c.optional][-1])
        widths = [c.width for c in kept]
        while sum(w + 2 for w in widths) - 2 > self.width and max(widths) > 6:
            widths[max((w, i) for i, w in enumerate(widths))[1]] -= 1
        left = self.width - sum(w + 2 for w in widths)
        for column in columns:
            if column.last and left >= min(24, column.width):
                kept.append(column)
                widths.append(min(left, column.width))
        if header:
            text = self._row(kept, widths, [c.title for c in kept])
            sys.stdout.write(f"\x1b[1m{text}\x1b[0m\n" if self._bold else text + "\n")
        for i in range(len(kept[0].cells) if kept else 0):
            sys.stdout.write(self._row(kept, widths, [c.cells[i] for c in kept]) + "\n")

    @staticmethod
    def _row(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
        parts = [
            _cut(cell, w).rjust(w) if column.right else _cut(cell, w, middle=not column.last).ljust(w)
            for column, w, cell in zip(columns, widths, cells, strict=True)
        ]
        return "  ".join(parts).rstrip()

"""Safe fixes: edits that change how a file is written and nothing that it says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dyocense_cli.errors import Finding, Span

__all__ = ["FIXABLE", "fix"]

#: Rules whose findings have a safe fix: a quoted number loses its quotes, an unused ignore its comment.
FIXABLE: Final = frozenset({"DYO-S011", "DYO-G005"})
_QUOTED: Final = re.compile(r"""(['"])([^'"\\]*)\1""")


def fix(text: str, findings: Iterable[Finding]) -> tuple[str, tuple[Finding, ...]]:
    """Return the text with safe fixes made, and the findings they fixed; the last place is edited first."""
    lines = text.splitlines(keepends=True)
    fixed: list[Finding] = []
    wanted = [f for f in findings if f.id in FIXABLE and isinstance(f.where, Span) and 0 < f.where.line <= len(lines)]
    for item in sorted(wanted, key=lambda f: (f.where.line, f.where.column) if isinstance(f.where, Span) else (0, 0), reverse=True):
        assert isinstance(item.where, Span)
        old = lines[item.where.line - 1]
        offset = item.where.column - 1 + (old.startswith("\ufeff") and item.where.line == 1)
        new = _unquoted(old, offset) if item.id == "DYO-S011" else _uncommented(old, offset)
        if new != old:
            lines[item.where.line - 1] = new
            fixed.append(item)
    return "".join(lines), tuple(reversed(fixed))


def _unquoted(line: str, offset: int) -> str:
    found = _QUOTED.match(line, offset)
    return line if found is None else line[:offset] + found[2].strip() + line[found.end() :]


def _uncommented(line: str, offset: int) -> str:
    if not line[offset:].startswith("#"):
        return line
    end = line[len(line.rstrip("\r\n")) :]
    kept = line[:offset].rstrip()
    return kept + end if kept else ""

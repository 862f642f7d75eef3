"""Texts on streams whose encoding is not UTF-8: signs become plain letters, what has none a question mark."""

from __future__ import annotations

import codecs
from typing import Any, Final

__all__ = ["in_plain_letters"]

_PLAIN: Final = {
    "…": "...", "–": "-", "—": "-", "−": "-", "·": "-", "✓": "+", "→": "->", "≥": ">=", "≤": "<=", "×": "x", "│": "|", "─": "-",
    "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "█": "#", "σ": "sigma", "∞": "inf",
}  # fmt: skip


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


def in_plain_letters(stream: Any) -> None:
    """Let a text stream write signs that its encoding lacks in plain letters."""
    codecs.register_error("dyocense-plain", _plainly)
    stream.reconfigure(errors="dyocense-plain")

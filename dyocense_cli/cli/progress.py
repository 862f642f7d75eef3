"""A live line per stage on standard error: what, how long, cached or not; incumbent, bound and gap as a solve moves."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from dyocense_cli.cli.render import LIVE, coloured, stderr, steered

if TYPE_CHECKING:
    from dyocense_cli.ports import SolveEvent

__all__ = ["Progress"]

WORDS: Final = {
    "parse": "goal read",
    "bind": "context bound",
    "lint": "rules checked",
    "admit": "policy asked",
    "forecast": "demand forecast",
    "sample": "scenarios drawn",
    "compile": "model compiled",
    "solve": "plan solved",
    "check": "plan checked",
    "interpret": "plan laid out",
    "stress": "plan stressed",
    "explain": "reasons found",
    "guard": "policy asked again",
    "evidence": "evidence built",
}


class Progress:
    """An observer that writes to a terminal (one live line) or to a log (one line per stage)."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet and not verbose
        self._verbose = verbose
        self._told = ""
        self._live = steered(sys.stderr) and not self._quiet
        self._colour = coloured(sys.stderr)
        self._last = 0.0

    def started(self, stage: str) -> None:
        """Show that a stage runs."""
        if self._live and stage in WORDS:
            LIVE.show(f"  … {WORDS[stage]}")

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Show how a stage ended."""
        if (stage not in WORDS and not self._verbose) or self._quiet:
            return
        mark = {"run": "✓", "cached": "·", "skipped": "-"}[state]
        tail = f"{seconds:6.2f} s" if state == "run" else state
        if note:
            tail += f" ({note})"
        line = f"  {mark} {WORDS.get(stage, stage):<20} {tail}"
        stderr(f"\x1b[2m{line}\x1b[0m" if self._colour and state != "run" else line)

    def solving(self, event: SolveEvent) -> None:
        """Show a solve's best objective, bound and gap, at most ten times a second."""
        if self._verbose:
            self._step(event)
        if not self._live or time.monotonic() - self._last < 0.1:
            return
        self._last = time.monotonic()
        LIVE.show("  … plan solved          " + "  ".join([f"{event.seconds:.0f} s", *_state(event)]))

    def _step(self, event: SolveEvent) -> None:
        """Write a line of its own where the best plan or its bound has moved."""
        told = "  ".join(_state(event))
        if told and told != self._told:
            self._told = told
            stderr(f"    {event.seconds:8.2f} s  {told}")


def _state(event: SolveEvent) -> list[str]:
    """Return the best objective, bound and gap of a solve so far, those that are known."""
    parts = []
    if event.objective is not None:
        parts.append(f"best {event.objective:,.2f}")
    if event.bound is not None:
        parts.append(f"bound {event.bound:,.2f}")
    if event.gap is not None:
        parts.append(f"gap {event.gap:.2%}")
    return parts

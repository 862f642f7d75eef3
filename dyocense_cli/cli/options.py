"""Options that several commands share."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.settings import Settings

__all__ = [
    "AllowPath",
    "ContextFile",
    "Goal",
    "Interrupts",
    "Json",
    "NoCache",
    "Quiet",
    "Sets",
    "Store",
    "Verbose",
    "overrides",
    "print_json",
    "settings_of",
    "write_utf8",
]

Goal = Annotated[str, typer.Argument(help="Goal file, such as goals/weekly.yaml.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: limits.budget.max=7500EUR. May be given often.", show_default=False)
]
Store = Annotated[str | None, typer.Option("--store", help="Where runs are kept: a folder or s3://bucket/prefix.", show_default=False)]
ContextFile = Annotated[str | None, typer.Option("--context", help="Use this context file in place of the goal's.", show_default=False)]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run every stage, whatever is known.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no lint warnings on standard error.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Every stage, warning and step of the solve on standard error.")]
AllowPath = Annotated[list[str] | None, typer.Option("--allow-path", help="Read files below this folder too.", show_default=False)]


def overrides(sets: list[str] | None) -> dict[str, str]:
    """Return `--set` options as a map; DY1002 for one without ``=``."""
    out: dict[str, str] = {}
    for one in sets or ():
        key, mark, value = one.partition("=")
        if not mark or not key.strip():
            raise UsageError("DY1002", f"--set takes key=value, not `{one}`", hints="such as --set limits.budget.max=7500EUR")
        out[key.strip()] = value.strip()
    return out


def settings_of(**flags: str | None) -> Settings:
    """Return the effective settings with flags on top."""
    from dyocense_cli.settings import load_settings

    return load_settings(flags)


def print_json(document: Any) -> None:
    """Print one JSON document, keys in order, NaN as null."""
    from dyocense_cli.runner.views import json_bytes

    write_utf8(json_bytes(document).decode())


def write_utf8(text: str) -> None:
    """Write a document whose encoding is UTF-8 wherever it goes."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None or (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    raw.write(text.encode())


class Interrupts:
    """Turns SIGINT and SIGTERM into a flag that a solve reads, so that the best plan so far is kept; a second one stops at once."""

    def __init__(self) -> None:
        self.signal: int = 0

    def __call__(self) -> bool:
        """Say whether a signal came."""
        return self.signal != 0

    def _receive(self, number: int, _frame: object) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        sys.stderr.write("\nstopping; the best plan so far is kept (once more to stop at once)\n")

    @property
    def exit_code(self) -> int:
        """128 + signal, 0 if none came."""
        return 128 + self.signal if self.signal else 0

    @contextmanager
    def listening(self) -> Iterator[Interrupts]:
        """Listen while a run goes on; only in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        from dyocense_cli.runner.patience import Stopped

        before = {s: signal.signal(s, self._receive) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        except Stopped:
            sys.stderr.write("stopped before there was a plan; what is known so far is kept\n")
            raise typer.Exit(self.exit_code) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

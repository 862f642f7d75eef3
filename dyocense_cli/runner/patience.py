"""Wait for a stage that may not heed an interrupt, and leave it behind when it does not."""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

__all__ = ["LeftBehind", "Stopped", "leave", "patiently"]

_POLL_S: Final = 0.05
#: seconds that a stage has to end by itself once it is told to
_GRACE_S: Final = 1.0
_NAME: Final = "stage"
#: threads that may run native code when the process is to end: ours, and that of a solver that did not heed an interrupt
_LEFT: Final = frozenset({_NAME, "highs"})

T = TypeVar("T")


class LeftBehind(Exception):  # an event, not an error: its catcher goes on with what it holds
    """The work did not stop in time; its thread runs on until the process ends, and nobody reads what it makes."""


class Stopped(KeyboardInterrupt):
    """The user stopped the program before anything was held that could be kept."""


def patiently(work: Callable[[], T], stopped: Callable[[], bool]) -> T:
    """Return what `work` returns; run it in a thread, so that signals are heard whatever it does.

    Raises
    ------
    LeftBehind
        When `stopped` has been true for a second and the work is not done.
    """
    box: list[tuple[T | None, BaseException | None]] = []
    done = threading.Event()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            box.append((context.run(work), None))
        except BaseException as error:  # the waiting thread raises it
            box.append((None, error))
        finally:
            done.set()

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    told: float | None = None
    while not done.wait(_POLL_S):
        if told is None and stopped():
            told = time.monotonic()
        if told is not None and time.monotonic() - told > _GRACE_S:
            raise LeftBehind
    value, error = box[0]
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # no error: the value is a T


def leave(code: int) -> NoReturn:
    """End the process; at once if a stage was left behind in it, for native code cannot be waited for or torn down safely."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(t.name in _LEFT for t in threading.enumerate()):
        os._exit(code)
    sys.exit(code)

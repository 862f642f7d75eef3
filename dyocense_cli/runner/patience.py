"""Wait for a stage that may not heed an interrupt, and leave it behind when it does not."""

from __future__ import annotations

import _thread
import atexit
import contextvars
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

__all__ = ["Elsewhere", "LeftBehind", "Stopped", "leave", "patiently"]

_POLL_S: Final = 0.05
#: seconds that a stage has to end by itself once it is told to
_GRACE_S: Final = 1.0
#: seconds in which a thread begins, even on a busy machine
_BEGIN_S: Final = 30.0
#: bytes that must be free: a thread's stack and what it needs to begin
_ROOM: Final = 16 * 2**20

#: exit codes of a program that a signal ended
_SIGNALLED: Final = (130, 143)

#: what was left behind: set when it is done after all
_left: Final[list[threading.Event]] = []

T = TypeVar("T")


class LeftBehind(Exception):  # an event, not an error: its catcher goes on with what it holds
    """The work did not stop in time; its thread runs on until the process ends, and nobody reads what it makes."""


class Elsewhere(Exception):  # an event, not an error: the same is asked for again
    """The rest of the work is done elsewhere, in `parts`; asked for again, it finds their answers. `spent_s` seconds were used here."""

    def __init__(self, parts: list[dict[str, Any]], spent_s: float = 0.0) -> None:
        super().__init__(f"{len(parts)} parts")
        self.parts, self.spent_s = parts, spent_s


class Stopped(KeyboardInterrupt):
    """The user stopped the program before anything was held that could be kept."""


def patiently(work: Callable[[], T], stopped: Callable[[], bool]) -> T:
    """Return what `work` returns; run it in a thread, so that signals are heard whatever it does.

    Raises
    ------
    LeftBehind
        When `stopped` has been true for a second and the work is not done.
    MemoryError
        When there is not enough for a thread; whatever `work` raises is raised too.
    """
    box: list[tuple[T | None, BaseException | None]] = []
    begun, done = threading.Event(), threading.Event()
    context = contextvars.copy_context()

    def run() -> None:
        begun.set()
        try:
            box.append((context.run(work), None))
        except BaseException as error:  # the waiting thread raises it
            box.append((None, error))
        finally:
            done.set()

    try:
        mmap.mmap(-1, _ROOM).close()
        _thread.start_new_thread(run, ())  # not Thread.start: it waits without end for a thread that had no memory to begin with
    except (OSError, RuntimeError) as why:
        raise MemoryError(str(why)) from why
    started = time.monotonic()
    told: float | None = None
    while not done.wait(_POLL_S):
        if told is None and stopped():
            told = time.monotonic()
        if told is not None and time.monotonic() - told > _GRACE_S:
            _left.append(done)
            raise LeftBehind
        if not begun.is_set() and time.monotonic() - started > _BEGIN_S:
            raise MemoryError("no thread begins")
    value, error = box[0]
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # no error: the value is a T


def leave(code: int) -> NoReturn:
    """End the process; without taking its modules down where that is not safe or somebody waits.

    A stage or solver that was left behind runs native code, which is not torn down safely; after a signal the teardown takes 0.2 CPU
    seconds that nobody has a use for.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if not all(done.is_set() for done in _left) or any(t.name == "highs" for t in threading.enumerate()):
        os._exit(code)
    if code in _SIGNALLED:
        atexit._run_exitfuncs()  # what sys.exit would run, less the teardown
        os._exit(code)
    sys.exit(code)

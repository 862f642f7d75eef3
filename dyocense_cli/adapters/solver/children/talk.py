"""The child's side of the conversation: read a model, tell plans, give the result."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from dyocense_cli.adapters.solver import frames

__all__ = ["Question", "Teller", "converse", "on_stop"]


@dataclass(frozen=True, slots=True)
class Question:
    """A model (`arrays` as in GroundModel, column-wise) and its limits (`head`)."""

    head: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def columns_of_entries(self) -> np.ndarray:
        """The column of every nonzero."""
        return np.repeat(np.arange(self.arrays["cost"].size), np.diff(self.arrays["start"]))

    @property
    def hint(self) -> np.ndarray | None:
        """A start, NaN where unknown."""
        return self.arrays.get("hint")


class Teller:
    """Sends frames; `stopped` turns true when the parent wants no more."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def plan(self, objective: float, bound: float | None, x: np.ndarray) -> None:
        """Tell a better plan."""
        self.send(frames.PLAN, {"objective": objective, "bound": bound}, {"x": x})

    def send(self, kind: bytes, head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write a frame; one at a time."""
        with self._lock:
            frames.write_frame(self._stream, kind, head, arrays)


Solve = Callable[[Question, Teller], tuple[Mapping[str, Any], Mapping[str, np.ndarray]]]


def on_stop(teller: Teller, stop: Callable[[], object]) -> None:
    """Call `stop` once the parent wants no more."""

    def wait() -> None:
        teller.stopped.wait()
        stop()

    threading.Thread(target=wait, daemon=True).start()


def converse(solve: Solve) -> None:
    """Answer questions from standard input until it ends. Libraries may print: standard output is not where frames go."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    teller = Teller(out)
    questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(teller, questions), daemon=True).start()
    while True:
        question = questions.get()
        teller.stopped.clear()
        try:
            head, arrays = solve(question, teller)
        except MemoryError:
            head, arrays = {"status": "ERROR", "termination": "memory_limit", "raw": "out of memory"}, {}
        except Exception as error:  # the parent tells it, with its class
            head, arrays = {"failed": f"{type(error).__name__}: {error}"}, {}
        teller.send(frames.RESULT, head, arrays)


def _listen(teller: Teller, questions: queue.SimpleQueue[Question]) -> None:
    while (frame := frames.read_frame(sys.stdin.buffer)) is not None:
        if frame[0] == frames.STOP:
            teller.stopped.set()
        else:
            questions.put(Question(frame[1], frame[2]))
    os._exit(0)  # nobody listens any more; a library's threads do not hold the process back

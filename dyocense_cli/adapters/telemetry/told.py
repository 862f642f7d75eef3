"""Spans told as JSON lines to the process that started this one, which sends them on: a sandboxed job has no network.

Ids and times are real: ids follow W3C trace context, times are nanoseconds since the epoch, so that the lines become spans of the caller's
trace as if they were sent from here. A span is told when it begins and when it ends; of a job that is killed, the ones that did not end
are known.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Final

__all__ = ["ToldTelemetry"]

#: Spans of one job that are told: a decomposed solve asks its solver thousands of times.
MOST: Final = 400
_current: ContextVar[str] = ContextVar("dyocense_told_span", default="")


def _print(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


class ToldTelemetry:
    """Tells spans on standard output, or through `say`, one line each; metrics and events are told by the job itself."""

    features: ClassVar[frozenset[str]] = frozenset({"spans"})

    def __init__(self, *, traceparent: str, attributes: Mapping[str, str], say: Callable[[str], object] | None = None) -> None:
        self._say = say or _print
        self._attributes = dict(attributes)
        _, self._trace, self._parent, flags = [*traceparent.split("-"), "", "", ""][:4]
        self._on = bool(self._trace) and flags != "00"
        self._count = 0

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[None]:
        """Tell of a span at its begin and its end, under the one that is open."""
        if not self._on or self._count >= MOST:
            yield
            return
        self._count += 1
        own, parent = os.urandom(8).hex(), _current.get() or self._parent
        head = {"what": "span", "trace": self._trace, "span": own, "parent": parent, "name": name}
        begin = {**head, "begin_ns": time.time_ns(), "attributes": {**self._attributes, **attributes}}
        self._tell(begin)
        token = _current.set(own)
        failed = ""
        try:
            yield
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            _current.reset(token)
            self._tell({**begin, "end_ns": time.time_ns(), "failed": failed})

    def _tell(self, said: Mapping[str, Any]) -> None:
        self._say(json.dumps(said, sort_keys=True, default=str) + "\n")

    def metric(self, name: str, value: float, **attributes: Any) -> None:
        """Do nothing: the job's figures come with its outcome."""

    def event(self, name: str, **attributes: Any) -> None:
        """Do nothing."""

    def carrier(self) -> str:
        """Return the traceparent of the open span; empty when nothing is told."""
        return f"00-{self._trace}-{_current.get() or self._parent}-01" if self._on else ""

    def close(self) -> None:
        """Hold nothing."""

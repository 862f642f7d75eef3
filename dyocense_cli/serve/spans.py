"""A run's spans: its own, opened here under the submit that queued it, and those its child tells of, sent on under it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from dyocense_cli.ports import Telemetry

__all__ = ["RunSpans"]


class RunSpans:
    """The span of one attempt at a run. A span that its child began and did not end, because it was killed, ends with it as failed."""

    def __init__(self, telemetry: Telemetry, tags: Mapping[str, str], traceparent: str) -> None:
        self._telemetry = telemetry
        self._tags = dict(tags)
        self._open: dict[str, Mapping[str, Any]] = {}
        self._stack = ExitStack()
        self._stack.enter_context(telemetry.span("serve.run", traceparent=traceparent, **tags))
        self._carrier = telemetry.carrier()

    def for_child(self) -> dict[str, str]:
        """Return the settings that make a child tell its spans; those of no telemetry when nobody listens."""
        return {"telemetry": "told", "traceparent": self._carrier} if self._carrier else {"telemetry": "none"}

    def heard(self, said: Mapping[str, Any]) -> None:
        """Take a span that the child told of; what it calls its tenant, tier and run does not count."""
        told = getattr(self._telemetry, "told", None)
        if told is None or not self._carrier or said.get("trace") != self._carrier.split("-")[1]:
            return
        try:
            whole = {**said, "attributes": {**dict(said["attributes"]), **self._tags}}
            if "end_ns" not in said:
                self._open[str(said["span"])] = whole
                return
            self._open.pop(str(said["span"]), None)
            told(whole)
        except (KeyError, TypeError, ValueError):  # a child is not trusted to speak well
            return

    def close(self) -> None:
        """End what is open."""
        for said in self._open.values():
            self._telemetry.told({**said, "end_ns": time.time_ns(), "failed": "killed"})  # type: ignore[attr-defined]  # it told the begin
        self._open.clear()
        self._stack.close()

"""Spans of a run's stages, opened and closed as the child tells of them: the child has no network to send them itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from dyocense_cli import wiring
from dyocense_cli.settings import Settings

__all__ = ["StageSpans"]

#: Stages whose span has a name of its own; the others are ``kernel.<stage>``.
_NAMES: Final[Mapping[str, str]] = {"evidence": "kernel.evidence.write"}


class StageSpans:
    """One span for the run and one for each stage that computes; off costs nothing."""

    def __init__(self, settings: Settings, tags: Mapping[str, str], traceparent: str) -> None:
        self._tags = dict(tags)
        self._on = settings["telemetry"] != "none"
        self._stack = ExitStack()
        self._stage = ExitStack()
        if not self._on:
            return
        values = {
            **settings.values,
            "traceparent": traceparent or settings["traceparent"],
            "tenant_id": tags["tenant_id"],
            "tier": tags["tier"],
        }
        self._telemetry = wiring.telemetry(replace(settings, values=values))
        self._stack.enter_context(self._telemetry.span("serve.run", **self._tags))

    def heard(self, said: Mapping[str, Any]) -> None:
        """Open a span at a stage's begin, close it at its end."""
        if not self._on or "stage" not in said:
            return
        if said.get("state") == "begin":
            stage = str(said["stage"])
            self._stage.enter_context(self._telemetry.span(_NAMES.get(stage, f"kernel.{stage}"), **self._tags))
        else:
            self._stage.close()

    def close(self) -> None:
        """Close what is open and flush."""
        self._stage.close()
        self._stack.close()
        if self._on:
            self._telemetry.close()

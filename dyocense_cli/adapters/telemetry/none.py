"""No telemetry: every call is free."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final

__all__ = ["NoTelemetry"]

_NOTHING: Final[AbstractContextManager[None]] = nullcontext()


class NoTelemetry:
    """Drop spans, metrics and events."""

    features: ClassVar[frozenset[str]] = frozenset()

    def span(self, name: str, **attributes: Any) -> AbstractContextManager[Any]:
        """Return a shared context that does nothing."""
        del name, attributes
        return _NOTHING

    def metric(self, name: str, value: float, **attributes: Any) -> None:
        """Do nothing."""

    def event(self, name: str, **attributes: Any) -> None:
        """Do nothing."""

    def carrier(self) -> str:
        """Return an empty text: there is no span."""
        return ""

    def close(self) -> None:
        """Do nothing."""

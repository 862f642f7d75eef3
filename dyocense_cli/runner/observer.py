"""Who hears of stages and solves while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dyocense_cli.ports import SolveEvent

__all__ = ["Observer", "Quiet"]


class Observer(Protocol):
    """Hears of each stage and of a solve's progress."""

    def started(self, stage: str) -> None:
        """A stage begins to run."""
        ...

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """A stage ended: `state` is ``run``, ``cached`` or ``skipped``."""
        ...

    def solving(self, event: SolveEvent) -> None:
        """A solve moved."""
        ...


class Quiet:
    """Hears nothing."""

    def started(self, stage: str) -> None:
        """Do nothing."""

    def ended(self, stage: str, state: str, seconds: float, note: str = "") -> None:
        """Do nothing."""

    def solving(self, event: SolveEvent) -> None:
        """Do nothing."""

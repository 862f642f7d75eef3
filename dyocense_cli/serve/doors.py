"""Whether the services that a run needs answer, asked before a run is taken on where the operator wants it refused otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from dyocense_cli import wiring
from dyocense_cli.errors import UnavailableError
from dyocense_cli.serve.config import ServeConfig

__all__ = ["Doors"]

#: An answer counts for so many seconds; one question may take so many.
_KNOWN_S: Final = 2.0
_PATIENCE_S: Final = 2.0


class Doors:
    """Asks the object store and the policy server, at most once in two seconds for all requests of the process.

    The database is asked by the request itself. The graph is not: evidence is written behind, and waits in the outbox.
    """

    def __init__(self, config: ServeConfig) -> None:
        settings = config.settings
        self._asks: list[Callable[[], object]] = []
        if config.when_down == "refuse" and settings["store"].startswith("s3://"):
            store = wiring.remote_runs(settings, settings["store"], retries=0, patience_s=_PATIENCE_S)
            self._asks.append(lambda: store.names("is-it-there"))
        if config.when_down == "refuse" and settings["opa_url"].startswith("http"):
            self._asks.append(lambda: wiring.policy_engine(settings).version())
        self._lock = threading.Lock()
        self._asked_at = -_KNOWN_S
        self._down: UnavailableError | None = None

    def down(self) -> UnavailableError | None:
        """Return what a submit is refused with, None while all that is asked answers."""
        with self._lock:
            if self._asks and time.monotonic() - self._asked_at >= _KNOWN_S:
                self._down = self._ask()
                self._asked_at = time.monotonic()
            return self._down

    def _ask(self) -> UnavailableError | None:
        for ask in self._asks:
            try:
                ask()
            except UnavailableError as error:
                return UnavailableError(error.code, error.message, hints="try again; or let runs wait with DYOCENSE_WHEN_DOWN=hold")
        return None

"""The cost estimate of a process: fitted now and then on the newest finished runs of the whole deployment."""

from __future__ import annotations

import threading
import time

from dyocense_cli.kernel.tenancy.estimate import PRIOR, Estimator, Finished, Size, fit_estimator
from dyocense_cli.serve.config import number
from dyocense_cli.wiring_service import Parts

__all__ = ["Estimates"]


class Estimates:
    """Fits on sizes and seconds only, so that tenants help one another's estimates without seeing one another's runs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._due = 0.0
        self._fitted = PRIOR

    def current(self) -> Estimator:
        """Return the fit, at most a minute old; while one thread fits anew, others go on with the last."""
        if time.monotonic() >= self._due and self._lock.acquire(blocking=False):
            try:
                self._fitted = fit_estimator([Finished(Size(v, c, s), seconds) for v, c, s, seconds in self._parts.finished_sizes()])
                self._due = time.monotonic() + number("estimate.fit_every_s")
            finally:
                self._lock.release()
        return self._fitted

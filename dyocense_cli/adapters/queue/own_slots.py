"""A worker's own number of slots and its own pace of polling.

The engine keeps one concurrency per queue in the database, so that every worker goes by what the last one registered. A worker
with two slots beside one with eight would hold eight runs. Here the queue that the engine's polling thread reads carries this
process's numbers; nothing is read for it, which saves one of its three statements per poll.
"""

from __future__ import annotations

import time
from typing import Any, Final

from dbos._sys_db import SystemDatabase  # not public; a test holds that this release still has what is used of it

__all__ = ["IDLE_POLL_S", "OwnSlots"]

#: Seconds between two polls of a worker that has begun nothing for `_IDLE_AFTER_S`.
IDLE_POLL_S: Final = 0.25
_IDLE_AFTER_S: Final = 10.0
_read: Final = SystemDatabase.get_queue


class OwnSlots:
    """What this process answers when the engine asks for a queue.

    Parameters
    ----------
    slots : int
        Runs at once per queue.
    poll_s : float
        Seconds between two polls while there is work.
    """

    def __init__(self, slots: int, poll_s: float) -> None:
        self._slots = slots
        self._poll_s = poll_s
        self._queues: dict[str, Any] = {}
        self._touched = time.monotonic()

    def touched(self) -> None:
        """Note that a run begins."""
        self._touched = time.monotonic()

    def hold(self) -> None:
        """Answer for every queue of this process from now on, which has one worker."""

        def get_queue(database: SystemDatabase, name: str, **options: Any) -> Any:
            return self._queue(database, name, **options)

        SystemDatabase.get_queue = get_queue

    def _queue(self, database: SystemDatabase, name: str, **options: Any) -> Any:
        found = self._queues.get(name) or _read(database, name, **options)
        if found is not None:
            idle = time.monotonic() - self._touched > _IDLE_AFTER_S
            found._worker_concurrency = self._slots
            found._polling_interval_sec = max(self._poll_s, IDLE_POLL_S) if idle else self._poll_s
            self._queues[name] = found
        return found

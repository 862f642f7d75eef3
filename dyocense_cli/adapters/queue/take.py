"""A worker's own gate: it claims runs from the engine when it has a free slot and something may be there.

The engine's pollers go by a number of slots that is stored with the queue, so that all workers follow the one that registered last, and
ask twenty times a second whether there is work. This thread calls the same claim of the engine with the slots that are free here.
"""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dbos._core import execute_dequeued_workflow

from dyocense_cli.adapters.queue.bell import Bell

__all__ = ["Taker"]

_log = logging.getLogger("dyocense.worker")
#: A worker with a free slot asks at least so often, should its bell be deaf; more often just after it took a run.
_LONGEST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the engine's claim reads of a queue: its name and how many runs are wanted."""

    name: str
    _worker_concurrency: int
    _concurrency: None = None
    _limiter: None = None
    _partition_concurrency: None = None
    _partition_worker_concurrency: None = None
    _partition_limiter: None = None


class Taker:
    """Takes runs from the engine's queues, at most `slots` at once in this process, several queues in turn.

    A run holds its slot until its workflow has ended. What was claimed but not begun, because the database went away in between, is
    put back.
    """

    def __init__(self, app: Any, bell: Bell, *, queues: Sequence[str], slots: int, executor: str, version: str, look_s: float) -> None:
        self._app = app
        self._bell = bell
        self._queues = tuple(queues)
        self._slots = slots
        self._executor = executor
        self._version = version
        self._look_s = look_s
        self._held: Counter[str] = Counter()
        self._change = threading.Condition()
        self._halt = threading.Event()
        self._astray = False
        self._turn = itertools.cycle(range(len(self._queues)))
        self._thread = threading.Thread(target=self._loop, name="take", daemon=True)

    def start(self) -> None:
        """Begin to take runs."""
        self._thread.start()

    def stop(self) -> None:
        """Take no run any more; those in hand go on."""
        self._halt.set()
        self._bell.ring()
        self._thread.join()
        self._bell.close()

    def held(self) -> int:
        """Return how many runs are in hand."""
        with self._change:
            return self._held.total()

    def wait_until_free(self, longest_s: float) -> bool:
        """Wait until no run is in hand, at most so long; says whether it is so."""
        with self._change:
            return self._change.wait_for(lambda: not self._held, longest_s)

    def put_back(self, *, held: bool = False) -> int:
        """Queue again what is this worker's in the engine and not in hand, or that too; returns how many runs."""
        database = self._app._sys_db
        back = 0
        for one in database.get_pending_workflows(self._executor, self._version):
            with self._change:
                mine = one.workflow_id in self._held
            if held or not mine:
                back += bool(database.reenqueue_for_recovery(one.workflow_id, [self._executor], self._queues[0]))
        return back

    def _loop(self) -> None:
        pause = self._look_s
        while not self._halt.is_set():
            try:
                if self._astray:
                    self.put_back()
                    self._astray = False
                taken = False
                while not self._halt.is_set() and self._round():
                    taken = True
                room = self._room()
                self._bell.wait(pause if room else _LONGEST_S, look=room > 0)
            except Exception as error:  # the database is away: what the engine claimed in the last try is nobody's
                _log.warning("no run can be taken: %s", error)
                self._astray = True
                taken = False
                self._halt.wait(_LONGEST_S)
            pause = self._look_s if taken else min(_LONGEST_S, 2 * pause)

    def _room(self) -> int:
        return max(0, self._slots - self.held())

    def _round(self) -> int:
        """Ask every queue once for its share of the free slots, in turn; returns how many runs were claimed."""
        first, count = next(self._turn), len(self._queues)
        return sum(self._claim(self._queues[(first + i) % count], -(-self._room() // (count - i))) for i in range(count))

    def _claim(self, queue: str, most: int) -> int:
        if most == 0:
            return 0
        database, owner = self._app._sys_db, str(uuid.uuid4())
        asked = (_Asked(queue, most), self._executor, self._version, None)
        claimed, _ = database.start_queued_workflows(*asked, owner_xid=owner, is_latest_version=False)
        for status in database.get_workflow_statuses(claimed) if claimed else ():
            self._begin(status, owner)
        return len(claimed)

    def _begin(self, status: Any, owner: str) -> None:
        workflow = str(status["workflow_uuid"])
        with self._change:
            self._held[workflow] += 1
        try:
            future = getattr(execute_dequeued_workflow(self._app, status, owner), "future", None)
        except Exception:
            _log.exception("%s could not be begun", workflow)
            self._astray = True
            future = None
        if future is None:
            self._free(workflow)
        else:
            future.add_done_callback(lambda _: self._free(workflow))

    def _free(self, workflow: str) -> None:
        with self._change:
            self._held -= Counter([workflow])
            self._change.notify_all()
        self._bell.ring()

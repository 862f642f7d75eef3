"""What tells a worker that there may be work: a change of the SQLite file, a notification of Postgres, or the worker itself."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Final

import psycopg
import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement

__all__ = ["Bell", "bell_of", "ring_all"]

_log = logging.getLogger("dyocense.worker")
_CHANNEL: Final = "dyocense_queue"
#: How long the listener waits for one notification before it looks whether it is still wanted.
_LISTEN_S: Final = 1.0


def ring_all(c: sa.Connection) -> None:
    """Wake the idle workers of all machines when this transaction commits; workers on SQLite see the commit itself."""
    if is_postgres(c.engine):
        c.execute(statement(f"SELECT pg_notify('{_CHANNEL}', '')"))


class Bell:
    """Rings when a worker should look for work; this one is rung by its own process only."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """Wake the one who waits, or let its next wait return at once."""
        self._rung.set()

    def wait(self, longest_s: float, *, look: bool = True) -> None:
        """Return when it rings, or after `longest_s`; without `look` changes of the database count for nothing."""
        del look
        self._rung.wait(longest_s)
        self._rung.clear()

    def close(self) -> None:
        """Let go of the database."""


class _FileBell(Bell):
    """Rings when another connection has changed the SQLite file: the counter is read from shared memory, without a transaction."""

    def __init__(self, engine: sa.Engine, look_s: float) -> None:
        super().__init__()
        self._look_s = look_s
        self._connection = engine.raw_connection()
        self._seen = self._version()

    def _version(self) -> int:
        cursor = self._connection.cursor()
        try:
            return int(cursor.execute("PRAGMA data_version").fetchall()[0][0])
        finally:
            cursor.close()

    def wait(self, longest_s: float, *, look: bool = True) -> None:
        end = time.monotonic() + longest_s
        while (left := end - time.monotonic()) > 0 and not self._rung.wait(min(left, self._look_s) if look else left):
            if look and (now := self._version()) != self._seen:
                self._seen = now
                break
        self._rung.clear()

    def close(self) -> None:
        self._connection.close()


class _ChannelBell(Bell):
    """Rings when `ring_all` was committed somewhere; a connection of its own listens, and is made again when it breaks."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self._engine = engine
        self._halt = threading.Event()
        threading.Thread(target=self._loop, name="queue-bell", daemon=True).start()

    def _loop(self) -> None:
        while not self._halt.is_set():
            try:
                self._listen()
            except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
                _log.warning("no notifications for now: %s", error)
                self._halt.wait(_LISTEN_S)

    def _listen(self) -> None:
        pooled = self._engine.raw_connection()
        listener = pooled.driver_connection
        assert isinstance(listener, psycopg.Connection)
        pooled.detach()  # it is nobody else's from here on
        with contextlib.closing(listener):
            listener.rollback()
            listener.set_autocommit(True)
            listener.execute(f"LISTEN {_CHANNEL}")
            self.ring()  # what was told before nobody heard
            while not self._halt.is_set():
                for _ in listener.notifies(timeout=_LISTEN_S, stop_after=1):
                    self.ring()

    def close(self) -> None:
        self._halt.set()


def bell_of(engine: sa.Engine, *, look_s: float) -> Bell:
    """Return the bell of a database; a change of a SQLite file is seen within `look_s`."""
    return _ChannelBell(engine) if is_postgres(engine) else _FileBell(engine, look_s)

"""One attempt at a run: its folder, its child in the sandbox, what is heard of it, and what of it is kept for another machine."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from dyocense_cli.errors import StoreError, UnavailableError
from dyocense_cli.ports import SandboxResult
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import FINAL, ServeConfig, number
from dyocense_cli.serve.packs import PACKS
from dyocense_cli.serve.shards import whole_of
from dyocense_cli.serve.spans import RunSpans
from dyocense_cli.serve.store import shelf_of
from dyocense_cli.wiring_service import Parts, held_folder, sweep_folders, sweep_groups

__all__ = ["Attempt", "patiently", "sweep"]

T = TypeVar("T")
_log = logging.getLogger("dyocense.worker")
_POLL_CANCEL_S: Final = 0.4
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 30.0
#: Parts of files that a killed child left in the caches are surely not being written after so long.
_OLD_S: Final = 3600.0


def patiently(
    action: Callable[[], T], *, until: Callable[[], bool] = lambda: False, waiting: Callable[[float], object] = lambda _s: None
) -> T | None:
    """Do it again until the service it needs answers; None once `until` says that it is not wanted any more.

    `waiting` is told the seconds of each pause.
    """
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return action()
        except UnavailableError as error:
            if until():
                return None
            _log.warning("waiting: %s", error.message)
            with contextlib.suppress(UnavailableError):
                waiting(pause)
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, 2 * pause)


def sweep(config: ServeConfig) -> int:
    """Remove folders and control groups of jobs whose worker died, and old parts of files; returns how many folders."""
    tenants = config.state / "tenants"
    for part in tenants.glob("*/cache/**/.part-*"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _OLD_S:
                part.unlink()
    sweep_groups()
    return sum(sweep_folders(jobs) for jobs in sorted(tenants.glob("*/jobs")))


class Attempt:
    """A folder for one child; a context manager, which removes it.

    Stages that an earlier attempt finished anywhere are fetched into the folder first. Before a solve begins, what came before it
    is stored and the solve is counted; where it would be one too many it is refused.
    """

    def __init__(self, config: ServeConfig, parts: Parts, row: RunRow, spans: RunSpans) -> None:
        self._parts = parts
        self._row = row
        self._whole = whole_of(row)  # whose stages are fetched, and beside which a part's answers are stored
        self._spans = spans
        self._jobs = config.tenant_folder(row.tenant_id) / "jobs"
        self._shelf = shelf_of(config, row.tenant_id)
        self._over = threading.Event()
        self._storing = threading.Lock()
        self._refused = False
        self._next = 0.0
        self._held = contextlib.ExitStack()

    @property
    def shelves(self) -> bool:
        """Say whether finished stages are kept beyond this machine."""
        return self._shelf is not None

    def __enter__(self) -> Attempt:
        sweep_folders(self._jobs, f"{self._row.run_id}-*")  # of an attempt whose worker was killed
        self.folder: Path = self._held.enter_context(held_folder(self._jobs, self._row.run_id))
        (self.folder / PACKS).mkdir()
        if self._shelf is not None and (self._row.attempts or self._whole != self._row.run_id):
            with contextlib.suppress(UnavailableError, StoreError):  # what cannot be fetched is computed again
                for name in self._shelf.names(self._whole):
                    (self.folder / PACKS / name).write_bytes(self._shelf.read(self._whole, name))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._storing:  # nothing is stored after the run was closed and tidied up
            pass
        self._held.close()

    def heard(self, line: bytes) -> None:
        """Take up a line of the child's: store what a stage made, then note the stage; let the solve go."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        what = said.pop("what", "") if isinstance(said, dict) else ""
        if what == "span":
            self._spans.heard(said)
        if what not in ("stage", "solving"):
            return
        self._keep(said.pop("pack", ""))
        with contextlib.suppress(UnavailableError):  # an event is a courtesy; the run goes on without the database
            self._parts.runs(self._row.tenant_id).event(self._row.run_id, what, said)
        if (said.get("stage"), said.get("state")) == ("solve", "begin"):
            self._gate()

    def _keep(self, name: Any) -> None:
        """Store a pack, and those that could not be stored before it."""
        if self._shelf is None or not name:
            return
        for path in sorted((self.folder / PACKS).glob("*.zip")):
            kept = path.with_suffix(".kept")
            with self._storing, contextlib.suppress(UnavailableError):  # a lost stage is computed again
                if not self._over.is_set() and not kept.exists() and path.name <= str(name):
                    self._shelf.add(self._whole, path.name, path.read_bytes())
                    kept.touch()

    def _gate(self) -> None:
        runs, limit = self._parts.runs(self._row.tenant_id), int(number("serve.solves_at_most"))
        allowed = patiently(lambda: runs.begin_solve(self._row.run_id, limit), until=self._over.is_set)
        self._refused = allowed is False
        if allowed is not None:
            (self.folder / ("stop" if self._refused else "go")).touch()

    def stop(self) -> bool:
        """Say whether the child has to end; asks the database now and then whether the run was cancelled."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _POLL_CANCEL_S
        try:
            row = self._parts.runs(self._row.tenant_id).read(self._whole)
        except UnavailableError:
            return False
        stop = row is not None and (bool(row.cancel) or row.status in FINAL)
        if stop:
            (self.folder / "stop").touch()
        return stop

    def named(self, ended: SandboxResult) -> SandboxResult:
        """Return a child's end by its real name where the sandbox cannot know it."""
        return replace(ended, reason="solved_twice") if self._refused else ended

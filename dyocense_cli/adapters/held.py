"""Folders that belong to a living process: held by a lock that the kernel drops when the process ends, however it ends.

Process numbers would not do: in a sandbox each process is number two, and on a shared disk another machine's are unknown.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["held_folder", "short_folder", "sweep_folders"]


def _lock(folder: Path) -> int | None:
    """Return an open descriptor that locks a folder, or None if another process holds it or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == folder.stat().st_ino:
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


@contextmanager
def held_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a folder ``<name>-<random>`` of this process and remove it in the end, unless it was renamed meanwhile."""
    parent.mkdir(parents=True, exist_ok=True)
    handle = None
    while handle is None:  # a sweeper may have taken it between the two calls
        folder = parent / f"{name}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(mode=0o700)
        handle = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def short_folder(prefix: str) -> tuple[Path, Callable[[], None]]:
    """Make a private folder with a short path for this process, below the temporary one, and return it with what removes it.

    Folders of this prefix whose process died are removed first.
    """
    base = Path(tempfile.gettempdir())
    sweep_folders(base, f"{prefix}-????????")
    held = ExitStack()
    return held.enter_context(held_folder(base, prefix)), held.close


def sweep_folders(parent: Path, pattern: str = "*") -> int:
    """Remove folders below `parent` that no living process holds; returns how many."""
    removed = 0
    for folder in sorted(parent.glob(pattern)):
        handle = _lock(folder)
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)
            removed += 1
    return removed

"""The state of the project's shared files: what makes two requests that name them the same work."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.serve.job import SHARED

__all__ = ["project_stamp"]


def project_stamp(project: Path) -> str:
    """Return a hash over names and contents of the project's shared files; equal on every machine that has the same files."""
    found: list[Json] = []
    for name in SHARED:
        for path in sorted((project / name).rglob("*")):
            if path.is_file():
                state = path.stat()
                found.append([path.relative_to(project).as_posix(), _content(path, state.st_size, state.st_mtime_ns)])
    return json_sha(found)


@lru_cache(maxsize=10_000)
def _content(path: Path, size: int, changed_ns: int) -> str:
    """Return the hash of a file's bytes; read again when its size or time changes."""
    del size, changed_ns
    return bytes_sha(path.read_bytes())

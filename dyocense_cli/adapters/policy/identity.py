"""Which OPA a binary is: its version and the SHA-256 of its bytes, remembered while the file does not change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from dyocense_cli.adapters.policy.bounded import run_bounded
from dyocense_cli.errors import UnavailableError

__all__ = ["identify"]


def identify(binary: str, *, cache: str) -> str:
    """Return ``<version> sha256:<hash of the binary>``; asked of the binary once, then read from the folder `cache`.

    Raises
    ------
    UnavailableError
        DY4201 if the binary is not there, does not run, or does not say its version.
    """
    try:
        stat = os.stat(binary)  # noqa: PTH116  # one call for all three
    except OSError as error:
        raise UnavailableError(
            "DY4201", f"there is no OPA at `{binary}`", hints="give a working OPA with `--opa PATH` or DYOCENSE_OPA"
        ) from error
    key = f"{Path(binary).resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    memory = Path(cache) / "opa.json"
    known = _known(memory)
    if key not in known:
        known = {key: f"{_version(binary)} sha256:{_hash(binary)}"}
        _remember(memory, known)
    return known[key]


def _known(memory: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(memory.read_text(encoding="utf-8"))
        if isinstance(found, dict) and all(isinstance(v, str) for v in found.values()):
            return found
    return {}


def _remember(memory: Path, known: dict[str, str]) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time, nothing else
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False, encoding="utf-8") as file:
            json.dump(known, file)
        Path(file.name).replace(memory)


def _version(binary: str) -> str:
    with tempfile.TemporaryDirectory(prefix="dyocense-opa-") as empty:
        ended = run_bounded([binary, "version"], stdin=b"", cwd=empty, timeout_s=20.0)
    found = re.search(rb"^Version:\s*([0-9A-Za-z.+-]{1,40})\s*$", ended.stdout, re.M)
    if ended.code != 0 or found is None:
        raise UnavailableError(
            "DY4201",
            f"`{binary}` does not say which OPA it is",
            why=ended.stderr.decode("utf-8", "replace")[:200].strip(),
            hints="give a working OPA with `--opa PATH` or DYOCENSE_OPA",
        )
    return found.group(1).decode()


def _hash(binary: str) -> str:
    with open(binary, "rb") as file:  # noqa: PTH123  # the name comes from the search path
        return hashlib.file_digest(file, "sha256").hexdigest()

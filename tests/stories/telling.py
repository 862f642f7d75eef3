"""Run a story and compare what it shows with its golden transcript."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["HERE", "Told", "tell"]

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent

_MASKS: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<run>"),
    (re.compile(r"\bsha256:[0-9a-f]{64}\b"), "<sha>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha>"),
    (re.compile(r"\bsha256:[0-9a-f]{6,}…"), "<sha>"),
    (re.compile(r"\b\d+(\.\d+)? m?s\b"), "<time>"),
    (re.compile(r"\b(HiGHS|dyocense-cli) \d[\w.+]*"), r"\1 <version>"),
)


class Told(str):
    """The masked transcript of a story."""

    __slots__ = ()


def tell(folder: Path, name: str, *, opa: str | None = None, **extra: str) -> Told:
    """Run ``name.sh`` in an empty folder and compare its output with ``name.txt``; run ids, hashes and times are masked.

    The story sees no settings of ours, no network, and `opa` on PATH only where one is given. With DYOCENSE_GOLDEN=rewrite the
    golden file is written in place of being compared.
    """
    shims = folder / "shims"
    shims.mkdir(parents=True)
    _shim(shims / "dyocense", f"exec {shlex.quote(sys.executable)} -m dyocense_cli \"$@\"")
    _shim(shims / "python3", f"exec {shlex.quote(sys.executable)} \"$@\"")
    if opa is not None:
        (shims / "opa").symlink_to(opa)
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", str(HERE / f"{name}.sh")], cwd=work, env=_environment(shims, folder, extra), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = done.stdout.decode("utf-8").replace(str(work), ".").replace(str(folder), "..")
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    golden = HERE / f"{name}.txt"
    if os.environ.get("DYOCENSE_GOLDEN") == "rewrite":
        golden.write_text(text, encoding="utf-8")
    told = golden.read_text(encoding="utf-8")
    changed = "\n".join(difflib.unified_diff(told.splitlines(), text.splitlines(), f"{name}.txt", "told", lineterm=""))
    assert not changed, changed
    assert done.returncode == 0
    return Told(text)


def _environment(shims: Path, folder: Path, extra: dict[str, str]) -> dict[str, str]:
    """Return an environment in which only the shims, the usual tools and this checkout are there."""
    tools = [p for p in os.environ["PATH"].split(os.pathsep) if p and not os.access(Path(p) / "opa", os.X_OK)]
    return {
        "PATH": os.pathsep.join([str(shims), *tools]), "PYTHONPATH": str(ROOT), "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1", "COLUMNS": "140", "STORIES": str(HERE), **extra,
    }


def _shim(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)

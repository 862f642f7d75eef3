"""A copy of the shipped goals and fixtures to play with, and the command line in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

__all__ = ["ROOT", "Done", "dyocense", "environment", "make_project", "start"]


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def make_project(folder: Path) -> Path:
    """Copy goals and fixtures into a fresh project."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("goals", "fixtures"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "dyocense.toml").write_text("", "utf-8")
    return folder


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without settings of ours, with the package importable."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DYOCENSE_")}
    kept["PYTHONPATH"] = str(ROOT)
    return {**kept, **extra}


def dyocense(*arguments: str, cwd: Path, timeout: float = 240, **extra: str) -> Done:
    """Run the command line in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "dyocense_cli", *arguments], cwd=cwd, env=environment(**extra), capture_output=True, text=True, timeout=timeout, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def start(*arguments: str, cwd: Path, **extra: str) -> subprocess.Popen[str]:
    """Start the command line and return the process."""
    return subprocess.Popen([sys.executable, "-m", "dyocense_cli", *arguments], cwd=cwd, env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

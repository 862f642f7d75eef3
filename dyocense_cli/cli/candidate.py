"""Another version of this program, asked to replay runs: a Python program, a checkout or a wheel beside what is installed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dyocense_cli.errors import UsageError

__all__ = ["Candidate", "candidate"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program that can replay: its Python, and the folder that goes before what that Python has installed (empty for none)."""

    python: str
    folder: str = ""
    version: str = field(default="", compare=False)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the candidate and return what it printed."""
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment = {**kept, "PYTHONPATH": self.folder} if self.folder else dict(os.environ)
        command = [self.python, "-P", "-m", "dyocense_cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def replay(self, *arguments: str) -> tuple[dict[str, Any] | None, str]:
        """Replay one run; return the JSON report, or None with the candidate's own words where it could not."""
        done = self.call("replay", *arguments, "--json")
        try:
            document = json.loads(done.stdout)
        except json.JSONDecodeError:
            document = {}
        if "stages" in document:
            return document, done.stderr
        told = (document.get("error") or {}).get("message") or (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return None, str(told)


@contextmanager
def candidate(text: str, *, here: str) -> Iterator[Candidate]:
    """Give the candidate that `text` names: a Python program, a folder that holds `dyocense_cli/`, a wheel, or the version `here`.

    Raises
    ------
    UsageError
        DY1004 if it names none of these, or does not run.
    """
    with tempfile.TemporaryDirectory(prefix="dyocense-candidate-") as room:
        found = _found(text, here, Path(room))
        done = found.call("--version")
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise UsageError(
                "DY1004", f"the candidate {text} does not run: {last}", hints="try `PYTHON -m dyocense_cli --version` yourself"
            )
        yield Candidate(found.python, found.folder, done.stdout.strip().removeprefix("dyocense "))


def _found(text: str, here: str, room: Path) -> Candidate:
    path = Path(text)
    if path.suffix == ".whl" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:  # unpacked: its dependencies are those of this environment
            wheel.extractall(room)
        return Candidate(sys.executable, str(room))
    if (path / "dyocense_cli").is_dir():
        return Candidate(sys.executable, str(path.absolute()))
    if path.is_file() and os.access(path, os.X_OK):
        return Candidate(str(path.absolute()))
    if text == here:
        return Candidate(sys.executable)
    raise UsageError(
        "DY1004",
        f"no candidate is named `{text}`",
        hints=f"name the Python program of another environment, a checkout, a wheel, or the version here, {here}",
    )

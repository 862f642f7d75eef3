"""What a terminal shows: nothing wider than it, no colour where none is wanted, plain text in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unicodedata
from pathlib import Path

import pytest

from tests.cli.project import dyocense, environment

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planned project, so that every further plan of its goal is known."""
    folder = tmp_path_factory.mktemp("terminal")
    assert dyocense("init", ".", "--template", "custom", cwd=folder).code == 0
    assert dyocense("plan", "goals/farm.yaml", cwd=folder).code == 0
    return folder


def on_terminal(*arguments: str, cwd: Path, columns: int, **extra: str) -> str:
    """Run a command on a pseudo-terminal of so many columns and return all that it wrote."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {k: v for k, v in environment(TERM="xterm-256color", LC_ALL="C.UTF-8").items() if k not in {"NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR"}}
    process = subprocess.Popen([sys.executable, "-m", "dyocense_cli", *arguments], cwd=cwd, env={**kept, **extra}, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    written = bytearray()
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    process.wait(timeout=60)
    return written.decode("utf-8").replace("\r\n", "\n")


def width(line: str) -> int:
    """Columns of a line as a terminal shows it after its last return to the left."""
    shown = ESCAPE.sub("", line.rpartition("\r")[2])
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


COMMANDS = [
    ("plan", "goals/farm.yaml"),
    ("plan", "goals/farm.yaml", "--dry-run"),
    ("diff", "@last", "@last"),
    ("lint", "goals/farm.yaml", "--set", "limits.budget.max=3"),
    ("runs", "list"),
]


@pytest.mark.parametrize(
    ("command", "columns"),
    [(c, n) for c in COMMANDS for n in (40, 80, 140) if c[0] != "lint" or n > 40],  # a message is one line, which the terminal wraps
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else str(v),
)
def test_nothing_is_wider_than_its_terminal(project: Path, command: tuple[str, ...], columns: int) -> None:
    shown = on_terminal(*command, cwd=project, columns=columns)
    lines = [line for line in shown.split("\n") if not _unbreakable(line, columns)]
    assert shown.strip()
    assert [line for line in lines if width(line) > columns] == []


def _unbreakable(line: str, columns: int) -> bool:
    """Say whether a line holds one word that no terminal of this width can hold: a path, an id."""
    return any(len(word) > columns - 12 for word in ESCAPE.sub("", line).split())


def test_a_terminal_gets_colour(project: Path) -> None:
    assert COLOUR.search(on_terminal("plan", "goals/farm.yaml", cwd=project, columns=100))


@pytest.mark.parametrize("extra", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
@pytest.mark.parametrize("command", [*COMMANDS, ("plan", "goals/absent.yaml"), ("nothing",)], ids=" ".join)
def test_no_colour_where_none_is_wanted(project: Path, command: tuple[str, ...], extra: dict[str, str]) -> None:
    shown = on_terminal(*command, cwd=project, columns=80, **extra)
    assert shown.strip()
    assert COLOUR.findall(shown) == []


def test_a_dumb_terminal_gets_no_escape_at_all(project: Path) -> None:
    assert "\x1b" not in on_terminal("plan", "goals/farm.yaml", "--no-cache", cwd=project, columns=80, TERM="dumb")


@pytest.mark.parametrize("command", [*COMMANDS, ("plan", "goals/absent.yaml"), ("--help",)], ids=" ".join)
def test_a_pipe_gets_plain_text(project: Path, command: tuple[str, ...]) -> None:
    done = dyocense(*command, cwd=project, TERM="xterm-256color", FORCE_COLOR="1")
    assert done.out + done.err
    assert "\x1b" not in done.out + done.err
    assert "\r" not in done.out + done.err


def test_an_error_takes_the_place_of_the_live_line(project: Path) -> None:
    shown = on_terminal("plan", "goals/farm.yaml", "--set", "limits.none.max=3", cwd=project, columns=80)
    lines = [ESCAPE.sub("", line.rpartition("\r")[2]) for line in shown.split("\n")]
    assert [line for line in lines if "error[" in line and not line.startswith("error[")] == []
    assert any(line.startswith("error[") for line in lines)


def test_a_quoted_line_is_cut_to_the_terminal_with_its_caret_below_the_word(tmp_path: Path) -> None:
    assert dyocense("init", ".", "--template", "custom", cwd=tmp_path).code == 0
    goal = tmp_path / "goals" / "farm.yaml"
    goal.write_text(goal.read_text("utf-8").replace("{model: auto, num_scenarios: 3, seed: 424242}", "{" + " " * 60 + "model: auto, num_scenarios: 3, seeed: 424242}"), "utf-8")
    shown = ESCAPE.sub("", on_terminal("lint", "goals/farm.yaml", cwd=tmp_path, columns=60)).split("\n")
    (caret,) = [i for i, line in enumerate(shown) if "^" in line]
    assert width(shown[caret - 1]) <= 60
    start = shown[caret].index("^")
    assert shown[caret - 1][start : start + 5] == "seeed"

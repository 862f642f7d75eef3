"""Read command blocks out of the pages, run them in order in a clean folder, and compare what they print.

What a page may say:

- a block of ``sh`` is a script; all its commands must end with exit code 0, or the block with the one that ``<!-- exit 5 -->`` above it says;
- a block of ``text`` right after it is what it prints, on standard output or else on standard error;
- in it, a line of ``…`` stands for any lines, and ``…`` within a line for anything; run ids, hashes, dates with times and seconds match
  any other;
- ``<!-- begin: dyocense init . --template custom -->`` anywhere has the page start in that project in place of a copy of goals/ and fixtures/;
- ``<!-- not run: reason -->`` above a block leaves it out; blocks of nothing but ``make`` are left out too.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Block", "Page", "pages", "read", "written"]

ROOT: Final = Path(__file__).resolve().parents[2]

_FENCE: Final = re.compile(r"^```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"<!-- (?P<word>not run|exit|begin):? (?P<rest>[^>]*?) -->\s*\Z")
_BEGIN: Final = re.compile(r"<!-- begin: (.*?) -->")
_SHELL: Final = frozenset({"sh", "bash", "shell", "console"})
_MASKS: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<run>"),
    (re.compile(r"\bsha256:(?:[0-9a-f]{12,64}\b|(?=…))"), "<sha>"),
    (re.compile(r"\b[0-9a-f]{12}([0-9a-f]{52})?\b"), "<sha>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\b"), "<when>"),
    (re.compile(r" *\b\d+(\.\d+)? m?s\b"), " <time>"),
)


@dataclass(frozen=True)
class Block:
    """One command block of a page."""

    line: int
    script: str
    exit_code: int = 0
    skipped: str = ""
    expected: str | None = None


@dataclass(frozen=True)
class Page:
    """A page, the command that sets its project up, and its command blocks in order."""

    name: str
    begin: str
    blocks: tuple[Block, ...]
    unlabelled: tuple[int, ...]


def pages() -> list[str]:
    """Return the names of the README and of all pages of the documentation."""
    return ["README.md", *sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md"))]


def written() -> list[Page]:
    """Return the pages that have command blocks."""
    return [page for page in map(read, pages()) if page.blocks]


def read(name: str) -> Page:
    """Read a page."""
    text = (ROOT / name).read_text("utf-8")
    found = list(_FENCE.finditer(text))
    begin = _BEGIN.search(text)
    blocks, unlabelled = [], []
    for i, fence in enumerate(found):
        if fence["kind"] in _SHELL:
            after = found[i + 1] if i + 1 < len(found) else None
            blocks.append(_block(text, fence, after))
        elif not fence["kind"] and re.search(r"^(\$ )?(dyocense|make|pip|python3?) ", fence["body"], re.MULTILINE):
            unlabelled.append(text.count("\n", 0, fence.start()) + 1)
    return Page(name, begin[1] if begin else "", tuple(blocks), tuple(unlabelled))


def _block(text: str, fence: re.Match[str], after: re.Match[str] | None) -> Block:
    comment = _COMMENT.search(text[: fence.start()])
    word, rest = (comment["word"], comment["rest"]) if comment else ("", "")
    shown = after is not None and after["kind"] == "text" and not text[fence.end() : after.start()].strip()
    script = fence["body"]
    only_make = all(line.startswith(("make ", "#")) for line in script.splitlines() if line.strip())
    return Block(
        line=text.count("\n", 0, fence.start()) + 1,
        script=script,
        exit_code=int(rest) if word == "exit" else 0,
        skipped=rest if word == "not run" else "make" if only_make else "",
        expected=after["body"] if shown and after is not None else None,
    )


class Reader:
    """Someone who types what a page says into a shell, block after block."""

    def __init__(self, folder: Path, begin: str) -> None:
        self.home = folder
        self.here = folder / "work"
        shims = folder / "shims"
        shims.mkdir(parents=True)
        program = shlex.quote(sys.executable)
        for name, line in {"dyocense": f'exec {program} -m dyocense_cli "$@"', "python": f'exec {program} "$@"'}.items():
            (shims / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
            (shims / name).chmod(0o755)
        tools = [p for p in os.environ["PATH"].split(os.pathsep) if p and not os.access(Path(p) / "opa", os.X_OK)]
        self.environment = {
            "PATH": os.pathsep.join([str(shims), *tools]), "PYTHONPATH": str(ROOT), "HOME": str(folder), "TMPDIR": str(folder),
            "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "WHERE": str(folder / "where"),
        }
        self.here.mkdir()
        if begin:
            assert self.type(begin)[0] == 0
        else:
            for name in ("goals", "fixtures"):
                shutil.copytree(ROOT / name, self.here / name)
            (self.here / "dyocense.toml").write_text("", "utf-8")

    def type(self, script: str) -> tuple[int, str, str]:
        """Run a script where the last one ended; return its exit code and what it printed on both ways out."""
        head = "set -eo pipefail\ntrap 'pwd > \"$WHERE\"' EXIT\n"
        done = subprocess.run(["bash", "-c", head + script], cwd=self.here, env=self.environment, capture_output=True, text=True, timeout=240, check=False)
        where = Path(self.environment["WHERE"])
        self.here = Path(where.read_text("utf-8").strip()) if where.exists() else self.here
        return done.returncode, self._plain(done.stdout), self._plain(done.stderr)

    def _plain(self, text: str) -> str:
        return text.replace(str(self.home / "work"), "")


def masked(text: str) -> str:
    """Return text without what differs from run to run."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def agrees(expected: str, printed: str) -> bool:
    """Say whether printed text is what a page quotes."""
    parts = []
    for line in masked(expected).splitlines():
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ ]*\n")
    return re.fullmatch("".join(parts), masked(printed).rstrip("\n") + "\n") is not None

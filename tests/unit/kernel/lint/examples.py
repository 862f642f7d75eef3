"""Lay the examples of the rules' pages over the base files and lint them."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.errors import Finding, Span
from dyocense_cli.kernel.lint.pages import FILES, MARK, Block, Page, parse_base, parse_pages
from dyocense_cli.kernel.lint.waivers import read_waivers
from dyocense_cli.runner.lint import Linter

_TEXTS = files("dyocense_cli.kernel.lint.pages")
PAGES: dict[str, Page] = {rule: page for name in FILES for rule, page in parse_pages((_TEXTS / name).read_text("utf-8")).items()}
_BASE = parse_base((_TEXTS / "base.txt").read_text("utf-8"))
TODAY = "2026-11-29"


def _blocks(text: str, indent: str = "") -> dict[str, str]:
    """Split YAML text by its keys at one indentation."""
    parts = re.split(rf"^(?={indent}[{MARK}\w])", text, flags=re.MULTILINE)
    return {part.strip().partition(":")[0].strip(MARK): part for part in parts if part.strip()}


def _over(base: str, text: str) -> str:
    """Lay the keys of an example over a file; tables one by one."""
    merged = _blocks(base)
    for key, part in _blocks(text).items():
        if key == "tables" and key in merged:
            head, _, old = merged[key].partition("\n")
            new = part.partition("\n")[2]
            merged[key] = head + "\n" + "".join((_blocks(old, "  ") | _blocks(new, "  ")).values())
        else:
            merged[key] = part
    return "".join(part.rstrip("\n") + "\n" for part in merged.values())


def project(page: Page, blocks: tuple[Block, ...]) -> dict[str, str]:
    """Return the files of an example, marks included."""
    out = {name: text for name, text in _BASE.items() if name != "stated"}
    if page.stated:
        out["context.yaml"] = _over(out["context.yaml"], _BASE["stated"])
    for block in blocks:
        out[block.file] = block.text if block.raw else _over(out[block.file], block.text)
    return out


def mark_of(texts: dict[str, str]) -> Span | None:
    """Return where the mark stands."""
    for name, text in texts.items():
        if MARK in text:
            before = text[: text.index(MARK)].split("\n")
            return Span(name, len(before), len(before[-1]) + 1)
    return None


def lint_texts(texts: dict[str, str], folder: Path) -> tuple[Finding, ...]:
    """Write the files without their mark, lint the goal, and return what is found."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.replace(MARK, "").encode("utf-8"))
    data = folder / "policies" / "data.json"
    waivers = read_waivers(json.loads(data.read_text())["waivers"], Span("policies/data.json", 1, 1)) if data.exists() else ()
    linter = Linter(DirectoryWorkspace(str(folder)), today=TODAY, tier="standard", waivers=waivers)
    report = linter.file("goal.yaml")
    closing = linter.closing([report])
    return report.findings + (closing.findings if closing is not None else ())

"""Hook of mkdocs: in the navigation, `folder/*` stands for the pages of that folder that are not named before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    docs = Path(config["docs_dir"])
    config["nav"] = [_section(entry, docs) for entry in config["nav"]]
    return config


def _section(entry: Any, docs: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {title: _pages(value, docs) if isinstance(value, list) else value for title, value in entry.items()}


def _pages(entries: list[Any], docs: Path) -> list[Any]:
    named = {page for e in entries for page in (e.values() if isinstance(e, dict) else [e])}
    out: list[Any] = []
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/*"):
            found = (p.relative_to(docs).as_posix() for p in sorted((docs / entry[:-2]).glob("*.md")))
            out += [page for page in found if page not in named]
        else:
            out.append(entry)
    return out

"""The goals of the project, as a list to choose from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

__all__ = ["goals_of"]


def goals_of(project: Path) -> list[dict[str, str]]:
    """Return id and title of each file in ``goals/``, by id; a file that cannot be read as a goal keeps its id as its title."""
    paths = sorted(p for p in (project / "goals").glob("*") if p.suffix in (".yaml", ".yml", ".json") and p.is_file())
    return [{"goal_id": p.stem, "title": _title(p, p.stat().st_mtime_ns)} for p in paths]


@lru_cache(maxsize=1000)
def _title(path: Path, _changed: int) -> str:
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return path.stem
    return str(found.get("title") or path.stem)[:200] if isinstance(found, dict) else path.stem

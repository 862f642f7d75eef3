"""Published instances that may not ship with the project: read from the data folder beside it, or skipped by name."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

__all__ = ["published_file"]

FOLDER = Path(os.environ.get("DYOCENSE_PUBLISHED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
#: Names that stand for more than one instance: the one that is meant.
MEANT = {"lands.cor": "electric", "lands.tim": "electric", "lands.sto": "electric"}


@cache
def _index() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and MEANT.get(path.name, path.parent.name) == path.parent.name:
            found[path.name] = path
    return found


def published_file(name: str) -> Path:
    """Return a published instance's file; the test is skipped where the data folder is absent, and fails in CI."""
    if name not in _index():
        if os.environ.get("CI"):
            pytest.fail(f"needs {name} of the published instances, and CI allows no skip")
        pytest.skip(f"needs {name} of the published instances: set DYOCENSE_PUBLISHED_DATA to their folder")
    return _index()[name]

"""Golden texts: what the program says, held as files that a person reads; ``DYOCENSE_GOLDEN=rewrite`` rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent


def held(name: str, text: str) -> None:
    """Compare a text with the golden file of that name, or rewrite the file."""
    file = HERE / name
    if os.environ.get("DYOCENSE_GOLDEN") == "rewrite":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{name} differs; look at the change, then DYOCENSE_GOLDEN=rewrite"

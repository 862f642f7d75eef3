"""Generated pages are what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
assert SPEC is not None
assert SPEC.loader is not None
make_docs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_docs)


@pytest.mark.parametrize("page", sorted(make_docs.PAGES))
def test_a_generated_page_is_up_to_date(page: str) -> None:
    path = ROOT / "docs" / page
    assert path.read_text("utf-8") == make_docs.HEAD + make_docs.PAGES[page](), "run scripts/make_docs.py"

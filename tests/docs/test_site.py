"""The documentation site builds without a network and without a broken link, and leaves no page out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, pages


def test_the_site_builds_with_every_page_in_its_navigation(tmp_path: Path) -> None:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not included in the \"nav\"" not in done.stderr
    missing = [n for n in pages() if n.startswith("docs/") and not (tmp_path / "site" / n.removeprefix("docs/")).with_suffix(".html").is_file()]
    assert missing == []

"""The report in a real browser: silent, self-contained, legible, accessible, and it prints."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.html import render
from tests.synthetic_run import Case, infeasible, synthetic

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
#: A browser on a busy machine is slow, not broken.
PATIENCE_MS = 200_000
CASES = {"5 lines": synthetic(5), "1000 lines": synthetic(1000), "infeasible": infeasible()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("needs Chromium, and CI allows no skip")
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=PATIENCE_MS)
        yield opened
        opened.close()


def _write(folder: Path, case: Case) -> Path:
    path = folder / "report.html"
    path.write_text(render(Facts.of(case.held, values=case.values, run_fingerprint="sha256:" + "f" * 64)), "utf-8")
    return path


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_silent_asks_for_nothing_and_is_accessible(browser: Any, tmp_path: Path, name: str, scheme: str) -> None:
    path = _write(tmp_path, CASES[name])
    assert path.stat().st_size < 3_000_000
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate((Path(__file__).parent / "accessible.js").read_text("utf-8")) == []
    context.close()


def test_charts_are_drawn_and_nothing_spills_over_on_a_phone(browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(_write(tmp_path, CASES["5 lines"]).as_uri())
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('svg')].map((e) => [e.clientWidth, e.clientHeight, e.querySelectorAll('*').length])"
    )
    assert len(boxes) >= 4
    assert all(width > 200 and height > 20 and parts > 4 for width, height, parts in boxes)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def test_a_page_prints_every_line(browser: Any, tmp_path: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(_write(tmp_path, synthetic(60)).as_uri())
    page.emulate_media(media="print")
    hidden = page.evaluate("() => [...document.querySelectorAll('.scroll')].filter((e) => e.scrollHeight > e.clientHeight + 1).length")
    assert hidden == 0
    assert page.pdf().startswith(b"%PDF")
    context.close()

"""The dashboard in headless Chromium, with the keyboard alone: submit, watch live, why it waits, report, evidence, cancel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works

from .test_service import Live

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time


def _chromium() -> str:
    program = shutil.which("chromium")
    if program is None or not bubblewrap_works():
        if os.environ.get("CI"):
            pytest.fail("needs Chromium and bubblewrap, and CI allows no skip")
        pytest.skip("needs Chromium and bubblewrap: make services-up")
    return program


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    _chromium()
    made = Live(tmp_path_factory.mktemp("dash") / "state", {"DYOCENSE_DATABASE_URL": "", "DYOCENSE_REDIS_URL": ""})
    yield made
    made.stop()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        made.set_default_timeout(600_000)
        trouble: list[str] = []
        made.on("pageerror", lambda error: trouble.append(str(error)))
        made.on(
            "console",
            lambda message: (
                trouble.append(message.text) if message.type == "error" and "Failed to load resource" not in message.text else None
            ),
        )
        yield made
        browser.close()
        assert trouble == []


def shot(page: Any, name: str) -> None:
    folder = os.environ.get("DYOCENSE_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_planner_works_with_the_keyboard_alone(live: Live, page: Any) -> None:
    page.goto(live.url)
    page.focus("#token")
    page.keyboard.type(live.token("acme", "free"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#goal:visible")
    assert page.text_content("#who") == "acme · free"
    # a long run first, then one that waits for it: the tier allows one at a time
    page.focus("#goal")
    page.keyboard.press("Control+A")
    page.keyboard.type("dairy")
    page.keyboard.press("Enter")
    page.wait_for_selector("#live li:has-text('running')")
    page.focus("#goal")
    page.keyboard.press("Control+A")
    page.keyboard.type("newsvendor")
    page.keyboard.press("Enter")
    page.wait_for_selector("dd:has-text('an earlier run of yours'), #live li:has-text('succeeded')")
    shot(page, "waits")
    # back to the long run, and cancel it
    page.focus("#run-rows tr:has-text('dairy') button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cancel, .tag.succeeded")
    if page.query_selector("#cancel"):
        page.focus("#cancel")
        page.keyboard.press("Enter")
    page.wait_for_selector("#run-rows tr:has-text('dairy') td.cancelled, #run-rows tr:has-text('dairy') td.succeeded")
    # the waiting run goes on; its report opens
    page.focus("#run-rows tr:has-text('newsvendor') button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#report")
    page.focus("#report")
    page.keyboard.press("Enter")
    frame = page.wait_for_selector("#frame iframe").content_frame()
    frame.wait_for_selector("h1")
    assert "newsvendor" in frame.content().lower() or "papers" in frame.content().lower()
    page.focus("#detail-body table button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#why svg")
    assert page.query_selector_all("#why li, #why svg text")
    shot(page, "run")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "phone")


def test_every_control_has_a_name_and_shows_its_focus(live: Live, page: Any) -> None:
    page.goto(live.url)
    page.fill("#token", live.token("acme", "free"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#run-rows tr")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('input, button, select, iframe, meter')].filter(n => n.offsetParent)
        .filter(n => !(n.getAttribute('aria-label') || n.title || n.textContent.trim() || (n.labels && n.labels.length))).map(n => n.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_wrong_token_and_a_refused_plan_are_told(live: Live, page: Any) -> None:
    page.goto(live.url)
    page.fill("#token", "nonsense")
    with page.expect_response("**/usage"):
        page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('token-say').textContent.includes('token')")
    page.fill("#token", live.token("other", "free"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#goal:visible")
    page.fill("#scenarios", "21")
    with page.expect_response("**/plans"):
        page.focus("#goal")
        page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('plan-say').textContent.includes('tier `free` allows 20')")

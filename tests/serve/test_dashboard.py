"""The dashboard in headless Chromium, with the keyboard alone: submit, watch live, why it waits, report, evidence, cancel."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works
from dyocense_cli.kernel.tenancy.tiers import TIERS
from dyocense_cli.wiring_service import open_parts

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
        made = browser.new_page(viewport={"width": 1280, "height": 900}, bypass_csp=True)  # the checker is a script of the test's
        made.set_default_timeout(float(os.environ.get("DYOCENSE_PAGE_MS", "600000")))
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
    page.wait_for_selector("#waits:has-text('an earlier run of yours'), #live li:has-text('succeeded')")
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


def signed_in(live: Live, page: Any, tenant: str, tier: str = "pro") -> None:
    page.goto(live.url)
    page.fill("#token", live.token(tenant, tier))
    page.keyboard.press("Enter")
    page.wait_for_selector("#goal:visible")


def accessible(page: Any) -> None:
    """Assert that axe finds nothing by the rules of WCAG 2.2 A and AA and the field's best practices."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "iframes": False}
    )
    assert [(v["id"], [n["html"][:160] for n in v["nodes"]]) for v in found.response["violations"]] == []


def test_two_runs_are_compared_and_no_checker_complains_in_light_dark_or_on_a_phone(live: Live, page: Any) -> None:
    tenant = f"tn-{uuid.uuid4().hex[:8]}"
    page.emulate_media(color_scheme="light")
    page.goto(live.url)
    accessible(page)
    with live.client(tenant) as client:
        runs = [live.plan(client, {"goal_id": "newsvendor", "scenarios": n}) for n in (20, 40)]
        failed = live.plan(client, {"goal_id": "no-such-goal"})
    assert [r["status"] for r in (*runs, failed)] == ["succeeded", "succeeded", "failed"]
    signed_in(live, page, tenant)
    page.wait_for_selector("#goals option[value='grocery-weekly']", state="attached")
    assert page.text_content("#goal-title").startswith("Eight weeks")
    page.wait_for_function("document.querySelectorAll('#run-rows input:enabled').length === 2")  # goals may be there before runs
    for key in page.eval_on_selector_all("#run-rows input:enabled", "boxes => boxes.map(b => b.dataset.key)"):
        page.focus(f"[data-key='{key}']")  # by name: rows are drawn again when runs are refreshed
        page.keyboard.press("Space")
        page.wait_for_selector(f"[data-key='{key}']:checked")
    page.focus("#compare")
    page.keyboard.press("Enter")
    page.wait_for_selector("#diff-body table")
    bought = [c.text_content() for c in page.query_selector_all("#diff-body tr:has(th:text-is('bought')) td")]
    assert float(bought[0]) == runs[0]["result"]["kpis"]["bought"]
    assert float(bought[1]) == runs[1]["result"]["kpis"]["bought"]
    assert float(bought[2]) == float(bought[1]) - float(bought[0])
    assert "null" not in page.text_content("#diff-body")
    page.click("#run-rows tr:has-text('no-such-goal') button")
    page.wait_for_selector("[role=alert]:has-text('no goal is named')")
    accessible(page)
    page.click("#run-rows tr:has-text('newsvendor') button")
    page.wait_for_selector("#report")
    page.click("#detail-body table button")
    page.wait_for_selector("#why svg")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shot(page, f"{scheme}-{width}")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button')].filter(b => b.offsetParent && b.getBoundingClientRect().height < 24).map(b => b.outerHTML)"""
    )
    assert small == []  # of the size a thumb can hit


def test_budget_and_limits_are_told_and_the_warning_shows(live: Live, page: Any) -> None:
    tenant = f"tn-{uuid.uuid4().hex[:8]}"
    signed_in(live, page, tenant, "free")
    page.wait_for_selector("#budget meter")
    assert "600 of 600 solver seconds left" in page.text_content("#budget")
    assert "At most 1 solve at once, 20 scenarios, 15 s per solve, 10 requests a minute" in page.text_content("#budget")
    parts = open_parts(f"sqlite:///{live.state / 'service.sqlite'}", dead_after_s=10.0)
    parts.ledger(tenant, TIERS["free"].budgets()).reserve("earlier", {"solver_sec": 500.0})
    parts.close()
    page.wait_for_selector("#budget:has-text('80 % is used')")
    assert page.get_attribute("#budget meter", "value").startswith("0.83")
    accessible(page)


def test_every_control_has_a_name_and_shows_its_focus(live: Live, page: Any) -> None:
    signed_in(live, page, "acme", "free")
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

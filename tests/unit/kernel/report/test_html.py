"""The page of a run."""

from __future__ import annotations

import dataclasses
import itertools
import re
from html.parser import HTMLParser

import pytest

from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.html import render
from tests.synthetic_run import Case, infeasible, synthetic


def _page(case: Case) -> str:
    return render(Facts.of(case.held, values=case.values, run_fingerprint="sha256:" + "f" * 64, fingerprints={"goal_sha": "sha256:1"}))


class _Reader(HTMLParser):
    """Collects tags, attributes and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def test_a_page_shows_every_line_and_section() -> None:
    page = _page(synthetic(12))
    assert all(f"PO-{k:04d}" in page for k in range(1, 13))
    for name in ("figures", "rules", "lines", "calendar", "spend", "stock", "risk", "provenance"):
        assert f'id="{name}"' in page
        assert f'href="#{name}"' in page
    assert "one more EUR saves 0.31 EUR" in page
    assert "goals/shop.yaml:17:3" in page


def test_what_a_run_does_not_have_takes_no_room() -> None:
    case = synthetic(4)
    bare = tuple(dataclasses.replace(s, lots=None, rounding="", arrives=None) for s in case.held["plan"].steps)
    case.held["plan"] = dataclasses.replace(case.held["plan"], steps=bare)
    full, page = _page(synthetic(4)), _page(case)
    for title in ("Lots", "Rounding", "Arrives"):
        assert f'">{title}</th>' in full.replace('scope="col" class="n">', 'scope="col">')
        assert f'">{title}</th>' not in page.replace('scope="col" class="n">', 'scope="col">')


def test_labels_are_escaped() -> None:
    page = _page(synthetic(4))
    assert "Orders &lt;for&gt; one &amp; shop" in page
    assert "<for>" not in page


def test_a_page_asks_for_nothing_and_runs_nothing() -> None:
    reader = _read(_page(synthetic(8)))
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "iframe", "object", "embed", "img", "base"}
    for tag, attrs in reader.tags:
        for key in ("src", "href", "action", "data"):
            value = attrs.get(key)
            assert value is None or value.startswith("#") or value == "data:,", (tag, key, value)
        assert not any(key.startswith("on") for key in attrs), tag


def test_structure_is_readable_without_a_mouse_or_eyes() -> None:
    page = _page(synthetic(8))
    reader = _read(page)
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert ("html", {"lang": "en"}) in reader.tags
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    for tag, attrs in reader.tags:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-label"]
        if tag == "th":
            assert attrs["scope"] in {"row", "col"}
        if tag == "div" and attrs.get("class") == "scroll":
            assert attrs["tabindex"] == "0"
            assert attrs["aria-label"]


@pytest.mark.parametrize("lines", [1, 5, 1000])
def test_a_page_stays_below_three_megabytes(lines: int) -> None:
    assert len(_page(synthetic(lines)).encode()) < 3_000_000


def test_an_infeasible_run_shows_conflict_and_ways_out() -> None:
    page = _page(infeasible())
    assert "These 2 rules cannot all hold" in page
    assert "--set limits.budget.max=8320EUR" in page
    assert "not allowed by policy: over the cap" in page
    assert 'id="lines"' not in page


def test_the_same_run_gives_the_same_bytes() -> None:
    assert _page(synthetic(20)) == _page(synthetic(20))

"""Every command block of the README and of the documentation runs in a clean folder and prints what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Page, Reader, agrees, pages, read, written

#: Blocks that are not run, per page, with what runs the same thing elsewhere.
LEFT_OUT = {
    "README.md": 2,  # make: CI runs both; a service: tests/serve/test_readme.py
    "docs/benchmarks/forecast.md": 1,  # minutes
    "docs/concepts/policy.md": 1,  # needs opa: tests/stories/s03_denied_vendor.sh
    "docs/howto/own-policies.md": 1,  # needs opa: tests/cli/test_policy_command.py
    "docs/howto/serve.md": 3,  # starts services: tests/serve
    "docs/howto/stores.md": 1,  # needs an object store: tests/stories/s08_store_down.sh
}


@pytest.mark.parametrize("page", [p for p in written() if any(not b.skipped for b in p.blocks)], ids=lambda p: p.name)
def test_the_commands_of_a_page_do_what_it_says(page: Page, tmp_path: Path) -> None:
    reader = Reader(tmp_path, page.begin)
    for block in page.blocks:
        if block.skipped:
            continue
        code, out, err = reader.type(block.script)
        told = f"{page.name}:{block.line}\n{block.script}\n{out}\n{err}"
        assert code == block.exit_code, told
        assert block.expected is None or agrees(block.expected, out) or agrees(block.expected, err), told


def test_blocks_that_are_not_run_are_known() -> None:
    skipped = {page.name: sum(bool(b.skipped) for b in page.blocks) for page in written()}
    assert {name: n for name, n in skipped.items() if n} == LEFT_OUT


def test_a_block_of_commands_says_that_it_is_one() -> None:
    assert [(name, read(name).unlabelled) for name in pages() if read(name).unlabelled] == []


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\nb\nc\n", True),
        ("…\nc\n", "a\nb\n", False),
        ("a …\n", "a 12 EUR\n", True),
        ("a … EUR\n", "a 12 USD\n", False),
        ("took 0.10 s\n", "took 12.5 s\n", True),
        ("of sha256:0123456789ab…\n", "of sha256:ba9876543210…\n", True),
        ("cost 12\n", "cost 13\n", False),
    ],
)
def test_quoted_output_matches_up_to_its_wildcards(expected: str, printed: str, same: bool) -> None:
    assert agrees(expected, printed) is same

"""Every rule: an example that breaks it is found at its exact place, one that does not is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dyocense_cli.artifacts.rules import RULES
from dyocense_cli.errors import Span
from dyocense_cli.kernel.lint import run
from dyocense_cli.kernel.lint.case import CHECKS
from tests.unit.kernel.lint.examples import PAGES, lint_texts, mark_of, project

WITH_EXAMPLES = sorted(rule for rule, page in PAGES.items() if page.bad)


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert list(PAGES) == list(RULES)
    assert set(RULES) - set(WITH_EXAMPLES) == {"DYO-Y005"}  # its example would fill the page; see test_reader
    assert all(page.why.endswith(".") for page in PAGES.values())


def test_every_check_is_of_a_known_rule_in_a_stage_that_runs() -> None:
    assert set(CHECKS) <= set(RULES)
    assert {RULES[rule].stage for rule in CHECKS} == set(run.STAGES)


@pytest.mark.parametrize("rule", WITH_EXAMPLES)
def test_the_bad_example_is_found_at_its_place(rule: str, tmp_path: Path) -> None:
    page = PAGES[rule]
    texts = project(page, page.bad)
    found = [f for f in lint_texts(texts, tmp_path) if f.id == rule]
    assert found, [str(f.where) + f.id + f.message for f in lint_texts(texts, tmp_path)]
    wanted = mark_of(texts)
    assert wanted is not None
    places = [(f.where.file, f.where.line, f.where.column) for f in found if isinstance(f.where, Span)]
    assert places == [(wanted.file, wanted.line, wanted.column)]
    assert "…" not in found[0].remediation, "a slot of the remediation is not filled"
    assert found[0].title == RULES[rule].title


@pytest.mark.parametrize("rule", WITH_EXAMPLES)
def test_the_good_example_is_clean_of_the_rule(rule: str, tmp_path: Path) -> None:
    page = PAGES[rule]
    found = lint_texts(project(page, page.good), tmp_path)
    assert [f.message for f in found if f.id == rule] == []


def test_the_base_of_the_examples_has_no_error(tmp_path: Path) -> None:
    page = PAGES["DYO-X007"]
    found = lint_texts(project(page, ()), tmp_path)
    assert [f.id for f in found if f.severity == "error"] == []

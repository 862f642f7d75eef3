"""Hostile files end in findings: no crash, no hang, bounded memory; each finding has a code and a place inside the file."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.artifacts.rules import RULES
from dyocense_cli.errors import Span, UsageError
from dyocense_cli.kernel.goaldsl.nodes import SpanMap
from dyocense_cli.kernel.goaldsl.parse import read_context, read_goal, read_model
from dyocense_cli.kernel.goaldsl.reader import read_yaml
from tests.property.yaml_fuzz import SPICE, WORDS, cases

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
SEEDS = [
    path.read_text("utf-8") for path in (*sorted((ROOT / "goals").rglob("*.yaml")), *sorted((ROOT / "fixtures").glob("*/context.yaml")))
]
READERS = (read_goal, read_context, read_model)


def check(text: str, which: int) -> None:
    artifact, findings = READERS[which % 3](text, file="f.yaml")
    errors = [f for f in findings if f.severity == "error"]
    assert (artifact is None) == bool(errors)
    lines = text.count("\n") + text.count("\r") + 2
    for item in findings:
        assert item.id in RULES
        assert item.message
        assert isinstance(item.where, Span)
        assert 1 <= item.where.line <= lines
        assert 1 <= item.where.column <= len(text) + 2


@pytest.mark.parametrize("part", range(100 if FULL else 3))
def test_fuzzed_files_end_in_findings(part: int) -> None:
    slowest = 0.0
    for i, text in enumerate(cases(SEEDS, 1000 if FULL else 400, seed=part)):
        begun = time.perf_counter()
        check(text, i)
        slowest = max(slowest, time.perf_counter() - begun)
    if FULL:  # figures of a quiet machine; a shared one says nothing about hangs below the test's own timeout
        assert slowest < 2
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 500 << 10


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "\n".join("[" for _ in range(100_000)),
        "{a: " * 200_000,
        "- " * 500_000,
        "? " * 300_000,
        "a: " + "x" * 3_900_000,
        'a: "' + "\\n" * 1_900_000 + '"',
        "a: |\n" + "  line\n" * 500_000,
        "#" * 3_900_000,
        "\n" * 3_900_000,
        "&a [" + "*a," * 100_000 + "]",
        "\n".join(f"k{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 2000)),
        "!!" + "x" * 1_000_000 + " 1",
        "{" + ",".join(f"k{i}" for i in range(150_000)) + "}",
        "a" * 2000 + ": 1\n" * 2,
        "'" * 1_000_001,
        ("k: [" + "1," * 500 + "]\n") * 300,
        "---\n" * 100_000,
        "%YAML 9.9\n" * 10_000,
        "a: 1\n" * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_shapes_are_bounded(text: str) -> None:
    for which in range(3):
        check(text, which)


def test_a_file_over_the_limit_is_not_read() -> None:
    for which in range(3):
        artifact, (only,) = READERS[which]("a: " + "x" * (34 << 20), file="f.yaml")
        assert (artifact, only.id) == (None, "DYO-Y005")


def test_every_value_of_a_fuzzed_tree_has_a_place_that_reads_back() -> None:
    seen = 0
    for text in cases(SEEDS, 2000 if FULL else 300, seed=7):
        root, findings = read_yaml(text, "f")
        if root is None or findings:
            continue
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for pointer, span in SpanMap(root, "f").items():
            assert 1 <= span.line <= len(lines) + 1, pointer
            if span.line <= len(lines):
                assert span.column <= len(lines[span.line - 1]) + 1, pointer
            seen += 1
    assert seen > 1000


@given(
    st.lists(st.sampled_from([*WORDS, "0", "7", "~1", "", "a b"]), min_size=1, max_size=4).map(".".join),
    st.one_of(st.sampled_from([*WORDS, *SPICE]), st.text(max_size=20)),
)
def test_any_override_is_taken_or_refused_as_a_wrong_flag(key: str, value: str) -> None:
    refused = ""
    goal = None
    try:
        goal, findings = read_goal(SEEDS[0], file="g.yaml", overrides={key: value})
    except UsageError as error:
        refused = error.code
    else:
        assert goal is not None, findings
    assert (goal is None) == (refused in {"DY1010", "DY1011"})

"""Findings point at the exact character, however the file is written; the mark ``‸`` stands where they must."""

from __future__ import annotations

import pytest

from dyocense_cli.errors import Span
from dyocense_cli.kernel.goaldsl.parse import read_goal

HEAD = "dsl: goal/v1\nid: g\nmodel: m\ncontext: c\n"
WRONG = [
    HEAD + "horizon:\n  start: 2026-11-30\n  periods: ‸two\n",
    HEAD + "horizon:\n    'periods':    ‸'two'\n",
    HEAD + 'horizon: {"periods": ‸"two", every: week}\n',
    HEAD + "horizon: {every: week, ‸perods: 2}\n",
    HEAD + "horizon: {\n  every: week,\n  ‸perods: 2\n}\n",
    HEAD + "horizon:\n  periods: ‸>-\n    two\n    three\n",
    HEAD + "horizon:\n  periods: ‸|\n    two\n",
    HEAD + "horizon:\n  periods: ‸two\n    three\n",
    HEAD + "horizon:\n  periods:\t ‸two\n",
    HEAD + "horizon: {every: week,\t‸perods: 2}\n",
    HEAD + "title: '🥛🧀 é'\nhorizon: {periods: ‸two}\n",
    HEAD + "horizon: {every: '🥛', ‸perods: 2}\n",
    HEAD + "# 🥛 comment\nhorizon: # 🧀\n\n  # more\n  periods: ‸two\n",
    HEAD + "explain:\n  track:\n    - budget\n    - ‸[moq]\n",
    HEAD + "explain: {track: [budget, ‸{moq: 1}]}\n",
    HEAD + "? horizon\n: periods: ‸two\n",
    HEAD + "constraints:\n  a:\n    expression: x <= 1\n    hold: ‸\"sometimes\"\n",
    HEAD + "constraints:\n  a: {expression: x <= 1, relax: {cost: ‸cheap}}\n",
    HEAD + "limits:\n  service: {min: {'A B': 90 %, \"C/D\": ‸120 %}}\n",
]  # fmt: skip


@pytest.mark.parametrize("written", ["as is", "CRLF", "CR", "BOM", "no end"])
@pytest.mark.parametrize("text", WRONG)
def test_a_finding_points_at_its_character(text: str, written: str) -> None:
    before = text[: text.index("‸")].split("\n")
    plain = text.replace("‸", "")
    made = {
        "as is": plain,
        "CRLF": plain.replace("\n", "\r\n"),
        "CR": plain.replace("\n", "\r"),
        "BOM": "\ufeff" + plain,
        "no end": plain.rstrip("\n"),
    }[written]
    goal, findings = read_goal(made, file="g.yaml")
    assert goal is None
    places = [(f.where.line, f.where.column) for f in findings if isinstance(f.where, Span)]
    assert (len(before), len(before[-1]) + 1) in places, [f.message for f in findings]

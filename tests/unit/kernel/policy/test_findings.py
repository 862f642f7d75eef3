"""Messages are templates filled once; places are those of the goal's file."""

from __future__ import annotations

from typing import Any

import pytest

from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.policy.answer import Told
from dyocense_cli.kernel.policy.draft import draft
from dyocense_cli.kernel.policy.findings import fill, finding, pointer
from tests.unit.kernel.policy.world import goal_of

RULE = {"P": {"title": "T", "severity": "error", "message": "{a} is {b}", "remediation": "Do {a}.", "package": "dyocense.rules.x"}}


def test_a_value_cannot_make_a_slot() -> None:
    assert fill("{a} and {b}", {"a": "{b}", "b": "{a}"}) == "{b} and {a}"


def test_a_missing_argument_is_shown_as_unknown() -> None:
    assert fill("{a} and {z}", {"a": 1}) == "1 and ?"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8000.0, "8,000"),
        (0.95, "0.95"),
        (1e-7, "1e-07"),
        (2**53 + 1, "9,007,199,254,740,993"),
        (True, "true"),
        (None, "null"),
        (["a", 1], "a, 1"),
        ({"b": 1}, '{"b": 1}'),
        ('кл"юч😀', 'кл"юч😀'),
        ("a\nb", "a\\u000ab"),
        ("\u202eana\u0007", "\\u202eana\\u0007"),
    ],
)
def test_values_are_shown_on_one_visible_line(value: Any, text: str) -> None:
    assert fill("{x}", {"x": value}) == text


def test_a_pointer_escapes_its_parts() -> None:
    assert pointer(["a/b", 0, "~c"]) == "/a~1b/0/~0c"
    assert pointer([]) == ""


def test_a_path_that_is_not_in_the_file_is_told_at_its_parent() -> None:
    found = finding(Told("P", ("limits", "budget", "reason"), {"a": 1, "b": 2}), RULE, goal_of())
    assert (found.message, found.remediation, found.exact) == ("1 is 2", "Do 1.", False)
    assert str(found.where) == "goals/weekly.yaml:9:3"
    assert found.pointer == "/limits/budget/reason"


def test_a_draft_has_a_reason_and_is_not_evaluated() -> None:
    for noun in ("admission", "verdict"):
        made = draft(noun, "OPA upgrade")  # type: ignore[call-overload]  # both nouns in turn
        assert (made.allow, made.evaluated, made.draft_reason, made.engine) == (True, False, "OPA upgrade", "")
    with pytest.raises(UsageError, match="needs a reason"):
        draft("admission", " ")

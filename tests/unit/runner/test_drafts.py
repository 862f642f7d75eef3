"""A plan that policy did not decide on is a draft."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dyocense_cli.artifacts.policy import Admission, Verdict
from dyocense_cli.runner.drafts import UNASKED, draft_of

YES, GOOD = Admission(allow=True), Verdict(allow=True)
HELD, EMPTY = SimpleNamespace(x=[1.0]), SimpleNamespace(x=None)


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({"admission": YES, "solution": HELD, "verdict": GOOD}, ""),
        ({"admission": Admission(allow=True, evaluated=False, draft_reason="a"), "solution": HELD, "verdict": GOOD}, "a"),
        ({"admission": YES, "solution": HELD, "verdict": Verdict(allow=True, evaluated=False, draft_reason="b")}, "b"),
        ({"admission": YES, "solution": HELD}, UNASKED),
        ({"solution": HELD, "verdict": GOOD}, UNASKED),
        ({"admission": YES, "solution": EMPTY}, ""),
        ({"admission": Admission(allow=False)}, ""),
    ],
)
def test_a_draft_says_why(held: dict[str, Any], why: str) -> None:
    assert draft_of(held) == why

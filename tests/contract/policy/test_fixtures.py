"""All engines give the same answer about every shipped goal in its world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dyocense_cli import wiring
from dyocense_cli.artifacts.policy import Principal
from dyocense_cli.kernel.policy.document import admit_document
from dyocense_cli.runner.order import Order
from dyocense_cli.settings import load_settings
from tests.contract.policy.test_engines import NAMES
from tests.opa import ROOT, canon

GOALS = sorted(p.name for p in (ROOT / "goals").glob("*.yaml"))


@pytest.mark.parametrize("name", GOALS)
def test_engines_agree_about_a_shipped_goal(engines: dict[str, Any], tmp_path: Path, name: str) -> None:
    settings = load_settings({"cache": str(tmp_path / "cache"), "store": str(tmp_path / "runs")}, start=ROOT)
    execution = wiring.build(settings).run(Order(goal=f"goals/{name}"), until="bind")
    goal, context = execution.held["goal"].value, execution.held["context"].value
    for principal in (Principal(), Principal("acme", "free", "ana"), Principal("strict", "standard", "bo")):
        document = admit_document(goal, context, principal, as_of="2026-11-28")
        answers = [canon({k: v for k, v in engines[n].decide(document).items() if k not in ("catalogue", "expected")}) for n in NAMES]
        assert all(answer == answers[0] for answer in answers)
        assert isinstance(answers[0]["allow"], bool)
    assert GOALS

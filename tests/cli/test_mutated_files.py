"""Mutated goals, contexts and tables through the command line: exit 0 or 3, a code and a place, never a bug."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from tests.cli.project import make_project
from tests.property.yaml_fuzz import mutated

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
GOAL, CONTEXT = "goals/newsvendor.yaml", "fixtures/newsvendor/context.yaml"
TARGETS = (GOAL, CONTEXT, "fixtures/newsvendor/outcomes.csv", "goals/models/newsvendor.yaml")


def test_mutated_files_end_in_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [n for n in os.environ if n.startswith("DYOCENSE_")]:
        monkeypatch.delenv(name)
    project = make_project(tmp_path / "p")
    monkeypatch.chdir(project)
    whole = {name: (project / name).read_text("utf-8") for name in TARGETS}
    chance = random.Random(20261128)
    codes = {0: 0, 3: 0}
    for i in range(1000 if FULL else 60):
        name = TARGETS[i % len(TARGETS)] if i % 3 else GOAL
        text = mutated(whole[name], list(whole.values()), chance)
        (project / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        code = run(["lint", GOAL, "--json", "--no-policy-check"])
        out = capsys.readouterr()
        assert code in codes, (text, out.err)
        codes[code] += 1
        errors = [f for f in json.loads(out.out)["findings"] if f["severity"] == "error"]
        assert bool(errors) == (code == 3)
        assert all(f["id"].startswith("DY") and f["file"] and f["line"] >= 1 and f["message"] for f in errors)
        if any(f["id"].startswith(("DYO-Y", "DYO-S")) for f in errors):
            assert run(["plan", GOAL, "--quiet"]) == 3, text
            assert "error[DY" in capsys.readouterr().err
        (project / name).write_text(whole[name], "utf-8")
    assert codes[3] > codes[0] / 4

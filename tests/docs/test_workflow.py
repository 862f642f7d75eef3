"""The workflow that a user copies: it parses, and what it runs works in a project and leaves the files that it uploads."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT, Reader

PAGE = ROOT / "docs" / "howto" / "lint-in-ci.md"


def _workflow() -> dict[Any, Any]:
    found = re.search(r"^```yaml\n(name: plans\n.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    loaded: dict[Any, Any] = yaml.safe_load(found[1])
    return loaded


def _steps() -> list[dict[str, Any]]:
    (job,) = _workflow()["jobs"].values()
    return list(job["steps"])


def test_the_workflow_has_what_github_asks_for() -> None:
    workflow = _workflow()
    trigger = workflow[True]  # YAML 1.1 reads `on` as a switch; GitHub does not
    assert {"goals/**", "policies/**", "golden/**"} <= set(trigger["pull_request"]["paths"])
    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
    for step in _steps():
        assert ("uses" in step) != ("run" in step), step
        assert "uses" not in step or re.fullmatch(r"[\w./-]+@v\d+", step["uses"]), step


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A project with a golden goal, in which the workflow's own commands ran one after the other."""
    reader = Reader(tmp_path_factory.mktemp("workflow"), "dyocense init . --template custom")
    assert reader.type("dyocense golden update goals/farm.yaml")[0] == 0
    for step in _steps():
        if "run" in step and not step["run"].startswith("pip install"):
            code, out, err = reader.type(step["run"])
            assert code == 0, (step["run"], out, err)
    return reader


def test_what_it_uploads_is_there_and_reads_back(project: Reader) -> None:
    here = Path(f"{project.home}/work")
    sarif = json.loads((here / "lint.sarif").read_text("utf-8"))
    assert (sarif["version"], sarif["runs"][0]["tool"]["driver"]["name"]) == ("2.1.0", "dyocense")
    suite = ET.parse(here / "golden.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    uploads = [str(v) for s in _steps() if "upload" in s.get("uses", "") for k, v in s["with"].items() if k in {"sarif_file", "path"}]
    assert sorted(uploads) == ["golden.xml", "lint.sarif"]


def test_a_changed_price_turns_it_red(project: Reader) -> None:
    code, out, _ = project.type("sed -i 's/price: 170/price: 190/' fixtures/context.yaml\n" + next(s["run"] for s in _steps() if "golden check" in s.get("run", "")))
    assert code == 8
    assert "KPI profit" in out

"""Past runs under a candidate version: replayed for real, nothing written, each metric by its own operator."""

from __future__ import annotations

import hashlib
import json
import shutil
import sysconfig
import venv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.project import ROOT, Done, dyocense

FIGURES = "kpis=check_report.kpis,"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two runs: one with a plan, then one that has none."""
    folder = tmp_path_factory.mktemp("shadow")
    assert dyocense("init", ".", "--template", "newsvendor", cwd=folder).code == 0
    assert dyocense("plan", "goals/papers.yaml", "--quiet", cwd=folder).code == 0
    goal = (folder / "goals" / "papers.yaml").read_text("utf-8")
    never = goal.replace("id: papers", "id: never") + "constraints:\n  many: {expression: sum(buy) >= 10}\n  few: {expression: sum(buy) <= 5}\n"
    (folder / "goals" / "never.yaml").write_text(never, "utf-8")
    assert dyocense("plan", "goals/never.yaml", "--quiet", cwd=folder).code == 5
    return folder


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of this program whose plans tell 3 % more of every figure."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(ROOT / "dyocense_cli", folder / "dyocense_cli", ignore=shutil.ignore_patterns("__pycache__"))
    stage = folder / "dyocense_cli" / "kernel" / "plan" / "interpret.py"
    text = stage.read_text("utf-8")
    assert FIGURES in text
    stage.write_text(text.replace(FIGURES, "kpis={k: v * 1.03 for k, v in check_report.kpis.items()},"), "utf-8")
    return folder


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of another environment that has this program."""
    place = tmp_path_factory.mktemp("second")
    venv.create(place, with_pip=False)
    site = place / "lib" / Path(sysconfig.get_path("purelib")).parts[-2] / "site-packages"
    (site / "here.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n", "utf-8")
    return place / "bin" / "python"


def shadow(project: Path, *arguments: object) -> Done:
    return dyocense("golden", "shadow", *map(str, arguments), cwd=project)


def _bytes(project: Path) -> dict[str, str]:
    return {str(p.relative_to(project)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((project / "runs").rglob("*")) if p.is_file()}


def test_the_same_version_elsewhere_is_good_and_writes_nothing(project: Path, second: Path, tmp_path: Path) -> None:
    before = _bytes(project)
    done = shadow(project, "--against", second, "--junit", tmp_path / "shadow.xml")
    assert done.code == 0, done.out + done.err
    assert "2 of 2 runs good" in done.out
    assert _bytes(project) == before
    suite = ET.parse(tmp_path / "shadow.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), len(suite.findall("testcase"))) == ("2", "0", 2)


def test_a_changed_version_is_told_by_run_and_figure(project: Path, changed: Path, tmp_path: Path) -> None:
    before = _bytes(project)
    done = shadow(project, "--against", changed, "--goal", "papers", "--junit", tmp_path / "shadow.xml")
    assert done.code == 8
    assert "0 of 1 run good" in done.out
    assert "first difference: stage interpret at kpis" in done.out
    assert "fails  bought ==" in done.out
    assert "(+3.00%)" in done.out
    assert _bytes(project) == before
    failures = ET.parse(tmp_path / "shadow.xml").getroot().findall("testcase/failure")
    assert len(failures) == 1
    assert all("profit" in (f.text or "") for f in failures)


def test_each_metric_has_an_operator_of_its_own(project: Path, changed: Path) -> None:
    good = shadow(project, "@prev", "--against", changed, "--metric", "profit>=0", "--metric", "bought<=+5%", "--json")
    assert good.code == 0, good.err
    (run,) = json.loads(good.out)["runs"]
    assert [(m["name"], m["holds"]) for m in run["metrics"]] == [("profit", True), ("bought", True)]
    bad = shadow(project, "@prev", "--against", changed, "--metric", "profit>=0", "--metric", "bought<=+1%", "--json")
    assert bad.code == 8
    (run,) = json.loads(bad.out)["runs"]
    assert [m["holds"] for m in run["metrics"]] == [True, False]


def test_a_run_that_the_candidate_cannot_replay_fails_with_its_words(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "dyocense_cli").mkdir(parents=True)
    (broken / "dyocense_cli" / "__init__.py").write_text("", "utf-8")
    (broken / "dyocense_cli" / "__main__.py").write_text("import sys\nsys.exit(0 if '--version' in sys.argv else 'no solver is here')\n", "utf-8")
    done = shadow(project, "@last", "--against", broken)
    assert done.code == 8
    assert "the candidate could not replay it: no solver is here" in done.out


@pytest.mark.parametrize("against", ["0.0.99", "goals/papers.yaml", ""])
def test_what_is_no_candidate_is_wrong_usage(project: Path, against: str) -> None:
    done = shadow(project, "--against", against)
    assert done.code == 2
    assert "no candidate is named" in done.err


def test_replay_takes_a_checkout_too(project: Path, changed: Path) -> None:
    done = dyocense("replay", "@prev", "--against", str(changed), cwd=project)
    assert done.code == 8
    assert "figures differ: bought " in done.out

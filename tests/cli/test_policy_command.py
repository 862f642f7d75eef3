"""`dyocense policy`: build, test, explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from tests.opa import ROOT, opa_binary

__all__ = ["opa_binary"]

RULE = """package dyocense.rules.house

# METADATA
# title: The goal has no title
# custom:
#   id: POL-H001
#   severity: error
#   message: "the title {title} is too short"
#   remediation: Say what the goal is for.
deny contains f if {
	not has_title
	f := {"id": "POL-H001", "path": ["title"], "args": {"title": object.get(input.goal, "title", "")}}
}

has_title if count(input.goal.title) > 3
"""
TEST = """package dyocense.house_test

import data.dyocense.rules.house

test_a_short_title_is_told if {
	some f in house.deny with input as {"goal": {"title": "x"}}
	f.id == "POL-H001"
}

test_a_long_title_is_not if house.deny == set() with input as {"goal": {"title": "Bread"}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dyocense.toml").write_text("", encoding="utf-8")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "house.rego").write_text(RULE, encoding="utf-8")
    (tmp_path / "policies" / "house_test.rego").write_text(TEST, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.delenv("DYOCENSE_OPA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_build_writes_what_engines_and_auditors_need(project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "build", "--opa", opa_binary, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert sorted(Path(p).name for p in written) == ["base.tar.gz", "build.json", "capabilities.json", "org.tar.gz", "policy.wasm"]
    first = {p: Path(p).read_bytes() for p in written}
    assert run(["policy", "build", "--opa", opa_binary]) == 0
    assert {p: Path(p).read_bytes() for p in written} == first


def test_without_opa_build_and_test_say_how_to_get_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("build", "test"):
        assert run(["policy", verb]) == 7
        err = capsys.readouterr().err
        assert f"`dyocense policy {verb}` needs OPA" in err
        assert "go install github.com/open-policy-agent/opa@" in err


def test_tests_pass_with_coverage(project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "test", "--opa", opa_binary, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] == 2
    assert told["files"]["own/house.rego"] == 100.0


def test_a_test_that_fails_is_named(project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = project / "policies" / "house_test.rego"
    place.write_text(TEST.replace('"Bread"', '"x"'), encoding="utf-8")
    assert run(["policy", "test", "--opa", opa_binary]) == 3
    err = capsys.readouterr().err
    assert "1 of 2 tests of policies fail" in err
    assert "data.dyocense.house_test.test_a_long_title_is_not" in err


def test_too_little_coverage_is_an_error(project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = project / "policies" / "house.rego"
    place.write_text(RULE + '\nunused if input.goal.owner == "nobody"\n', encoding="utf-8")
    assert run(["policy", "test", "--opa", opa_binary, "--coverage", "100"]) == 3
    assert "own/house.rego" in capsys.readouterr().err


def test_policies_that_do_not_compile_say_where(project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "policies" / "house.rego").write_text(RULE + "\nbroken if undefined_thing(1)\n", encoding="utf-8")
    for verb in ("build", "test"):
        assert run(["policy", verb, "--opa", opa_binary]) == 3
        err = capsys.readouterr().err
        assert "error[DY3006]: OPA refuses the policies" in err
        assert "house.rego:17" in err


def test_a_rule_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "explain", "pol-h001"]) == 0
    assert "Say what the goal is for." in capsys.readouterr().out
    assert run(["policy", "explain", "POL-V001", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["effect"] == "supplier"
    assert run(["policy", "explain"]) == 0
    assert "POL-H001" in capsys.readouterr().out
    assert run(["policy", "explain", "data"]) == 0
    assert "vendors.deny" in capsys.readouterr().out


def test_an_unknown_rule_names_near_ones(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "explain", "POL-V009"]) == 2
    assert "near: POL-V0" in capsys.readouterr().err


def test_the_shipped_sources_pass_their_tests(opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "test", str(ROOT / "policies"), "--opa", opa_binary, "--coverage", "95"]) == 0
    assert "tests passed" in capsys.readouterr().out

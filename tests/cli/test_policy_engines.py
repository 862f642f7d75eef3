"""The command line with every kind of policy engine: documented exit codes and texts, and never a yes from a failure."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from tests.opa import ROOT, opa_binary, printing, write_fake

__all__ = ["opa_binary"]

GOAL = "goals/newsvendor.yaml"
YES = {
    "allow": True,
    "deny": [],
    "warn": [],
    "waived": [],
    "caps": [],
    "facts": [],
    "relax": [],
    "packages": ["fields", "spend", "tiers", "vendors"],
}
NO = {**YES, "allow": False, "deny": [{"id": "POL-G005", "path": [], "args": {"missing": "everything"}}]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own with the newsvendor goal, no settings from outside and no opa on PATH."""
    for name in ("goals", "fixtures/newsvendor"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "dyocense.toml").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for name in ("DYOCENSE_OPA", "DYOCENSE_OPA_URL", "DYOCENSE_STORE", "DYOCENSE_POLICIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fake(project: Path) -> Callable[[str], str]:
    """Return a maker of stand-ins for `opa` whose `eval` runs a Python body."""
    return functools.partial(write_fake, project)


def _runs(project: Path) -> list[Path]:
    return sorted(p.parent for p in project.glob("runs/*/manifest.json"))


FAILURES = {
    "broken": ("sys.exit(3)", "DY4201", "gave no verdict: it ended with exit code 3 and no answer"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "DY4201", "gave no verdict: it ended with signal 9 and no answer"),
    "garbage": ("print('yes, of course')", "DY4205", "gave no verdict: its answer is not JSON"),
    "undefined": ("print('{}')", "DY4205", "gave no verdict: the decision is undefined"),
    "half a decision": (printing({"allow": True}), "DY4205", "policy gave no verdict: `packages` is not a list"),
    "slow": ("time.sleep(600)", "DY4202", "gave no verdict"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_engine_that_fails_ends_a_plan_with_7_before_any_forecast(
    project: Path, fake: Callable[[str], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    body, code, text = FAILURES[case]
    if case == "slow":
        monkeypatch.setattr("dyocense_cli.adapters.policy.opa_process.HOST_TIMEOUT_S", 1.0)
    monkeypatch.setattr(
        "dyocense_cli.adapters.forecaster.builtin.BuiltinForecaster.forecast", lambda *_: pytest.fail("a forecast was made")
    )
    assert run(["plan", GOAL, "--opa", fake(body), "-q"]) == 7
    out = capsys.readouterr()
    assert out.out == ""
    assert f"error[{code}]" in out.err
    assert text in out.err
    assert "dyocense doctor" in out.err
    assert _runs(project) == []


def test_an_engine_that_denies_everything_ends_a_plan_with_4(
    project: Path, fake: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", GOAL, "--opa", fake(printing(NO)), "-q"]) == 4
    err = capsys.readouterr().err
    assert "error[POL-G005]: the question to policy is incomplete: everything" in err
    assert "DY42" not in err
    (found,) = _runs(project)
    manifest = json.loads((found / "manifest.json").read_text(encoding="utf-8"))
    body = manifest.get("body", manifest.get("predicate", manifest))
    assert "DENIED" in json.dumps(body)


def test_a_server_that_is_not_there_ends_a_plan_with_7_and_names_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYOCENSE_OPA_URL", "http://127.0.0.1:1")
    assert run(["plan", GOAL, "-q"]) == 7
    err = capsys.readouterr().err
    assert "OPA at http://127.0.0.1:1 cannot be reached" in err
    assert "dyocense doctor" in err
    assert "--policy-unavailable=draft" in err


def test_own_rules_without_opa_end_a_plan_with_7_and_say_what_to_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "policies").mkdir()
    (project / "policies" / "house.rego").write_text("package dyocense.rules.house\n\nx := 1\n", encoding="utf-8")
    assert run(["plan", GOAL, "-q"]) == 7
    err = capsys.readouterr().err
    assert "error[DY4204]: no verdict: own policies need OPA, and none is found" in err
    assert "dyocense policy build" in err


def test_policies_that_redefine_a_shipped_package_are_bad_input(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "policies").mkdir()
    (project / "policies" / "x.rego").write_text("package dyocense.main\n\ndecision := {}\n", encoding="utf-8")
    assert run(["plan", GOAL, "-q"]) == 3
    assert "this policy redefines the shipped package dyocense.main" in capsys.readouterr().err


def test_a_draft_needs_a_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", GOAL, "--policy-unavailable=draft", "-q"]) == 2
    assert "--reason" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["fake", "opa", "wasm"])
def test_an_engine_that_says_yes_lets_a_plan_through(
    project: Path, fake: Callable[[str], str], request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    named = {"fake": lambda: ["--opa", fake(printing(YES))], "opa": lambda: ["--opa", request.getfixturevalue("opa_binary")], "wasm": list}[
        engine
    ]()
    assert run(["plan", GOAL, "--json", *named]) == 0
    assert json.loads(capsys.readouterr().out)["status"] in ("OPTIMAL", "FEASIBLE")
    (found,) = _runs(project)
    policy = json.loads((found / "policy.json").read_text(encoding="utf-8"))
    for part in ("admission", "verdict"):
        assert policy[part]["allow"] is True
        assert policy[part]["evaluated"] is True
        assert policy[part]["engine"] == ("opa_wasm" if engine == "wasm" else "opa_process")
        assert json.loads(policy[part]["record"])["result"]["allow"] is True


def test_a_draft_is_marked_and_gone_when_policy_is_back(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYOCENSE_OPA_URL", "http://127.0.0.1:1")
    assert run(["plan", GOAL, "-q", "--policy-unavailable=draft", "--reason", "OPA upgrade INC-88"]) == 0
    assert "DRAFT" in capsys.readouterr().out
    (found,) = _runs(project)
    policy = json.loads((found / "policy.json").read_text(encoding="utf-8"))
    assert (policy["admission"]["evaluated"], policy["verdict"]["evaluated"]) == (False, False)
    assert policy["admission"]["draft_reason"] == "OPA upgrade INC-88"
    assert run(["plan", GOAL, "-q"]) == 7
    monkeypatch.delenv("DYOCENSE_OPA_URL")
    assert run(["plan", GOAL, "-q"]) == 0
    assert "DRAFT" not in capsys.readouterr().out


def test_a_second_plan_asks_nothing(project: Path, fake: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    note = project / "asked"
    binary = fake(f"open({str(note)!r}, 'a').write('x'); {printing(YES)}")
    assert run(["plan", GOAL, "-q", "--opa", binary]) == 0
    assert note.read_text(encoding="utf-8") == "xx"
    assert run(["plan", GOAL, "-q", "--opa", binary]) == 0
    assert note.read_text(encoding="utf-8") == "xx"


def test_doctor_says_which_engine_decides(
    project: Path, opa_binary: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["doctor"]) == 0
    assert "opa_wasm wasmtime-" in capsys.readouterr().out
    monkeypatch.setenv("DYOCENSE_OPA", opa_binary)
    assert run(["doctor"]) == 0
    assert "opa_process 1." in capsys.readouterr().out
    monkeypatch.setenv("DYOCENSE_OPA", str(project / "nowhere"))
    assert run(["doctor"]) == 0
    assert "no plan can be approved" in capsys.readouterr().out

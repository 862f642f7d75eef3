"""`lint` through the command line: exit codes, formats, fixes, baselines, folders."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from tests.unit.kernel.lint.examples import PAGES, project

Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Run `dyocense lint` inside a project made of the base of the rules' examples."""
    for name in ("DYOCENSE_OPA", "DYOCENSE_OPA_URL", "DYOCENSE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, text in project(PAGES["DYO-X007"], ()).items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "dyocense.toml").write_text("")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["lint", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def edit(name: str, old: str, new: str) -> None:
    path = Path(name)
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_warnings_alone_are_exit_0_unless_strict(lint: Lint) -> None:
    code, out, _ = lint("goal.yaml", "--no-policy-check")
    assert code == 0
    assert "warning[DYO-X007]" in out
    assert out.endswith("1 file: 2 warnings\n")
    assert lint("goal.yaml", "--no-policy-check", "--strict")[0] == 3


def test_an_error_is_exit_3_with_its_line_and_caret(lint: Lint) -> None:
    edit("goal.yaml", "periods: 2", "perods: 2")
    code, out, _ = lint("goal.yaml")
    assert code == 3
    assert "error[DYO-S002]: `horizon` has no field `perods`\n  --> goal.yaml:6:11\n6 | horizon: {perods: 2, " in out
    assert "\n  |           ^^^^^^\nhint: Did you mean `periods`?" in out


def test_the_exit_code_does_not_depend_on_the_format(lint: Lint) -> None:
    edit("goal.yaml", "periods: 2", "perods: 2")
    outs = {form: lint("goal.yaml", "--format", form) for form in ("text", "json", "sarif", "junit", "github")}
    assert {code for code, _, _ in outs.values()} == {3}
    assert json.loads(outs["json"][1])["counts"] == {"error": 1, "warning": 0, "info": 0, "waived": 0}
    assert json.loads(outs["sarif"][1])["runs"][0]["results"][0]["ruleId"] == "DYO-S002"
    assert ET.fromstring(outs["junit"][1])[0].get("failures") == "1"
    assert outs["github"][1].startswith("::error file=goal.yaml,line=6,col=11,")


def test_a_denial_is_exit_4_with_rule_line_and_remedy(lint: Lint) -> None:
    Path("policies").mkdir()
    Path("policies/data.json").write_text(json.dumps({"vendors": {"deny": [{"supplier": "S1", "reason": "recall"}]}}))
    code, out, _ = lint("goal.yaml", "--json")
    document = json.loads(out)
    denied = [f for f in document["findings"] if f["id"].startswith("POL-")]
    assert (code, document["allow"]) == (4, False)
    assert denied
    assert all(f["remediation"] and f["file"] and f["source"] == "policy" for f in denied)


def test_no_verdict_is_exit_7_and_never_allowed(lint: Lint) -> None:
    code, out, err = lint("goal.yaml", "--json", "--opa", str(Path("no-such-opa").absolute()))
    assert code == 7
    assert "error[DY42" in err
    assert json.loads(out)["allow"] is None


def test_set_is_linted_as_if_written(lint: Lint) -> None:
    code, _, err = lint("goal.yaml", "--set", "horizon.perods=3")
    assert code == 2
    assert "no field `perods`" in err
    assert lint("goal.yaml", "--set", "horizon.periods=1", "--no-policy-check")[1].count("DYO-O009") == 0


def test_fix_makes_the_safe_fixes(lint: Lint) -> None:
    edit("goal.yaml", "limits:", 'max_churn: "0.2"  # dyocense: ignore DYO-G002 -- nothing here\nlimits:')
    code, out, err = lint("goal.yaml", "--fix", "--no-policy-check")
    assert code == 0
    assert "fixed 2 findings" in err
    assert "DYO-S011" not in out
    assert "max_churn: 0.2\nlimits:" in Path("goal.yaml").read_text()


def test_a_baseline_takes_what_was_there_and_nothing_new(lint: Lint) -> None:
    edit("goal.yaml", "periods: 2", "perods: 2")
    assert lint("goal.yaml", "--baseline", "known.json")[0] == 0
    assert lint("goal.yaml", "--baseline", "known.json", "--strict")[0] == 0
    edit("goal.yaml", "every: week", "evry: week")
    code, out, _ = lint("goal.yaml", "--baseline", "known.json")
    assert code == 3
    assert "waived: in the baseline" in out


def test_a_folder_is_linted_file_by_file(lint: Lint) -> None:
    Path("more").mkdir()
    Path("more/other.yaml").write_text("services: {}\n")
    Path("more/model.yaml").write_text("dsl: model/v1\n")
    Path("more/context.yaml").write_text("dsl: context/v1\ncurrency: EUR\ntables: {skus: {file: none.csv}}\n")
    code, out, _ = lint(".", "--json", "--no-policy-check")
    document = json.loads(out)
    assert document["files"] == ["context.yaml", "goal.yaml", "m.yaml", "more/context.yaml", "more/model.yaml"]
    assert code == 3
    assert [(f["id"], f["file"]) for f in document["findings"] if f["severity"] == "error"] == [
        ("DY2002", "more/context.yaml"), ("DYO-S004", "more/model.yaml"), ("DYO-S004", "more/model.yaml")]  # fmt: skip


def test_findings_of_a_shared_context_are_told_once(lint: Lint) -> None:
    edit("context.yaml", "price: 0.8", "price: -0.8")
    Path("second.yaml").write_text(Path("goal.yaml").read_text())
    document = json.loads(lint("goal.yaml", "second.yaml", "--json")[1])
    assert [(f["id"], f["file"]) for f in document["findings"] if f["severity"] == "error"] == [
        ("DYO-S006", "context.yaml"), ("DY2005", "goal.yaml"), ("DY2005", "second.yaml")]  # fmt: skip
    whole = json.loads(lint(".", "--json")[1])
    assert [(f["id"], f["file"]) for f in whole["findings"] if f["severity"] == "error"] == [
        ("DYO-S006", "context.yaml"), ("DY2005", "goal.yaml"), ("DY2005", "second.yaml")]  # fmt: skip


@pytest.mark.parametrize("name", ["missing.yaml", "../outside.yaml", "/etc/hostname"])
def test_files_that_cannot_be_read_are_findings(lint: Lint, name: str) -> None:
    code, out, _ = lint(name)
    assert code == 3
    assert "error[DY200" in out


def test_wrong_use_is_exit_2(lint: Lint) -> None:
    assert lint("goal.yaml", "--format", "yaml")[0] == 2
    Path("empty").mkdir()
    assert lint("empty")[0] == 2
    Path("broken.json").write_text("[]")
    assert lint("goal.yaml", "--no-policy-check", "--baseline", "broken.json")[0] == 2


def test_plan_runs_the_rules_before_it_forecasts(lint: Lint, capsys: pytest.CaptureFixture[str]) -> None:
    edit("goal.yaml", "limits:", "constraints: {nearby: sum(spent) >= 0}\nlimits:")
    assert lint("goal.yaml", "--no-policy-check")[0] == 3
    assert run(["plan", "goal.yaml"]) == 3
    err = capsys.readouterr().err
    assert "error[DYO-X012]: `nearby` names `spent`" in err
    assert "demand forecast" not in err


def test_a_model_alone_is_judged_with_every_limit_set(lint: Lint) -> None:
    assert lint("m.yaml")[0] == 0
    edit("m.yaml", "  budget: {settings", "  late: {}\n  budget: {settings")
    edit("m.yaml", "constraints:\n", "constraints:\n  late: {limit: late, expression: sum(ordr) <= 3}\n")
    code, out, _ = lint("m.yaml")
    assert code == 3
    assert "error[DY2203]" in out
    assert "m.yaml:15:39" in out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("context.yaml", "contxt.yaml", "error[DY2002]: there is no file `contxt.yaml`\n  --> goal.yaml:5:10"),
        ("context.yaml", "../../etc/passwd", "error[DY2001]: `../../etc/passwd` leads out of the project\n  --> goal.yaml:5:10"),
        ("m.yaml", "/etc/passwd.yaml", "error[DY2001]: `/etc/passwd.yaml` leads out of the project\n  --> goal.yaml:4:8"),
    ],
)
def test_plan_places_a_wrong_path_at_its_line(lint: Lint, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str) -> None:
    edit("goal.yaml", old, new)
    assert lint("goal.yaml")[0] == 3
    assert run(["plan", "goal.yaml"]) == 3
    assert says in capsys.readouterr().err

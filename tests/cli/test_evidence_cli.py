"""`evidence`, `runs` and `diff` through the real door, on recorded synthetic runs."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.blobs.runs_directory import DirectoryRuns
from dyocense_cli.cli.app import run as dyocense
from tests.recorded_run import store_run
from tests.synthetic_run import Case, infeasible, synthetic


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dyocense.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("DYOCENSE_")]:
        monkeypatch.delenv(name)
    runs = DirectoryRuns(str(tmp_path / "runs"))
    store_run(runs, "0001", synthetic(8))
    case = synthetic(8)
    plan = case.held["plan"]
    steps = (dataclasses.replace(plan.steps[0], qty=60.0, cost=99.0), *plan.steps[2:])
    changed = Case({**case.held, "plan": dataclasses.replace(plan, steps=steps, kpis={**plan.kpis, "service": 0.9})}, case.values)
    store_run(runs, "0002", changed, created="2026-11-29T10:00:00Z")
    return tmp_path


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = dyocense(list(arguments))
    out = capsys.readouterr()
    return code, out.out, out.err


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = _call(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_why_names_rows_rules_and_hashes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _call(capsys, "evidence", "why", "0001", "--line", "PO-0001")
    assert code == 0
    assert "offers.csv, row" in out
    assert "goals/shop.yaml:17:3" in out
    document = _json(capsys, "evidence", "why", "0001", "--line", "PO-0001")
    stored = {p.stem for p in (project / "runs/0001/artifacts").glob("*.json")}
    assert {i["artifact"] for c in document["claims"] for i in c["inputs"]} <= stored
    assert _json(capsys, "evidence", "why", "PO-0003")["run_id"] == "0002"
    code, _, err = _call(capsys, "evidence", "why", "0001", "--line", "PO-9999")
    assert code == 8
    assert "PO-0001" in err


def test_evidence_is_written_asked_and_only_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = _json(capsys, "evidence", "write")["written"]
    assert [w["run_id"] for w in written] == ["0001", "0002"]
    assert written[0]["evidence_ref"] == "ladybug://run/" + "1" * 64
    rows = _json(capsys, "evidence", "query", "lines", "--param", "run=0001")
    assert [r["line"] for r in rows] == [f"PO-{k:04d}" for k in range(1, 9)]
    rows = _json(capsys, "evidence", "query", "MATCH (l:Line) RETURN count(l) AS n")
    assert rows == [{"n": 15}]
    code, _, err = _call(capsys, "evidence", "query", "MATCH (n) DETACH DELETE n")
    assert code == 2
    assert "DY4402" in err
    code, _, err = _call(capsys, "evidence", "query", "line")
    assert code == 2
    assert "no query is named `line`" in err
    assert "lines" in err
    code, _, err = _call(capsys, "evidence", "query", "lines")
    assert code == 2
    assert "--param run=" in err


def test_verify_finds_a_flipped_byte_and_names_the_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _call(capsys, "evidence", "verify")[0] == 0
    path = project / "runs/0001/artifacts/plan.json"
    path.write_bytes(path.read_bytes().replace(b"PO-0002", b"PO-0992", 1))
    code, out, _ = _call(capsys, "evidence", "verify", "0001", "0002")
    assert code == 8
    assert "artifacts/plan.json: was altered" in out
    assert out.count("whole") == 1


def test_exports_are_in_the_open_forms(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = project / "march.zip"
    assert _call(capsys, "evidence", "export", "0001", "--output", str(target))[0] == 0
    with zipfile.ZipFile(target) as archive:
        names = set(archive.namelist())
        crate = json.loads(archive.read("ro-crate-metadata.json"))
        prov = json.loads(archive.read("prov.json"))
    assert {"report.html", "manifest.json", "prov.json", "openlineage.json", "plan.csv"} <= names
    ids = [e["@id"] for e in crate["@graph"]]
    assert len(ids) == len(set(ids))
    root = next(e for e in crate["@graph"] if e["@id"] == "./")
    assert {p["@id"] for p in root["hasPart"]} <= names
    known = {*prov["entity"], *prov["activity"], *prov["agent"]}
    for relation, body in prov.items():
        if relation.startswith("was") or relation == "used":
            for ends in body.values():
                assert {v for k, v in ends.items() if k != "prov:type"} <= known
    assert _call(capsys, "evidence", "verify", "--bundle", str(target))[0] == 0
    assert target.read_bytes() == _again(capsys, project)


def _again(capsys: pytest.CaptureFixture[str], project: Path) -> bytes:
    assert _call(capsys, "evidence", "export", "0001", "--output", str(project / "again.zip"))[0] == 0
    return (project / "again.zip").read_bytes()


def test_a_damaged_bundle_is_found_and_something_else_is_no_bundle(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = project / "march.zip"
    _call(capsys, "evidence", "export", "0001", "--output", str(target))
    with zipfile.ZipFile(target) as archive:
        held = {n: archive.read(n) for n in archive.namelist()}
    held["plan.csv"] = held["plan.csv"].replace(b"PO-0001", b"PO-0091")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    target.write_bytes(out.getvalue())
    code, text, _ = _call(capsys, "evidence", "verify", "--bundle", str(target))
    assert code == 8
    assert "plan.csv: was altered" in text
    target.write_bytes(b"PK no zip")
    code, _, err = _call(capsys, "evidence", "verify", "--bundle", str(target))
    assert code == 8
    assert "DY5013" in err


def test_a_draft_is_never_exported_as_approved(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(DirectoryRuns("runs"), "0003", synthetic(4), draft="OPA upgrade INC-88")
    code, _, err = _call(capsys, "evidence", "export", "0003", "--approved", "--output", "x.zip")
    assert code == 4
    assert "INC-88" in err
    assert not Path("x.zip").exists()
    code, out, _ = _call(capsys, "evidence", "export", "0003", "--format", "ro-crate")
    assert code == 0
    assert '"creativeWorkStatus": "Draft"' in out


def test_diff_lists_line_changes_and_deltas(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = _json(capsys, "diff", "0001", "0002")
    assert [c["what"] for c in document["lines"]] == ["resized", "removed"]
    assert document["unchanged"] == 6
    assert [k["name"] for k in document["kpis"]] == ["service"]
    code, out, _ = _call(capsys, "diff", "@prev", "@last", "--md")
    assert code == 0
    assert "| resized | PO-0001 |" in out
    assert "### Figures" in out


def test_gc_keeps_the_last_runs_of_each_plan(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dry = _json(capsys, "runs", "gc", "--keep-last", "1", "--dry-run")
    assert (dry["removed"], list(dry["kept"])) == (["0001"], ["0002"])
    assert _json(capsys, "runs", "gc", "--keep-last", "1", "--keep", "0001")["removed"] == []
    assert _json(capsys, "evidence", "gc", "--keep-last", "1")["removed"] == ["0001"]
    assert [r["run_id"] for r in _json(capsys, "runs", "list")] == ["0002"]


def test_what_goes_is_archived_first(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in (project / "runs/0001").iterdir() if p.is_file()}
    assert _json(capsys, "runs", "gc", "--keep-last", "1", "--archive", "cold")["removed"] == ["0001"]
    assert not (project / "runs/0001").exists()
    assert {p.name: p.read_bytes() for p in (project / "cold/0001").iterdir() if p.is_file()} == before
    assert _call(capsys, "evidence", "verify", "0001", "--store", "cold")[0] == 0


def test_a_run_that_another_refers_to_is_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(DirectoryRuns("runs"), "0003", synthetic(4), options={"warm_start": "0001"})
    assert _json(capsys, "runs", "gc", "--keep-last", "1")["removed"] == ["0002"]


def test_similar_runs_are_found_without_a_server(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(DirectoryRuns("runs"), "0003", infeasible())
    found = _json(capsys, "evidence", "similar", "0001")["similar"]
    assert [n["run_id"] for n in found] == ["0002", "0003"]
    assert found[0]["distance"] < found[1]["distance"]


def test_reports_and_workbooks_are_written_from_the_store(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _call(capsys, "evidence", "report", "0001", "--output", "r.html")[0] == 0
    assert Path("r.html").read_bytes() == (project / "runs/0001/report.html").read_bytes()
    assert _call(capsys, "runs", "show", "0001")[1].startswith("run id           0001")


def test_push_without_a_remote_says_how_to_name_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _call(capsys, "runs", "push")
    assert code == 2
    assert "s3://bucket/prefix" in err


def test_push_and_pull_move_runs_through_the_real_server(
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    minio: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in minio.items():
        monkeypatch.setenv(name, value)
    from tests.contract.s3_doors import bucket_url

    url = bucket_url()
    assert _json(capsys, "runs", "push", "--store", url)["pushed"] == ["0001", "0002"]
    assert _json(capsys, "runs", "push", "--store", url)["there_already"] == ["0001", "0002"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "dyocense.toml").write_text("")
    monkeypatch.chdir(elsewhere)
    assert _json(capsys, "runs", "pull", "--store", url)["pulled"] == ["0001", "0002"]
    assert (elsewhere / "runs/0001/manifest.json").read_bytes() == (project / "runs/0001/manifest.json").read_bytes()
    assert [r["run_id"] for r in _json(capsys, "runs", "list", "--store", url)] == ["0001", "0002"]


@pytest.mark.parametrize("command", ["evidence", "runs", "replay", "diff"])
def test_help_imports_no_heavy_library(command: str) -> None:
    heavy = {"numpy", "duckdb", "highspy", "ladybug", "neo4j", "minio", "obstore", "qdrant_client", "jinja2"}
    program = (
        f"import sys; from dyocense_cli.cli.app import run; run([{command!r}, '--help']); sys.exit(3 if {sorted(heavy)!r} and "
        f"set({sorted(heavy)!r}) & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
